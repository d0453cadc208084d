"""Runs tasks one after the other in this process."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from .tasks import Sweep, Task
from .workers import Engine

log = logging.getLogger("grokscope")


def run_here(sweep: Sweep, engine: Engine, tasks: Iterable[Task]) -> list[str]:
    """Runs tasks; returns one sentence per task that failed. A failed checkpoint does not stop the others."""
    worker = engine.worker(sweep)
    failures = []
    for task in tasks:
        try:
            worker.run(task)
            log.info("%s: done", task)
        except Exception as error:
            failures.append(f"{task.checkpoint.name} ({task}): {error}")
            log.error("%s", failures[-1])
    return failures
