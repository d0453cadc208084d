"""Runs tasks: with transformers, or with the `grokscope` program."""

from __future__ import annotations

import json
import logging
import subprocess
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from ..errors import CollectionError
from ..samples import Tokens
from ..trace import Trace, read_trace
from .checkpoints import Checkpoint
from .tasks import Sweep, Task

log = logging.getLogger("grokscope")


class Worker(Protocol):
    """Runs one task after the other."""

    def run(self, task: Task) -> None:
        """Runs a task, writes its part and merges the checkpoint if it was the last one. Raises GrokscopeError."""


@dataclass(frozen=True)
class Engine:
    """How checkpoints are run."""

    #: `transformers` or `grokscope`.
    name: str = "transformers"
    dtype: str = "float32"
    device: str | None = None
    routers: str | None = None
    gate_kind: str | None = None
    tokenizer: str | None = None
    threads: int | None = None
    #: The program of the engine `grokscope`.
    program: str = "grokscope"

    def settings(self, batch_size: int) -> str:
        """What the result depends on, as text."""
        known: dict[str, Any] = {"engine": self.name}
        if self.name == "transformers":
            known |= {"dtype": self.dtype, "batch_size": batch_size}
            known |= {key: value for key, value in (("routers", self.routers), ("gate_kind", self.gate_kind)) if value}
        return json.dumps(known)

    def worker(self, sweep: Sweep) -> Worker:
        """A worker for this process."""
        return ProgramWorker(sweep, self) if self.name == "grokscope" else TransformersWorker(sweep, self)


class TransformersWorker:
    """Runs checkpoints with transformers. The model stays loaded for the shards of one checkpoint."""

    def __init__(self, sweep: Sweep, engine: Engine) -> None:
        self.sweep, self.engine = sweep, engine
        self._loaded: tuple[Checkpoint, Any, list[Tokens]] | None = None

    def run(self, task: Task) -> None:
        import torch

        from ..collector import trace_of
        from ..measure import measure
        from ..options import Options

        if self.sweep.is_done(task):
            self.sweep.merge(task.checkpoint)
            return
        if self.engine.threads:
            torch.set_num_threads(self.engine.threads)
        model, tokens = self._load(task.checkpoint)
        batches = self.sweep.batches(tokens, task.shard)
        options = Options(routers=self.engine.routers, gate_kind=self.engine.gate_kind, router_weights=task.shard == 0)
        measured = measure(model, tokens, batches, options)
        self.sweep.write_part(task, trace_of(measured, self.sweep.probe, task.checkpoint.step), measured.places)
        self.sweep.merge(task.checkpoint)

    def _load(self, checkpoint: Checkpoint) -> tuple[Any, list[Tokens]]:
        if self._loaded is not None and self._loaded[0] == checkpoint:
            return self._loaded[1:]
        import torch
        from transformers import AutoModelForCausalLM, AutoTokenizer

        self._loaded = None  # Frees the last model before the next one is read.
        model: Any = AutoModelForCausalLM.from_pretrained(
            checkpoint.source, revision=checkpoint.revision, dtype=getattr(torch, self.engine.dtype)
        )
        device = self.engine.device or ("cuda" if torch.cuda.is_available() else "cpu")
        tokenize = None
        if any(sample.input_ids is None for sample in self.sweep.probe.samples):
            name = self.engine.tokenizer or checkpoint.source
            tokenizer = AutoTokenizer.from_pretrained(name, revision=None if self.engine.tokenizer else checkpoint.revision)
            tokenize = lambda text: tokenizer(text)["input_ids"]  # noqa: E731
        self._loaded = (checkpoint, model.to(device).eval(), self.sweep.probe.tokenized(tokenize))
        return self._loaded[1:]


class ProgramWorker:
    """Runs checkpoints with `grokscope trace`, which reads one layer after the other: models may exceed memory."""

    def __init__(self, sweep: Sweep, engine: Engine) -> None:
        self.sweep, self.engine = sweep, engine

    def run(self, task: Task) -> None:
        if not self.sweep.is_done(task):
            places = list(range(task.shard, len(self.sweep.probe), self.sweep.shards))
            self.sweep.write_part(task, self._trace(task, places), places)
        self.sweep.merge(task.checkpoint)

    def _trace(self, task: Task, places: list[int]) -> Trace:
        probe = self.sweep.probe
        with tempfile.TemporaryDirectory(prefix="grokscope-") as folder:
            samples, output = Path(folder, "samples.jsonl"), Path(folder, "traces")
            lines = [json.dumps(_cut(probe.samples[place].content(), probe.max_tokens)) for place in places]
            samples.write_text("\n".join(lines) + "\n", encoding="utf-8")
            command = [
                self.engine.program, "trace", "--checkpoint", task.checkpoint.source, "--samples", str(samples),
                "--output", str(output),
            ]  # fmt: skip
            try:
                ended = subprocess.run(command, capture_output=True, text=True, check=False)
            except OSError as error:
                raise CollectionError(
                    f"{self.engine.program}: {error.strerror or error}. Install it with `cargo install --path crates/cli`, or "
                    "give its path with --grokscope."
                ) from error
            written = sorted(output.glob("*.safetensors")) if output.is_dir() else []
            if ended.returncode != 0 or len(written) != 1:
                words = (ended.stderr or ended.stdout).strip()[-2000:]
                raise CollectionError(f"{task.checkpoint.name}: grokscope trace failed: {words}")
            trace = read_trace(written[0])
        labels = [probe.labels[place] for place in places]
        if [one["id"] for one in trace.samples] != [one["id"] for one in labels]:
            raise CollectionError(f"{task.checkpoint.name}: grokscope trace returned other samples than given.")
        weight = trace.router_weight if task.shard == 0 else None
        return replace(trace, samples=labels, router_weight=weight)


def _cut(content: dict[str, Any], max_tokens: int | None) -> dict[str, Any]:
    if max_tokens is not None and "input_ids" not in content:
        raise CollectionError("The engine grokscope cannot cut texts. Leave --max-tokens out, or give `input_ids`.")
    if max_tokens is not None and "targets" not in content:
        ids = content["input_ids"]
        content["targets"] = [*ids[1:], -100]
    cut = ("input_ids", "targets")
    return {key: value[:max_tokens] if key in cut else value for key, value in content.items()}
