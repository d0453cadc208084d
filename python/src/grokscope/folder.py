"""The folder with the traces of one run: which traces belong to it, and who writes into it."""

from __future__ import annotations

import contextlib
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from . import tensor_file
from .errors import FileIncomplete, FolderError, FolderInUse, ProbeSetChanged, StepWentBack, WriteFailed
from .trace import FORMAT, Trace

#: Name of the file that is locked while a process writes into the folder. Readers ignore it.
LOCK = ".grokscope.lock"

#: End of the name of a trace that a resumed run has replaced.
SET_ASIDE = ".superseded"

_NAME = re.compile(r"step-(\d+)\.safetensors")


@dataclass(frozen=True)
class Written:
    """A complete trace in the folder."""

    step: int
    path: Path
    metadata: dict[str, str]


class TraceFolder:
    """A folder of traces, one `step-N.safetensors` per checkpoint.

    The order of checkpoints is that of their steps. Clocks and file times are not used.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._lock: IO[Any] | None = None

    def file(self, step: int) -> Path:
        """The path of a step's trace."""
        return self.path / f"step-{step}.safetensors"

    def open(self) -> None:
        """Creates the folder, locks it until `close`, and removes what a killed process left half written.

        Raises FolderInUse if a live process holds the lock, and WriteFailed.
        """
        if self._lock is not None:
            return
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            lock = open(self.path / LOCK, "a+")  # noqa: SIM115
        except OSError as error:
            raise WriteFailed(
                f"{self.path} cannot be used for traces: {error.strerror or error}. Give a folder that can be written to."
            ) from error
        if not _locked(lock):
            lock.seek(0)
            owner = lock.read().strip() or "unknown"
            lock.close()
            raise FolderInUse(
                f"{self.path}: another process (id {owner}) writes traces into this folder. Give every run its own folder."
            )
        with contextlib.suppress(OSError):
            lock.truncate(0)
            lock.write(str(os.getpid()))
            lock.flush()
        self._lock = lock
        tensor_file.remove_temporaries(self.path)

    def close(self) -> None:
        """Releases the lock. The system does so too when the process ends, however it ends."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def traces(self) -> list[Written]:
        """The complete traces, by step. A file that is not complete is not one."""
        found = []
        for path in self.path.glob("step-*.safetensors") if self.path.is_dir() else []:
            name = _NAME.fullmatch(path.name)
            if name is None:
                continue
            try:
                metadata = tensor_file.read_metadata(path)
            except (FileIncomplete, OSError):
                continue
            if metadata.get("format") == FORMAT:
                found.append(Written(int(name[1]), path, metadata))
        return sorted(found, key=lambda one: one.step)

    def check(self, step: int, probe: str, run: str | None) -> bool:
        """Whether a trace of this step can be added; False if it is there already, as the newest one.

        Raises ProbeSetChanged, StepWentBack, and FolderError if the traces are of another run.
        """
        earlier = self.traces()
        self.check_belongs(earlier, probe, run)
        if not earlier or earlier[-1].step < step:
            return True
        if earlier[-1].step == step:
            return False
        raise StepWentBack(
            f"{self.path}: the new trace is of step {step}, but the folder has one of step {earlier[-1].step}. If "
            f"training was set back, call `resume({step})`, which keeps the later traces under other names. If this is "
            "another run, give it its own folder."
        )

    def check_start(self, step: int) -> None:
        """Raises StepWentBack if training starts anew although the folder has traces of later steps."""
        earlier = self.traces()
        if step == 0 and earlier and earlier[-1].step > 0:
            raise StepWentBack(
                f"{self.path} has traces up to step {earlier[-1].step}, but training starts at step 0. Give every run its own "
                "folder, or move these traces."
            )

    def check_belongs(self, earlier: list[Written], probe: str, run: str | None) -> None:
        """Whether the traces have these samples and are of this run."""
        for one in earlier:
            known = one.metadata.get("probe")
            if known is not None and known != probe:
                raise ProbeSetChanged(
                    f"{one.path} was made with other samples ({_short(known)}) than those given ({_short(probe)}). Pathways "
                    "can only be compared for the same samples: give the samples file of this folder, or another folder."
                )
            other = one.metadata.get("run")
            if run is not None and other is not None and run != other:
                raise FolderError(f"{one.path} is of the run {other!r}, not of {run!r}. Give every run its own folder.")

    def check_shape(self, trace: Trace) -> None:
        """Raises FolderError if the newest trace has other layers or experts than the new one."""
        shape = trace.metadata()["layers_experts"]
        for one in self.traces()[-1:]:
            known = one.metadata.get("layers_experts")
            if known is not None and known != shape:
                raise FolderError(
                    f"{one.path} has {known} layers and experts, the model has {shape}. This is another model: "
                    "give every run its own folder."
                )

    def write(self, trace: Trace, half_gates: bool = False) -> Path:
        """Writes a trace. Raises WriteFailed, and FolderError for another model."""
        self.check_shape(trace)
        path = self.file(trace.step)
        trace.write(path, half_gates)
        return path

    def resume(self, step: int) -> list[Path]:
        """Renames the traces after `step`, which training will compute anew; returns their new paths."""
        renamed = []
        for one in self.traces():
            if one.step > step:
                to = _free(one.path.with_name(one.path.name + SET_ASIDE))
                try:
                    one.path.rename(to)
                except OSError as error:
                    raise WriteFailed(f"{one.path} cannot be renamed: {error.strerror or error}.") from error
                renamed.append(to)
        return renamed


def _locked(file: IO[Any]) -> bool:
    """Whether this process now holds the lock; True where the file system has no locks."""
    try:
        import fcntl
    except ImportError:
        return True
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True


def _free(path: Path) -> Path:
    """The path, or the first one with a number behind it that does not exist."""
    number, free = 1, path
    while free.exists():
        number += 1
        free = path.with_name(f"{path.name}-{number}")
    return free


def _short(hash: str) -> str:
    return hash[:19]
