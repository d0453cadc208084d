"""Tasks of a sweep, their part files, and the merge of the parts into traces."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from .. import tensor_file
from ..batches import plan, share
from ..errors import CollectionError, FileIncomplete, FolderError, ProbeSetChanged
from ..samples import ProbeSet, Tokens
from ..tensor_file import Array
from ..trace import Trace, read_trace
from .checkpoints import Checkpoint

#: End of the names of part files. Grokscope's readers ignore them.
PART = ".part"


@dataclass(frozen=True)
class Task:
    """One checkpoint and one shard of the samples."""

    checkpoint: Checkpoint
    shard: int

    def __str__(self) -> str:
        return f"step {self.checkpoint.step}, part {self.shard + 1}"


@dataclass(frozen=True)
class Sweep:
    """What is recorded, and where. The same on all machines."""

    checkpoints: tuple[Checkpoint, ...]
    probe: ProbeSet
    folder: Path
    #: What makes traces comparable besides the samples: engine, precision and so on; stored in every trace.
    settings: str
    shards: int = 1
    batch_size: int = 8
    half_gates: bool = False

    def tasks(self) -> list[Task]:
        """All tasks, in the order of steps."""
        return [Task(checkpoint, shard) for checkpoint in self.checkpoints for shard in range(self.shards)]

    def batches(self, tokens: Sequence[Tokens], shard: int) -> list[list[int]]:
        """Batches of a shard. A batch has the same samples for every number of shards, and so the same result."""
        return share(plan([len(one.ids) for one in tokens], self.batch_size), shard, self.shards)

    def trace_path(self, checkpoint: Checkpoint) -> Path:
        """The trace of a checkpoint."""
        return self.folder / f"step-{checkpoint.step}.safetensors"

    def part_path(self, task: Task) -> Path:
        """The result of a task."""
        return self.folder / f"step-{task.checkpoint.step}.{task.shard + 1}-of-{self.shards}{PART}"

    def has_trace(self, checkpoint: Checkpoint) -> bool:
        """Whether the complete trace is there. Raises FolderError for a trace of other samples or settings."""
        return self._is_ours(self.trace_path(checkpoint), checkpoint)

    def is_done(self, task: Task) -> bool:
        """Whether nothing is left to do for a task."""
        return self.has_trace(task.checkpoint) or self._is_ours(self.part_path(task), task.checkpoint)

    def pending(self) -> list[Task]:
        """The tasks that are not done."""
        return [task for task in self.tasks() if not self.is_done(task)]

    def _is_ours(self, path: Path, checkpoint: Checkpoint) -> bool:
        try:
            metadata = tensor_file.read_metadata(path)
        except (FileIncomplete, OSError):
            return False
        if metadata.get("probe") != self.probe.hash:
            raise ProbeSetChanged(
                f"{path} was made with other samples ({metadata.get('probe', 'none stated')[:19]}) than {self.probe.name} "
                f"({self.probe.hash[:19]}). Give the samples of this folder, or another folder."
            )
        for name, ours in (("settings", self.settings), ("model", checkpoint.name)):
            if metadata.get(name) != ours:
                raise FolderError(f"{path} was made with {name} {metadata.get(name)!r}, not {ours!r}. Give another folder.")
        return True

    def write_part(self, task: Task, trace: Trace, places: list[int]) -> None:
        """Stores the result of a task, complete or not at all. Raises WriteFailed."""
        extra = {"settings": self.settings, "places": json.dumps(places)}
        probed = replace(trace, probe=self.probe.hash, model=task.checkpoint.name, step=task.checkpoint.step, extra=extra)
        probed.write(self.part_path(task))

    def merge(self, checkpoint: Checkpoint) -> bool:
        """Merges the parts of a checkpoint if all are there; whether its trace is there now.

        Several workers can do this at once: they write the same bytes. Raises GrokscopeError.
        """
        if self.has_trace(checkpoint):
            self._remove_parts(checkpoint)
            return True
        tasks = [Task(checkpoint, shard) for shard in range(self.shards)]
        if not all(self._is_ours(self.part_path(task), checkpoint) for task in tasks):
            return False
        try:
            parts = [read_trace(self.part_path(task)) for task in tasks]
        except FileNotFoundError:
            # Another worker has merged them meanwhile.
            return self.has_trace(checkpoint)
        merged(parts, self.probe.labels).write(self.trace_path(checkpoint), self.half_gates)
        self._remove_parts(checkpoint)
        return True

    def merge_all(self) -> list[Checkpoint]:
        """Merges what can be merged; returns the checkpoints that lack parts."""
        return [checkpoint for checkpoint in self.checkpoints if not self.merge(checkpoint)]

    def _remove_parts(self, checkpoint: Checkpoint) -> None:
        for path in self.folder.glob(f"step-{checkpoint.step}.*-of-*{PART}"):
            with contextlib.suppress(OSError):
                path.unlink()


def merged(parts: Sequence[Trace], labels: list[dict[str, str]]) -> Trace:
    """One trace of the parts, with all samples in the order of the probe set. Raises CollectionError."""
    places = [json.loads(part.extra["places"]) for part in parts]
    order = np.argsort(np.array([place for one in places for place in one], dtype=np.int64), kind="stable")
    if sorted(place for one in places for place in one) != list(range(len(labels))):
        raise CollectionError("The parts do not have every sample once. Remove the part files and run the sweep again.")
    first = parts[0]
    shapes = {part.gates.shape[1:] for part in parts if len(part.gates)}
    if len(shapes) > 1 or len({part.gate_kind for part in parts if len(part.gates)}) > 1:
        raise CollectionError("The parts have different layers, experts or gates. Remove the part files and run again.")
    ids: list[Array] = []
    for part in parts:
        if part.topk_ids is not None and part.n_tokens is not None:
            ids.extend(np.split(part.topk_ids, np.cumsum(part.n_tokens)[:-1]))
    weights = [part.router_weight for part in parts if part.router_weight is not None]
    return Trace(
        step=first.step,
        gates=np.concatenate([part.gates for part in parts])[order],
        gate_kind=first.gate_kind,
        samples=labels,
        loss=_joined([part.loss for part in parts], order),
        n_tokens=_joined([part.n_tokens for part in parts], order),
        topk_ids=np.concatenate([ids[at] for at in order]) if len(ids) == len(labels) else None,
        router_weight=weights[0] if weights else None,
        probe=first.probe,
        model=first.model,
        extra={"settings": first.extra["settings"]},
    )


def _joined(arrays: Sequence[Array | None], order: Array) -> Array | None:
    known = [array for array in arrays if array is not None]
    return np.concatenate(known)[order] if len(known) == len(arrays) else None
