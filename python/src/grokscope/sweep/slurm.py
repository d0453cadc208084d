"""Tasks of a Slurm array, and the template that submits them."""

from __future__ import annotations

import shlex
import sys
from importlib import resources

from .tasks import Sweep, Task


def tasks_of(sweep: Sweep, task_id: int, count: int | None) -> list[Task]:
    """The tasks of an array element: one each, or with `count` elements every `count`-th task.

    Raises ValueError if there is no such element.
    """
    tasks = sweep.tasks()
    elements = count or len(tasks)
    if not 0 <= task_id < elements:
        raise ValueError(f"--task-id is {task_id}; the array has the elements 0 to {elements - 1}")
    return tasks[task_id::elements]


def template(sweep: Sweep, arguments: list[str]) -> str:
    """An sbatch file that runs the sweep with these arguments."""
    text = resources.files(__package__).joinpath("array.sbatch").read_text(encoding="utf-8")
    count = len(sweep.tasks())
    command = shlex.join([sys.executable, "-m", "grokscope.sweep", *arguments])
    values = {
        "last": count - 1, "count": count, "checkpoints": len(sweep.checkpoints), "shards": sweep.shards, "command": command,
    }  # fmt: skip
    for name, value in values.items():
        text = text.replace("{" + name + "}", str(value))
    return text
