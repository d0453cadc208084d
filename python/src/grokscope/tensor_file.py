"""Writes and checks safetensors files.

The writer gives the same bytes for the same content, whatever the memory layout of the arrays, and a file
appears under its name only when it is complete and on disk.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import socket
import struct
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from .errors import FileIncomplete, WriteFailed

Array = npt.NDArray[Any]

_CODES = {
    "float64": "F64", "float32": "F32", "float16": "F16", "int64": "I64", "int32": "I32", "int16": "I16",
    "int8": "I8", "uint64": "U64", "uint32": "U32", "uint16": "U16", "uint8": "U8", "bool": "BOOL",
}  # fmt: skip

#: Bytes of a header that a reader accepts; safetensors has the same limit.
_MAX_HEADER = 100_000_000

#: End of the name of a file that is being written. Grokscope's readers ignore such files.
TEMPORARY = ".tmp"


def write(path: str | Path, tensors: Mapping[str, Array], metadata: Mapping[str, str]) -> None:
    """Writes a safetensors file: under a temporary name in the same folder, synced to disk, then renamed.

    Raises WriteFailed; an older file of this name and every other file then stay as they were.
    """
    path = Path(path)
    # safetensors' own writer takes the memory of an array whatever its strides, and hashes its metadata.
    arrays = {name: _plain(array) for name, array in tensors.items()}
    header = _header(arrays, metadata)
    with replacing(path) as file:
        file.write(struct.pack("<Q", len(header)))
        file.write(header)
        for name in _order(arrays):
            file.write(arrays[name].reshape(-1).view(np.uint8).data)


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """A file to write, which gets the name `path` at the end, after everything is on disk."""
    temporary = path.with_name(f".{path.name}.{socket.gethostname()}-{os.getpid()}{TEMPORARY}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(temporary, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
        _sync_folder(path.parent)
    except OSError as error:
        raise WriteFailed(_words(path, error)) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def remove_temporaries(folder: Path) -> list[str]:
    """Removes what a killed process of this machine left while it was writing; returns the names."""
    removed = []
    for path in sorted(folder.glob(f".*.{socket.gethostname()}-*{TEMPORARY}")):
        owner = path.name.removesuffix(TEMPORARY).rpartition("-")[2]
        if owner.isdigit() and int(owner) != os.getpid() and not _alive(int(owner)):
            with contextlib.suppress(OSError):
                path.unlink()
                removed.append(path.name)
    return removed


def read_metadata(path: str | Path) -> dict[str, str]:
    """The metadata of a complete file.

    Raises FileIncomplete if the header cannot be read or if header and length disagree, and OSError.
    """
    path = Path(path)
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        start = file.read(8)
        length = struct.unpack("<Q", start)[0] if len(start) == 8 else 0
        if not 2 <= length <= min(_MAX_HEADER, size - 8):
            raise FileIncomplete(f"{path}: not a complete safetensors file ({size} bytes). Write it again.")
        try:
            header = json.loads(file.read(length))
            end = max((entry["data_offsets"][1] for name, entry in header.items() if name != "__metadata__"), default=0)
            metadata = {str(key): str(value) for key, value in header.get("__metadata__", {}).items()}
        except (ValueError, TypeError, KeyError, IndexError, AttributeError) as error:
            raise FileIncomplete(f"{path}: the safetensors header cannot be read. Write the file again.") from error
    if size != 8 + length + end:
        raise FileIncomplete(f"{path}: {size} bytes, but its header describes {8 + length + end}. Write the file again.")
    return metadata


def _plain(array: Array) -> Array:
    """The array in C order and little-endian."""
    array = np.asarray(array)
    if array.dtype.name not in _CODES:
        raise TypeError(f"arrays of type {array.dtype} cannot be stored; convert them to float32")
    return np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<")).reshape(array.shape)


def _order(arrays: Mapping[str, Array]) -> list[str]:
    """Large elements first, so that every tensor is aligned; then by name."""
    return sorted(arrays, key=lambda name: (-arrays[name].dtype.itemsize, name))


def _header(arrays: Mapping[str, Array], metadata: Mapping[str, str]) -> bytes:
    entries: dict[str, Any] = {"__metadata__": dict(metadata)}
    end = 0
    for name in _order(arrays):
        array = arrays[name]
        start, end = end, end + array.nbytes
        entries[name] = {"dtype": _CODES[array.dtype.name], "shape": list(array.shape), "data_offsets": [start, end]}
    text = json.dumps(entries, ensure_ascii=False, separators=(",", ":")).encode()
    return text + b" " * (-len(text) % 8)


def _sync_folder(folder: Path) -> None:
    """Makes a rename durable, where folders can be synced."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _words(path: Path, error: OSError) -> str:
    what = {
        errno.ENOSPC: "the disk is full",
        errno.EDQUOT: "the disk quota is used up",
        errno.EFBIG: "the file is larger than this process may write",
        errno.EACCES: "no permission to write",
        errno.EROFS: "the file system is read-only",
    }.get(error.errno or 0, error.strerror or str(error))
    return f"{path} was not written: {what}. Files written earlier are complete; make room, then collect this step again."
