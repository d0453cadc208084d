"""Records the routing of a fixed probe set while a model trains."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np

from .batches import plan
from .errors import CollectionError, GrokscopeError
from .folder import TraceFolder
from .forward import Forward, default_forward
from .measure import measure, parts_of
from .options import Options, Rows
from .ranks import Ranks
from .routers import Chosen, find_routers, kind_of
from .samples import ProbeSet, Tokenize
from .sums import Measured
from .trace import Trace

log = logging.getLogger("grokscope")


class Collector:
    """Runs the probe set at a checkpoint and writes its trace.

        collector = Collector("samples.jsonl", "traces/")
        collector.collect(model, step)

    The model trains on as if nothing had been run. With torch.distributed, all ranks call `collect` together.
    """

    def __init__(
        self,
        samples: ProbeSet | str | Path,
        folder: str | Path,
        *,
        routers: Chosen | None = None,
        gate_kind: str | None = None,
        forward: Forward | None = None,
        tokenize: Tokenize | None = None,
        max_tokens: int | None = None,
        batch_size: int = 8,
        rows: Rows = "batch",
        multiple: int = 1,
        data_parallel: tuple[int, int] | None = None,
        group: Any = None,
        selected: bool = True,
        router_weights: bool = True,
        half_gates: bool = False,
        float64: bool | None = None,
        model_name: str = "",
        run: str | None = None,
    ) -> None:
        """Reads the samples. Raises SamplesError.

        - `samples`: JSON lines with `id`, `domain`, and `input_ids` or `text` (then also `tokenize`).
        - `folder`: where `step-N.safetensors` are written; one folder per run.
        - `routers`: a regular expression for the names of the routers, their names, or a function of name and module;
          needed only if they are not found.
        - `gate_kind`: `softmax-mean` or `sigmoid-normalized-mean`, if the family is not known.
        - `forward`: runs the model on a batch and returns logits or token losses, if the model is not called with ids.
        - `max_tokens`: cuts every sample.
        - `rows`, `multiple`: for routers whose rows are not the tokens of the batch in order (`options.Rows`).
        - `data_parallel`: (index, count) of this rank, to share the batches; else every rank runs all of them.
        - `group`: the process group that takes part; else all ranks.
        - `selected`, `router_weights`: whether to record selected experts and router matrices.
        - `half_gates`: stores gates in 16 bits.
        - `float64`: False sums in compensated float32; by default the device decides.
        - `run`: a name, so that another run is not written into the same folder.
        """
        self.probe = ProbeSet.read(samples, max_tokens) if isinstance(samples, (str, Path)) else samples
        if max_tokens is not None and self.probe.max_tokens != max_tokens:
            self.probe = self.probe.with_max_tokens(max_tokens)
        self.tokens = self.probe.tokenized(tokenize)
        self.batches = plan([len(one.ids) for one in self.tokens], batch_size)
        self.folder = TraceFolder(folder)
        self.options = Options(routers, gate_kind, forward or default_forward, rows, multiple, selected, router_weights, float64)
        self.data_parallel = data_parallel
        self.group = group
        self.half_gates = half_gates
        self.model_name = model_name
        self.run = run

    def check(self, model: Any, start: int | None = None) -> None:
        """Finds out before training whether collecting can work: the routers, their rule, and the folder.

        `start` is the step where training starts; at 0, a folder with later traces is refused.

        Raises GrokscopeError, on all ranks if on one.
        """
        ranks = Ranks(self.group)
        trouble: Exception | None = None
        try:
            parts = parts_of(model)
            found = find_routers(parts, self.options.routers, allow_none=ranks.count > 1)
            if found:
                kind_of(found, parts, self.options.gate_kind)
            if ranks.is_first:
                self.folder.open()
                self.folder.check_belongs(self.folder.traces(), self.probe.hash, self.run)
                if start is not None:
                    self.folder.check_start(start)
        except Exception as error:
            trouble = error
        ranks.agree(trouble)

    def resume(self, step: int) -> list[Path]:
        """Says that training goes on from `step`: later traces in the folder get other names, which it returns.

        Raises GrokscopeError, on all ranks if on one.
        """
        ranks = Ranks(self.group)
        trouble: Exception | None = None
        renamed: list[Path] = []
        try:
            if ranks.is_first:
                self.folder.open()
                renamed = self.folder.resume(step)
        except Exception as error:
            trouble = error
        ranks.agree(trouble)
        if renamed:
            log.warning("Training goes on from step %d; set aside: %s", step, ", ".join(path.name for path in renamed))
        return renamed

    def collect(self, model: Any, step: int, tokens: int | None = None) -> Path:
        """Runs the probe set and writes the trace of `step`; returns its path. `tokens`: training tokens seen by then.

        A step that the folder has already, as its newest one, is not run again.

        Raises GrokscopeError, on all ranks if on one. Training state and earlier traces then are as before.
        """
        ranks = Ranks(self.group)
        if not self._is_wanted(step, ranks):
            return self.folder.file(step)
        trace = self.measure(model, step, tokens, ranks)
        trouble: Exception | None = None
        try:
            if ranks.is_first:
                _warn(trace)
                self.folder.write(trace, self.half_gates)
        except Exception as error:
            trouble = error
        ranks.agree(trouble)
        return self.folder.file(step)

    def measure(self, model: Any, step: int, tokens: int | None = None, ranks: Ranks | None = None) -> Trace:
        """Runs the probe set and returns the trace without writing it. Raises GrokscopeError."""
        measured = measure(model, self.tokens, self.batches, self.options, ranks or Ranks(self.group), self.data_parallel)
        return trace_of(measured, self.probe, step, self.model_name, tokens, self.run)

    def close(self) -> None:
        """Releases the folder for other processes; the end of the process does so too."""
        self.folder.close()

    def __enter__(self) -> Collector:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _is_wanted(self, step: int, ranks: Ranks) -> bool:
        trouble: Exception | None = None
        wanted = True
        try:
            if step < 0:
                raise CollectionError(f"The step is {step}. Give the number of the training step, from 0 on.")
            if ranks.is_first:
                self.folder.open()
                wanted = self.folder.check(step, self.probe.hash, self.run)
        except Exception as error:
            trouble = error
        ranks.agree(trouble)
        return bool(ranks.gathered(wanted)[0])


def trace_of(
    measured: Measured, probe: ProbeSet, step: int, model_name: str = "", tokens: int | None = None, run: str | None = None
) -> Trace:
    """The trace of what was measured."""
    labels = probe.labels
    return Trace(
        step=step,
        gates=measured.gates,
        gate_kind=measured.gate_kind,
        samples=[labels[place] for place in measured.places],
        loss=measured.loss,
        n_tokens=measured.n_tokens,
        topk_ids=measured.topk_ids,
        router_weight=measured.router_weight,
        probe=probe.hash,
        model=model_name,
        tokens=tokens,
        extra={} if run is None else {"run": run},
    )


def _warn(trace: Trace) -> None:
    """Logs what a reader of the trace will leave out."""
    assert trace.loss is not None
    lost = ~np.isfinite(trace.loss) & (np.asarray(trace.n_tokens) > 1)
    if lost.any():
        first = trace.samples[int(np.argmax(lost))]["id"]
        log.warning(
            "Step %d: the loss of %d of %d samples is not a finite number (first: %s). They never count as memorized.",
            trace.step, int(lost.sum()), len(lost), first,
        )  # fmt: skip
    bad = trace.unusable()
    if bad:
        log.warning(
            "Step %d: the gates of %d of %d samples are not finite numbers (first: %s). They are left out of the report.",
            trace.step, len(bad), len(trace.samples), bad[0],
        )  # fmt: skip


__all__ = ["Collector", "GrokscopeError", "trace_of"]
