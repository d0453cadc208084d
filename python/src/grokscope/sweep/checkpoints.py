"""The list of checkpoints: a path or a name of a model hub on each line, and their training steps."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

from ..errors import GrokscopeError


class CheckpointsError(GrokscopeError):
    """The list of checkpoints cannot be used."""


@dataclass(frozen=True)
class Checkpoint:
    """One checkpoint of the list."""

    #: As in the list; traces name it as their model.
    name: str
    step: int
    #: The folder, or the name at a model hub.
    source: str
    #: Branch or commit at the hub.
    revision: str | None = None


def read_checkpoints(path: str | Path) -> list[Checkpoint]:
    """Reads lines `PATH`, `NAME@REVISION`, each optionally followed by white space and the step; `#` starts a comment.

    Paths are relative to the list. Raises CheckpointsError.
    """
    path = Path(path)
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise CheckpointsError(f"{path} cannot be read: {error}. Give a text file with one checkpoint per line.") from error
    found: dict[int, Checkpoint] = {}
    for number, line in enumerate(lines, 1):
        line = re.sub(r"(^|\s)#.*", "", line).strip()
        if not line:
            continue
        checkpoint = _checkpoint(line, path.parent, f"{path}, line {number}")
        other = found.setdefault(checkpoint.step, checkpoint)
        if other is not checkpoint:
            raise CheckpointsError(
                f"{path}, line {number}: {checkpoint.name} and {other.name} both have the step {checkpoint.step}. Remove one, "
                "or state the steps."
            )
    if not found:
        raise CheckpointsError(f"{path}: no checkpoints. Write one path or name per line.")
    return [found[step] for step in sorted(found)]


def _checkpoint(line: str, folder: Path, place: str) -> Checkpoint:
    stated = re.fullmatch(r"(.*\S)\s+(\d+)", line)
    name, step = (stated[1], int(stated[2])) if stated else (line, None)
    local = next((one for one in (folder / name, Path(name)) if one.is_dir()), None)
    if local is not None:
        step = step if step is not None else step_of_folder(local)
        source, revision = str(local), None
    else:
        source, _, after = name.partition("@")
        revision = after or None
        step = step if step is not None else step_of_name(revision or source)
        if source.startswith((".", "/")) or source.count("/") > 1:
            raise CheckpointsError(f"{place}: {name} is not a folder. Correct the path.")
    if step is None:
        raise CheckpointsError(f"{place}: the training step of {name} is not known. Write it after the name: `{name} 5000`.")
    return Checkpoint(name, step, source, revision)


def step_of_folder(folder: Path) -> int | None:
    """The step in a folder's name, or else in its trainer_state.json."""
    step = step_of_name(folder.name)
    if step is not None:
        return step
    try:
        known = json.loads((folder / "trainer_state.json").read_text(encoding="utf-8")).get("global_step")
    except (OSError, ValueError, AttributeError):
        return None
    return known if isinstance(known, int) else None


def step_of_name(name: str) -> int | None:
    """The step in names like step-1000, global_step3000, iter_0001000, checkpoint-500, step-50K, step_15_000."""
    for words in (r"(?:global_?)?step|iter(?:ation)?", r"checkpoint|ckpt"):
        found = re.search(rf"(?:^|[^a-z])(?:{words})[-_=]?(\d+(?:_\d{{3}})*)(k|m)?(?![a-z0-9])", name, re.I)
        if found:
            scale = {"": 1, "k": 1000, "m": 1_000_000}[(found[2] or "").lower()]
            return int(found[1].replace("_", "")) * scale
    return None
