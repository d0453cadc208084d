"""Sweeps over real checkpoints: in this process, as a Slurm array, on a real local Ray cluster, and with the program."""

import os
import shutil
import signal
import subprocess
import sys

import numpy as np
import pytest

pytest.importorskip("torch", reason="torch is not installed: sweeps over checkpoints are not tested")
pytest.importorskip("transformers", reason="transformers is not installed: sweeps over checkpoints are not tested")

from conftest import FIXTURES
from safetensors.numpy import load_file

from grokscope import ProbeSet, read_trace
from grokscope.sweep.checkpoints import read_checkpoints
from grokscope.sweep.local import run_here
from grokscope.sweep.tasks import Sweep
from grokscope.sweep.workers import Engine

CASE = FIXTURES / "olmoe" / "base-bf16"
ENGINE = Engine(threads=1)


@pytest.fixture
def listed(tmp_path):
    for step in (10, 20):
        shutil.copytree(CASE, tmp_path / f"step-{step}")
    path = tmp_path / "checkpoints.txt"
    path.write_text("step-10\nstep-20\n")
    return path


def sweep(folder, listed, shards=3):
    probe = ProbeSet.read(CASE / "samples.jsonl")
    return Sweep(tuple(read_checkpoints(listed)), probe, folder, ENGINE.settings(2), shards, batch_size=2)


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture
def whole(tmp_path, listed):
    """The files of a sweep in this process, in one shard."""
    one = sweep(tmp_path / "whole", listed, shards=1)
    assert run_here(one, ENGINE, one.pending()) == []
    return contents(one.folder)


def test_this_process_gives_the_golden_gates(tmp_path, whole):
    trace, known = read_trace(tmp_path / "whole" / "step-10.safetensors"), load_file(CASE / "expected.safetensors")
    np.testing.assert_allclose(trace.gates, known["mean_gates"], rtol=0, atol=5e-6)
    assert (trace.model, trace.step) == ("step-10", 10)


def command(listed, folder, *more):
    samples = str(CASE / "samples.jsonl")
    given = [str(listed), "--samples", samples, "-o", str(folder), "--batch-size", "2", "--shards", "3", "--threads", "1"]
    return [sys.executable, "-m", "grokscope.sweep", *given, *more]


def test_elements_of_an_array_in_any_order_and_twice(tmp_path, listed, whole):
    for element in (1, 0, 1):
        ended = subprocess.run(
            command(listed, tmp_path / "array", "--task-id", str(element), "--task-count", "2"), capture_output=True, text=True,
            check=False,
        )  # fmt: skip
        assert ended.returncode == 0, ended.stderr
    assert contents(tmp_path / "array") == whole


def test_a_sweep_killed_in_the_middle_goes_on(tmp_path, listed, whole):
    process = subprocess.Popen(command(listed, tmp_path / "cut"), stderr=subprocess.PIPE, text=True)
    for line in process.stderr:
        if "step 10, part 2: done" in line:
            process.send_signal(signal.SIGKILL)
            break
    process.wait()
    process.stderr.close()
    assert "step-20.safetensors" not in contents(tmp_path / "cut")
    ended = subprocess.run(command(listed, tmp_path / "cut"), capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    assert "step 10, part 1: done" not in ended.stderr
    assert contents(tmp_path / "cut") == whole


def test_a_worker_killed_on_a_ray_cluster_loses_nothing(tmp_path, listed, whole):
    pytest.importorskip("ray", reason="ray is not installed: the sweep on Ray is not tested")
    from grokscope.sweep.on_ray import run_on_ray

    one = sweep(tmp_path / "ray", listed)
    events, killed = [], []

    def event(what, process, task):
        events.append((what, process, str(task)))
        # The first worker that gets a second task is killed while it runs it.
        if not killed and what == "started" and sum(kind == "started" and other == process for kind, other, _ in events) == 2:
            os.kill(process, signal.SIGKILL)
            killed.append((process, str(task)))

    assert run_on_ray(one, ENGINE, one.pending(), workers=2, cpus=0.5, event=event) == []
    [(process, task)] = killed
    assert ("lost", process, task) in events
    tries = [other for what, other, name in events if what == "started" and name == task]
    assert len(tries) == 2 and tries[0] == process != tries[1]
    assert contents(one.folder) == whole


def test_tasks_whose_workers_are_always_lost_and_bad_checkpoints_are_reported(tmp_path, listed):
    pytest.importorskip("ray", reason="ray is not installed: the sweep on Ray is not tested")
    from grokscope.sweep.on_ray import run_on_ray

    (tmp_path / "step-10" / "config.json").write_text("{}")
    one = sweep(tmp_path / "ray", listed, shards=1)

    def event(what, process, task):
        if what == "started" and task.checkpoint.step == 20:
            os.kill(process, signal.SIGKILL)

    failures = run_on_ray(one, ENGINE, one.pending(), workers=1, cpus=0.5, retries=1, event=event)
    assert len(failures) == 2
    assert any(failure.startswith("step-20 (step 20, part 1): its worker was lost 2 times") for failure in failures)
    assert any(failure.startswith("step-10 (step 10, part 1): ") for failure in failures)
    assert one.merge_all() == list(one.checkpoints)


def test_a_single_checkpoint(tmp_path):
    output = tmp_path / "one.safetensors"
    given = [str(CASE), str(CASE / "samples.jsonl"), "--step", "7", "--tokens", "99", "-o", str(output)]
    run = [sys.executable, "-m", "grokscope.record", *given]
    ended = subprocess.run(run, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    trace, known = read_trace(output), load_file(CASE / "expected.safetensors")
    assert (trace.step, trace.tokens, trace.model) == (7, 99, str(CASE))
    np.testing.assert_allclose(trace.gates, known["mean_gates"], rtol=0, atol=5e-6)
    ended = subprocess.run([*run, "--router", "nothing"], capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert "no module's name matches 'nothing'. Give --router" in ended.stderr
    assert "model.layers.*.mlp.gate (OlmoeTopKRouter" in ended.stderr


def test_the_program_gives_the_same_gates(tmp_path, listed):
    program = os.environ.get("GROKSCOPE_CLI") or shutil.which("grokscope")
    if program is None:
        pytest.skip("no program `grokscope` (GROKSCOPE_CLI): --engine grokscope is tested with a stand-in only")
    ended = subprocess.run(
        command(listed, tmp_path / "out", "--engine", "grokscope", "--grokscope", program), capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    known = load_file(CASE / "expected.safetensors")
    for step in (10, 20):
        trace = read_trace(tmp_path / "out" / f"step-{step}.safetensors")
        np.testing.assert_allclose(trace.gates, known["mean_gates"], rtol=0, atol=5e-6)
        assert (trace.step, trace.probe) == (step, ProbeSet.read(CASE / "samples.jsonl").hash)
