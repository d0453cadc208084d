"""Files: same bytes for the same content, complete or not there."""

import errno
import os
import signal
import subprocess
import sys

import numpy as np
import pytest
from safetensors import safe_open

from grokscope import tensor_file
from grokscope.errors import FileIncomplete, WriteFailed


def layouts():
    """The same array in several memory orders and byte orders."""
    plain = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    yield plain
    yield np.asfortranarray(plain)
    yield np.ascontiguousarray(plain.transpose(2, 0, 1)).transpose(1, 2, 0)
    yield np.ascontiguousarray(plain[:, ::-1])[:, ::-1]
    yield np.repeat(plain, 2, axis=2)[:, :, ::2]
    yield plain.astype(">f4")


def test_arrays_that_are_not_contiguous_give_the_same_bytes(tmp_path):
    contents = set()
    for number, array in enumerate(layouts()):
        path = tmp_path / f"{number}.safetensors"
        tensor_file.write(path, {"gates": array, "n": np.array([3], dtype=np.int32)}, {"b": "2", "a": "ä"})
        contents.add(path.read_bytes())
        with safe_open(str(path), "numpy") as file:
            np.testing.assert_array_equal(file.get_tensor("gates"), np.arange(24).reshape(2, 3, 4))
            assert file.metadata() == {"a": "ä", "b": "2"}
    assert len(contents) == 1


def test_empty_and_scalar_arrays(tmp_path):
    path = tmp_path / "x.safetensors"
    tensor_file.write(path, {"empty": np.zeros((0, 3), np.float32), "scalar": np.array(2.0)}, {})
    with safe_open(str(path), "numpy") as file:
        assert file.get_tensor("empty").shape == (0, 3)
        assert file.get_tensor("scalar") == 2.0


def test_a_type_that_cannot_be_stored_is_named(tmp_path):
    with pytest.raises(TypeError, match="complex128 cannot be stored"):
        tensor_file.write(tmp_path / "x", {"a": np.zeros(1, complex)}, {})
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_full_disk_leaves_the_older_file_and_nothing_else(tmp_path, monkeypatch, call):
    path = tmp_path / "step-1.safetensors"
    tensor_file.write(path, {"a": np.zeros(1)}, {})
    before = path.read_bytes()

    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, call, full)
    with pytest.raises(WriteFailed, match=r"step-1\.safetensors was not written: the disk is full\..*complete"):
        tensor_file.write(path, {"a": np.ones(1)}, {})
    assert os.listdir(tmp_path) == ["step-1.safetensors"]
    assert path.read_bytes() == before


@pytest.mark.skipif(not hasattr(signal, "SIGXFSZ"), reason="no limit of file sizes on this system")
def test_a_real_limit_while_writing(tmp_path):
    code = (
        "import resource, signal, sys, numpy as np\n"
        "from grokscope import tensor_file\n"
        "from grokscope.errors import WriteFailed\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))\n"
        "try:\n"
        "    tensor_file.write(sys.argv[1], {'a': np.zeros(100_000)}, {})\n"
        "except WriteFailed as error:\n"
        "    print(error)\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "x.safetensors")], capture_output=True, text=True, check=True
    )
    assert "x.safetensors was not written: the file is larger than this process may write" in ended.stdout
    assert os.listdir(tmp_path) == []


#: Writes half a file, says so, and waits to be killed.
KILLED = """
import sys, time
from pathlib import Path
from grokscope.tensor_file import replacing
with replacing(Path(sys.argv[1])) as file:
    file.write(b"half")
    file.flush()
    print("writing", flush=True)
    time.sleep(600)
"""


def kill_while_writing(path):
    process = subprocess.Popen([sys.executable, "-c", KILLED, str(path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "writing\n"
    process.kill()
    process.wait()
    process.stdout.close()


def test_a_process_killed_while_writing_leaves_no_file_of_that_name(tmp_path):
    path = tmp_path / "step-1.safetensors"
    kill_while_writing(path)
    [left] = os.listdir(tmp_path)
    assert left.startswith(".step-1.safetensors.") and left.endswith(tensor_file.TEMPORARY)
    assert tensor_file.remove_temporaries(tmp_path) == [left]
    assert os.listdir(tmp_path) == []


def test_files_that_live_processes_write_are_kept(tmp_path):
    with tensor_file.replacing(tmp_path / "x.safetensors") as file:
        file.write(b"0" * 10)
        assert tensor_file.remove_temporaries(tmp_path) == []
    assert os.listdir(tmp_path) == ["x.safetensors"]


def test_every_cut_of_a_file_is_incomplete(tmp_path):
    path = tmp_path / "x.safetensors"
    tensor_file.write(path, {"a": np.arange(3)}, {"step": "5"})
    whole = path.read_bytes()
    assert tensor_file.read_metadata(path) == {"step": "5"}
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(FileIncomplete, match="Write"):
            tensor_file.read_metadata(path)
    path.write_bytes(whole + b"0")
    with pytest.raises(FileIncomplete, match=f"{len(whole) + 1} bytes, but its header describes {len(whole)}"):
        tensor_file.read_metadata(path)
