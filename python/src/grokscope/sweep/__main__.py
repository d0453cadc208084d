"""`python -m grokscope.sweep`: records a list of checkpoints."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from pathlib import Path

from ..errors import GrokscopeError
from ..gates import KINDS
from ..samples import ProbeSet
from . import slurm
from .checkpoints import read_checkpoints
from .local import run_here
from .tasks import Sweep, Task
from .workers import Engine


def parser() -> argparse.ArgumentParser:
    """The options."""
    options = argparse.ArgumentParser(
        prog="python -m grokscope.sweep",
        description="Record how existing checkpoints route the same samples: one trace per checkpoint. What is complete is "
        "skipped, so the same command resumes a sweep that was cut.",
    )
    add = options.add_argument
    add("checkpoints", help="text file: one folder, or NAME@REVISION of a model hub, per line, with the step if need be")
    add("--samples", required=True, help="JSON lines: id, domain, input_ids or text, optional targets")
    add("-o", "--output", default="traces", help="folder for the traces (default: traces)")
    add("--shards", type=int, default=1, help="parts that the samples of a checkpoint are split into")
    add("--max-tokens", type=int, help="maximum number of tokens per sample")
    add("--half-gates", action="store_true", help="store gates in 16 bits; single pathways may change")
    add("--engine", choices=["transformers", "grokscope"], default="transformers", help="what runs the checkpoints")
    add("--grokscope", default="grokscope", metavar="PROGRAM", help="the program of --engine grokscope")
    add("--batch-size", type=int, default=8)
    add("--dtype", default="float32", choices=["float32", "bfloat16", "float16"], help="float32 is the reference")
    add("--device", help="such as cuda:1; by default a GPU if there is one")
    add("--threads", type=int, help="CPU threads of torch per worker")
    add("--tokenizer", help="folder or name of the tokenizer, if not with the checkpoint")
    add("--router", metavar="PATTERN", help="regular expression for the names of the routers, if they are not found")
    add("--gate-kind", choices=KINDS, help="the rule that makes gates of router logits, if not the family's")
    where = options.add_mutually_exclusive_group()
    where.add_argument("--task-id", type=int, help="run one element of an array of tasks (Slurm)")
    where.add_argument("--ray", action="store_true", help="run on a Ray cluster, one worker per GPU")
    where.add_argument("--merge", action="store_true", help="only merge complete parts")
    where.add_argument("--list", action="store_true", help="only list the tasks that are not done")
    where.add_argument("--sbatch", action="store_true", help="only print a job file for a Slurm array")
    add("--task-count", type=int, help="elements of the array, if fewer than tasks")
    add("--ray-address", default=os.environ.get("RAY_ADDRESS"), help="address of the cluster; else a local one is started")
    add("--workers", type=int, help="workers on the cluster; by default one per GPU, or per CPU without any")
    add("--retries", type=int, default=3, help="more tries of a task whose worker was lost")
    return options


def main(arguments: list[str] | None = None) -> int:
    """Runs the command; returns its exit status."""
    given = sys.argv[1:] if arguments is None else arguments
    args = parser().parse_args(given)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    try:
        return _run(args, given)
    except (GrokscopeError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


def _run(args: argparse.Namespace, given: list[str]) -> int:
    if args.shards < 1:
        raise ValueError(f"--shards is {args.shards}; give at least 1")
    engine = Engine(
        args.engine, args.dtype, args.device, args.router, args.gate_kind, args.tokenizer, args.threads, args.grokscope
    )
    probe = ProbeSet.read(args.samples, args.max_tokens)
    sweep = Sweep(
        tuple(read_checkpoints(args.checkpoints)), probe, Path(args.output).absolute(), engine.settings(args.batch_size),
        # A shard has at least one batch, so that no part is empty.
        min(args.shards, len(probe) if args.engine == "grokscope" else -(-len(probe) // args.batch_size)),
        args.batch_size, args.half_gates,
    )  # fmt: skip
    if args.sbatch:
        print(slurm.template(sweep, [one for one in given if one != "--sbatch"]), end="")
        return 0
    if args.list:
        for task in sweep.pending():
            print(task)
        return 0
    failures: list[str] = []
    if not args.merge:
        failures = _compute(args, sweep, engine)
    missing = sweep.merge_all()
    if args.task_id is None:
        print(f"{len(sweep.checkpoints) - len(missing)} of {len(sweep.checkpoints)} traces are complete in {sweep.folder}")
    for failure in failures:
        print(f"error: {failure}", file=sys.stderr)
    return 1 if failures or (missing and args.task_id is None) else 0


def _compute(args: argparse.Namespace, sweep: Sweep, engine: Engine) -> list[str]:
    tasks: list[Task] = sweep.pending()
    if args.task_id is not None:
        own = set(slurm.tasks_of(sweep, args.task_id, args.task_count))
        return run_here(sweep, engine, [task for task in tasks if task in own])
    if args.ray:
        from .on_ray import run_on_ray

        return run_on_ray(sweep, engine, tasks, address=args.ray_address, workers=args.workers, retries=args.retries)
    return run_here(sweep, engine, tasks)


if __name__ == "__main__":
    sys.exit(main())
