"""Writes tests/fixtures/archives: a small run in common archive formats.

Run it from any folder: `python3 tests/reference/archives.py`. Needs the standard library and the program `zstd`.
"""

import gzip
import io
import json
import struct
import subprocess
import tarfile
import zipfile
from pathlib import Path

HERE = Path(__file__).resolve().parents[1] / "fixtures" / "archives"
LONG = "run/" + "a-folder-whose-name-is-so-long-that-a-header-of-tar-cannot-hold-it/" * 2 + "step-3.safetensors"


def trace(shift):
    """A trace of two samples, two layers and four experts with exact values."""
    row = [0.125, 0.25, 0.5, 0.125]
    rows = [row[(shift + i) % 4 :] + row[: (shift + i) % 4] for i in range(4)]
    data = struct.pack("<16f", *sum(rows, []))
    header = json.dumps({"gates": {"dtype": "F32", "shape": [2, 2, 4], "data_offsets": [0, 64]}}).encode()
    return struct.pack("<Q", len(header)) + header + data


FILES = {
    "run/step-1/gates.safetensors": trace(0),
    "run/step-2/gates.safetensors": trace(1),
    LONG: trace(2),
    "run/samples.jsonl": b'{"id": "a", "domain": "math"}\n{"id": "b", "domain": "code"}\n',
    "__MACOSX/run/._samples.jsonl": b"\x00\x05\x16\x07",
}


def packed_zip(files, method):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        archive.writestr(zipfile.ZipInfo("run/"), b"")
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name), data, method)
    return out.getvalue()


def packed_tar(files, form):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form) as archive:
        folder = tarfile.TarInfo("run")
        folder.type = tarfile.DIRTYPE
        archive.addfile(folder)
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


def packed_zstd(data):
    return subprocess.run(["zstd", "-19", "-c"], input=data, capture_output=True, check=True).stdout


def main():
    HERE.mkdir(exist_ok=True)
    gnu = packed_tar(FILES, tarfile.GNU_FORMAT)
    inner = packed_zip(FILES, zipfile.ZIP_DEFLATED)
    middle = packed_zip({"inner.zip": inner, "read.me": b"x"}, zipfile.ZIP_STORED)
    one = trace(0)
    made = {
        "stored.zip": packed_zip(FILES, zipfile.ZIP_STORED),
        "deflated.zip": inner,
        "gnu.tar": gnu,
        "pax.tar": packed_tar(FILES, tarfile.PAX_FORMAT),
        "gnu.tar.gz": gzip.compress(gnu, mtime=0),
        "gnu.tar.zst": packed_zstd(gnu),
        "step-1.safetensors.gz": gzip.compress(one, mtime=0),
        "step-1.safetensors.zst": packed_zstd(one),
        # Eight MiB of zeros in some hundred bytes: a decompression bomb.
        "zeros.zst": packed_zstd(bytes(8 << 20)),
        "two-deep.zip": middle,
        "three-deep.zip": packed_zip({"middle.zip": middle, "step-1.safetensors": one}, zipfile.ZIP_STORED),
        "packed-inside.zip": packed_zip({"step-1.safetensors.gz": gzip.compress(one, mtime=0)}, zipfile.ZIP_STORED),
    }
    for name, data in made.items():
        (HERE / name).write_bytes(data)


if __name__ == "__main__":
    main()
