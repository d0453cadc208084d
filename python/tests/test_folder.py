"""The folder of a run: what may be added to it."""

import os
import subprocess
import sys

import numpy as np
import pytest
from test_tensor_file import kill_while_writing

from grokscope import ProbeSet, Sample, Trace, TraceFolder, read_trace
from grokscope.errors import FolderError, FolderInUse, ProbeSetChanged, StepWentBack, WriteFailed

PROBE = ProbeSet([Sample("a", "math", (1, 2)), Sample("b", "code", (3,))])


def trace(step, experts=4, **more):
    gates = np.full((2, 3, experts), 1 / experts)
    return Trace(step, gates, "softmax-mean", PROBE.labels, probe=PROBE.hash, **more)


@pytest.fixture
def folder(tmp_path):
    made = TraceFolder(tmp_path / "traces")
    made.open()
    yield made
    made.close()


def test_a_trace_reads_as_it_was_written(folder):
    ids = np.arange(18).reshape(3, 3, 2) % 4
    made = trace(
        5, loss=np.array([1.5, np.nan]), n_tokens=np.array([2, 1]), topk_ids=ids, router_weight=np.ones((3, 4, 7)), tokens=99,
        model="m", extra={"run": "r"},
    )  # fmt: skip
    back = read_trace(folder.write(made))
    assert (back.step, back.model, back.tokens, back.probe, back.extra) == (5, "m", 99, PROBE.hash, {"run": "r"})
    assert back.samples == PROBE.labels
    np.testing.assert_array_equal(back.topk_ids, ids)
    np.testing.assert_array_equal(back.loss, np.array([1.5, np.nan], np.float32))
    assert [one.step for one in folder.traces()] == [5]


def test_a_probe_set_that_changed_is_refused(folder):
    folder.write(trace(5))
    with pytest.raises(ProbeSetChanged, match="was made with other samples .* give the samples file of this folder"):
        folder.check(6, ProbeSet([Sample("a", "math", (1, 3))]).hash, None)


def test_the_same_step_is_there_and_a_later_one_is_not(folder):
    folder.write(trace(5))
    assert not folder.check(5, PROBE.hash, None)
    assert folder.check(6, PROBE.hash, None)


def test_a_step_that_goes_back_is_refused_until_training_is_resumed(folder):
    for step in (5, 10, 15):
        folder.write(trace(step))
    with pytest.raises(StepWentBack, match=r"the new trace is of step 8, but the folder has one of step 15\..*resume\(8\)"):
        folder.check(8, PROBE.hash, None)
    assert [path.name for path in folder.resume(8)] == ["step-10.safetensors.superseded", "step-15.safetensors.superseded"]
    assert folder.check(8, PROBE.hash, None)
    # A second time: the first ones keep their names.
    folder.write(trace(10))
    assert [path.name for path in folder.resume(8)] == ["step-10.safetensors.superseded-2"]


def test_steps_are_ordered_as_numbers_whatever_the_clock_says(folder):
    for step in (5, 100, 20):
        folder.write(trace(step))
    os.utime(folder.file(5), (4e9, 4e9))
    os.utime(folder.file(100), (0, 0))
    assert [one.step for one in folder.traces()] == [5, 20, 100]
    assert folder.check(101, PROBE.hash, None)


def test_two_live_runs_cannot_use_one_folder(folder):
    with pytest.raises(FolderInUse, match=rf"another process \(id {os.getpid()}\) writes traces.*its own folder"):
        TraceFolder(folder.path).open()
    folder.close()
    other = TraceFolder(folder.path)
    other.open()
    other.close()


def test_the_lock_of_a_killed_process_is_free(tmp_path):
    code = "import sys, os\nfrom grokscope import TraceFolder\nTraceFolder(sys.argv[1]).open()\nos.kill(os.getpid(), 9)"
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False)
    folder = TraceFolder(tmp_path)
    folder.open()
    folder.close()


def test_another_run_of_the_same_samples_is_refused_by_name_and_by_shape(folder):
    folder.write(trace(5, extra={"run": "first"}))
    with pytest.raises(FolderError, match="is of the run 'first', not of 'second'"):
        folder.check(6, PROBE.hash, "second")
    assert folder.check(6, PROBE.hash, None)
    with pytest.raises(FolderError, match="has 3x4 layers and experts, the model has 3x8"):
        folder.write(trace(6, experts=8))


def test_what_a_killed_writer_left_is_removed_and_half_a_trace_is_no_trace(tmp_path):
    folder = TraceFolder(tmp_path)
    folder.open()
    path = folder.write(trace(5))
    folder.close()
    kill_while_writing(folder.file(10))
    folder.file(15).write_bytes(path.read_bytes()[:-1])
    folder.open()
    assert sorted(one.name for one in tmp_path.iterdir()) == [".grokscope.lock", "step-15.safetensors", "step-5.safetensors"]
    assert [one.step for one in folder.traces()] == [5]
    assert folder.check(15, PROBE.hash, None)
    folder.close()


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(WriteFailed, match="cannot be used for traces"):
        TraceFolder(tmp_path / "file" / "traces").open()
