"""Sweeps: tasks, parts, merge and the list of checkpoints, without a model."""

import json
import logging
import stat
import sys

import numpy as np
import pytest

from grokscope import ProbeSet, Sample, Trace, read_trace
from grokscope.errors import CollectionError, FolderError, ProbeSetChanged
from grokscope.sweep import slurm
from grokscope.sweep.__main__ import main
from grokscope.sweep.checkpoints import CheckpointsError, read_checkpoints, step_of_name
from grokscope.sweep.local import run_here
from grokscope.sweep.tasks import Sweep, Task
from grokscope.sweep.workers import Engine, ProgramWorker

PROBE = ProbeSet([Sample(f"s{at}", "math" if at % 2 else "code", tuple(range(1, 2 + at % 4))) for at in range(7)])


def result(checkpoint, places):
    """Figures of samples that depend on the sample and on the step only."""
    lengths = [len(PROBE[place].input_ids) for place in places]
    seeds = [np.random.default_rng([checkpoint.step, place]) for place in places]
    return Trace(
        step=checkpoint.step,
        gates=np.stack([seed.dirichlet(np.ones(4), 3) for seed in seeds]).astype(np.float32),
        gate_kind="softmax-mean",
        samples=[PROBE.labels[place] for place in places],
        loss=np.array([seed.random() for seed in seeds], np.float32),
        n_tokens=np.array(lengths),
        topk_ids=np.concatenate([seed.integers(0, 4, (length, 3, 2)) for seed, length in zip(seeds, lengths, strict=True)]),
        router_weight=np.full((3, 4, 5), checkpoint.step, np.float32),
    )


class Made:
    """A worker that makes figures; it fails at the tasks given."""

    def __init__(self, sweep, fails=()):
        self.sweep, self.fails, self.ran = sweep, set(fails), []

    def run(self, task):
        if str(task) in self.fails:
            raise RuntimeError("out of memory")
        self.ran.append(str(task))
        places = sorted(place for batch in self.sweep.batches(PROBE.tokenized(), task.shard) for place in batch)
        self.sweep.write_part(task, result(task.checkpoint, places), places)
        self.sweep.merge(task.checkpoint)


class MadeEngine:
    def __init__(self, fails=()):
        self.fails, self.workers = fails, []

    def worker(self, sweep):
        self.workers.append(Made(sweep, self.fails))
        return self.workers[-1]


@pytest.fixture
def checkpoints(tmp_path):
    for step in (10, 20, 30):
        (tmp_path / f"step-{step}").mkdir()
    path = tmp_path / "checkpoints.txt"
    path.write_text("# the run\nstep-20\nstep-10  # first\n\nstep-30\n")
    return read_checkpoints(path)


def sweep(folder, checkpoints, shards=2, probe=PROBE, settings="{}"):
    return Sweep(tuple(checkpoints), probe, folder, settings, shards, batch_size=2)


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_any_number_of_shards_gives_the_same_bytes(tmp_path, checkpoints):
    made = []
    for shards in (1, 2, 4):
        one = sweep(tmp_path / str(shards), checkpoints, shards)
        assert run_here(one, MadeEngine(), one.pending()) == []
        assert one.pending() == []
        made.append(contents(one.folder))
    assert made[0] == made[1] == made[2]
    assert sorted(made[0]) == ["step-10.safetensors", "step-20.safetensors", "step-30.safetensors"]
    trace = read_trace(tmp_path / "4" / "step-20.safetensors")
    whole = result(checkpoints[1], list(range(len(PROBE))))
    for name in ("gates", "loss", "n_tokens", "topk_ids", "router_weight"):
        np.testing.assert_array_equal(getattr(trace, name), getattr(whole, name), err_msg=name)
    assert (trace.samples, trace.probe, trace.model) == (PROBE.labels, PROBE.hash, "step-20")


def test_a_sweep_that_was_cut_runs_only_what_is_missing(tmp_path, checkpoints):
    whole = sweep(tmp_path / "whole", checkpoints)
    run_here(whole, MadeEngine(), whole.pending())
    cut = sweep(tmp_path / "cut", checkpoints)
    failures = run_here(cut, MadeEngine(["step 20, part 2", "step 30, part 1"]), cut.pending())
    assert failures == ["step-20 (step 20, part 2): out of memory", "step-30 (step 30, part 1): out of memory"]
    assert [checkpoint.step for checkpoint in cut.merge_all()] == [20, 30]
    # A part that was cut on its way, and a trace that was cut.
    part = cut.part_path(Task(checkpoints[2], 1))
    part.write_bytes(part.read_bytes()[:-5])
    trace = cut.trace_path(checkpoints[0])
    trace.write_bytes(trace.read_bytes()[:100])
    engine = MadeEngine()
    run_here(cut, engine, cut.pending())
    assert engine.workers[0].ran == [
        "step 10, part 1", "step 10, part 2", "step 20, part 2", "step 30, part 1", "step 30, part 2",
    ]  # fmt: skip
    assert contents(cut.folder) == contents(whole.folder)


def test_other_samples_or_settings_are_not_mixed(tmp_path, checkpoints):
    first = sweep(tmp_path / "out", checkpoints)
    run_here(first, MadeEngine(), first.pending())
    with pytest.raises(ProbeSetChanged, match="was made with other samples"):
        sweep(tmp_path / "out", checkpoints, probe=ProbeSet(PROBE.samples, max_tokens=2)).pending()
    with pytest.raises(FolderError, match="was made with settings"):
        sweep(tmp_path / "out", checkpoints, settings='{"dtype": "bfloat16"}').pending()


def test_elements_of_an_array_run_every_task_once(tmp_path, checkpoints):
    one = sweep(tmp_path, checkpoints)
    for count in (None, 1, 4, 6):
        shared = [slurm.tasks_of(one, element, count) for element in range(count or 6)]
        assert sorted(str(task) for tasks in shared for task in tasks) == sorted(map(str, one.tasks()))
    with pytest.raises(ValueError, match="--task-id is 6; the array has the elements 0 to 5"):
        slurm.tasks_of(one, 6, None)
    text = slurm.template(one, ["checkpoints.txt", "--samples", "my samples.jsonl"])
    assert "#SBATCH --array=0-5\n" in text and "{" not in text
    assert "-m grokscope.sweep checkpoints.txt --samples 'my samples.jsonl' --task-id \"$SLURM_ARRAY_TASK_ID\"" in text


@pytest.mark.parametrize(
    ("name", "step"),
    [
        ("step-1000", 1000), ("global_step3000", 3000), ("iter_0001000", 1000), ("step-50K", 50_000), ("step_15_000", 15_000),
        ("ckpt2_step2000", 2000), ("checkpoint-500", 500), ("step5000-tokens20B", 5000), ("model", None), ("step12abc", None),
        ("misstep4", None),
    ],
)  # fmt: skip
def test_steps_in_names(name, step):
    assert step_of_name(name) == step


def test_the_list_of_checkpoints(tmp_path):
    def read(text):
        (tmp_path / "list.txt").write_text(text)
        return read_checkpoints(tmp_path / "list.txt")

    folder = tmp_path / "last"
    folder.mkdir()
    (folder / "trainer_state.json").write_text('{"global_step": 77}')
    found = read("last\norg/model@step5000-tokens20B\norg/model@main 9\n")
    assert [(one.step, one.source, one.revision) for one in found] == [
        (9, "org/model", "main"), (77, str(folder), None), (5000, "org/model", "step5000-tokens20B"),
    ]  # fmt: skip
    (folder / "trainer_state.json").write_text("{")
    for text, words in [
        ("last", "line 1: the training step of last is not known. Write it after the name: `last 5000`"),
        ("org/a@step5\norg/b@step5", "line 2: org/b@step5 and org/a@step5 both have the step 5"),
        ("./nowhere/step-5", "line 1: ./nowhere/step-5 is not a folder"),
        ("# nothing", "no checkpoints"),
    ]:
        with pytest.raises(CheckpointsError, match=words):
            read(text)
    with pytest.raises(CheckpointsError, match="cannot be read"):
        read_checkpoints(tmp_path / "missing.txt")


#: Stands in for the `grokscope` program: writes what its samples say, as a trace of step 0.
PROGRAM = """#!{python}
import json, sys, pathlib
import numpy as np
from grokscope import Trace
given = dict(zip(sys.argv[2::2], sys.argv[3::2]))
assert sys.argv[1] == "trace", sys.argv
if pathlib.Path(given["--checkpoint"]).name == "step-20": sys.exit("error: config.json: num_experts is missing")
samples = [json.loads(line) for line in open(given["--samples"])]
lengths = np.array([len(one["input_ids"]) for one in samples])
gates = np.stack([np.full((3, 4), 0.25) * [1, 1, 1, 1] for _ in samples])
gates[:, 0, 0] += lengths / 100
labels = [{{"id": one["id"], "domain": one["domain"]}} for one in samples]
Trace(0, gates, "softmax-mean", labels, loss=lengths / 2, n_tokens=lengths, router_weight=np.ones((3, 4, 2))).write(
    pathlib.Path(given["--output"], "x.safetensors"))
"""


def test_the_program_runs_shards(tmp_path, checkpoints, caplog):
    program = tmp_path / "grokscope"
    program.write_text(PROGRAM.format(python=sys.executable))
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    one = sweep(tmp_path / "out", checkpoints, shards=3)
    engine = Engine("grokscope", program=str(program))
    with caplog.at_level(logging.INFO):
        failures = run_here(one, engine, one.pending())
    assert len(failures) == 3 and all("num_experts is missing" in failure for failure in failures)
    trace = read_trace(one.trace_path(checkpoints[2]))
    assert (trace.step, trace.samples, trace.probe) == (30, PROBE.labels, PROBE.hash)
    np.testing.assert_array_equal(trace.n_tokens, [len(sample.input_ids) for sample in PROBE.samples])
    np.testing.assert_array_equal(trace.loss, trace.n_tokens / 2)
    worker = ProgramWorker(one, Engine("grokscope", program=str(tmp_path / "missing")))
    with pytest.raises(CollectionError, match="Install it with `cargo install"):
        worker.run(Task(checkpoints[1], 0))


def test_the_command_reports_bad_input_and_what_is_left(tmp_path, checkpoints, capsys):
    samples = tmp_path / "samples.jsonl"
    samples.write_text("".join(json.dumps({"id": at, "input_ids": [1, 2]}) + "\n" for at in range(4)))
    given = [str(tmp_path / "checkpoints.txt"), "--samples", str(samples), "-o", str(tmp_path / "out"), "--batch-size", "2"]
    assert main([*given, "--list", "--shards", "8"]) == 0
    assert capsys.readouterr().out.splitlines()[:3] == ["step 10, part 1", "step 10, part 2", "step 20, part 1"]
    assert main([*given, "--merge"]) == 1
    assert "0 of 3 traces are complete" in capsys.readouterr().out
    assert main([*given, "--shards", "0"]) == 2
    assert main([*given, "--task-id", "99"]) == 2
    assert main([given[0], "--samples", "missing.jsonl"]) == 2
    assert "error: missing.jsonl: No such file" in capsys.readouterr().err
