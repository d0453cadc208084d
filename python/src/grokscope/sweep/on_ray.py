"""Runs tasks on a Ray cluster: one actor per GPU or CPU; the tasks of a lost actor are given to others."""

from __future__ import annotations

import logging
import os
from collections import Counter, deque
from collections.abc import Callable, Iterable
from typing import Any

from .tasks import Sweep, Task
from .workers import Engine

log = logging.getLogger("grokscope")

#: What happened (`started`, `done`, `failed` or `lost`), the worker's process id, and the task.
Event = Callable[[str, int, Task], None]


def run_on_ray(
    sweep: Sweep, engine: Engine, tasks: Iterable[Task], *, address: str | None = None, workers: int | None = None,
    cpus: float = 1, retries: int = 3, event: Event | None = None,
) -> list[str]:  # fmt: skip
    """Runs tasks; returns one sentence per task that failed.

    `workers` is by default the number of GPUs of the cluster, or without any the number of its CPUs over `cpus`. A task
    whose worker is lost is tried `retries` more times. The output folder must be shared by all machines.
    """
    import ray

    started = not ray.is_initialized()
    if started:
        ray.init(address=address, log_to_driver=False, include_dashboard=False)
    try:
        return _run(ray, sweep, engine, deque(tasks), workers, cpus, retries, event or (lambda *_: None))
    finally:
        if started:
            ray.shutdown()


class _Actor:
    """Runs tasks in a process of the cluster."""

    def __init__(self, sweep: Sweep, engine: Engine) -> None:
        self.worker = engine.worker(sweep)

    def process(self) -> int:
        return os.getpid()

    def run(self, task: Task) -> None:
        self.worker.run(task)


def _run(
    ray: Any, sweep: Sweep, engine: Engine, pending: deque[Task], workers: int | None, cpus: float, retries: int, event: Event
) -> list[str]:
    resources = ray.cluster_resources()
    gpus = int(resources.get("GPU", 0))
    count = min(len(pending), workers or gpus or max(1, int(resources.get("CPU", 1) // cpus)))
    kind = ray.remote(num_cpus=cpus, num_gpus=1 if gpus else 0, max_restarts=0)(_Actor)
    shared = ray.put(sweep), ray.put(engine)
    failures: list[str] = []
    tries: Counter[Task] = Counter()
    running: dict[Any, tuple[Any, int, Task]] = {}
    last: dict[int, int] = {}

    def start(actor: Any, process: int) -> None:
        task = _next(pending, last.get(process))
        last[process] = task.checkpoint.step
        tries[task] += 1
        running[actor.run.remote(task)] = (actor, process, task)
        event("started", process, task)

    def start_worker() -> None:
        actor = kind.remote(*shared)
        start(actor, ray.get(actor.process.remote()))

    for _ in range(count):
        if pending:
            start_worker()
    while running:
        [ready], _ = ray.wait(list(running), num_returns=1)
        actor, process, task = running.pop(ready)
        try:
            ray.get(ready)
        except ray.exceptions.RayActorError as error:
            event("lost", process, task)
            log.warning("%s: its worker %d was lost; it is started again.", task, process)
            if tries[task] <= retries:
                pending.appendleft(task)
            else:
                failures.append(f"{task.checkpoint.name} ({task}): its worker was lost {tries[task]} times: {error}")
            if pending:
                start_worker()
            continue
        except ray.exceptions.RayTaskError as error:
            event("failed", process, task)
            failures.append(f"{task.checkpoint.name} ({task}): {error.cause}")
            log.error("%s", failures[-1])
        else:
            event("done", process, task)
            log.info("%s: done", task)
        if pending:
            start(actor, process)
    return failures


def _next(pending: deque[Task], step: int | None) -> Task:
    """The next task: of the checkpoint that the worker has loaded, or else of one that has most tasks left."""
    own = next((task for task in pending if task.checkpoint.step == step), None)
    if own is None:
        left = Counter(task.checkpoint.step for task in pending)
        own = max(pending, key=lambda task: (left[task.checkpoint.step], -task.checkpoint.step, -task.shard))
    pending.remove(own)
    return own
