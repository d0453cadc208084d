"""Makes tests/fixtures/containers: arrays and columns in the layouts, types and encodings that NumPy and pyarrow write.

Run it anywhere: `pip install numpy ml_dtypes pyarrow` and then `python3 tests/reference/containers.py`.

Value `i` of an array, counted with the last axis varying fastest, is `i / 4 - 1` for floats and `37 * i % 251` for
integers, so that tests know the values without a second file.
"""

from pathlib import Path

import ml_dtypes
import numpy as np

HERE = Path(__file__).resolve().parents[1] / "fixtures" / "containers"


def floats(shape, dtype):
    return (np.arange(np.prod(shape)).reshape(shape) / 4 - 1).astype(dtype)


def integers(shape, dtype):
    return (37 * np.arange(np.prod(shape)).reshape(shape) % 251).astype(dtype)


def arrays():
    for_all = {
        "plain": floats((5, 3), "<f4"),
        "fortran": np.asfortranarray(floats((5, 3), "<f4")),
        "fortran_big": np.asfortranarray(floats((2, 3, 4), ">f8")),
        "fortran_flat": np.asfortranarray(floats((4, 1), "<f4")),
        "fortran_integers": np.asfortranarray(integers((4, 1, 3), "<i2")),
        "fortran_bytes": np.asfortranarray(integers((3, 2), "|u1")),
        "big_half": floats((5, 3), ">f2"),
        "big_float": floats((5, 3), ">f4"),
        "big_integers": integers((6,), ">i8"),
        "big_unsigned": integers((6,), ">u2"),
        "bfloat16": floats((5, 3), ml_dtypes.bfloat16),
        "fortran_bfloat16": np.asfortranarray(floats((5, 3), ml_dtypes.bfloat16)),
    }
    np.savez(HERE / "layouts.npz", **for_all)
    np.savez_compressed(HERE / "layouts-deflated.npz", **for_all)
    np.save(HERE / "fortran.npy", np.asfortranarray(floats((7, 3), "<f4")))
    np.savez(HERE / "untyped-integers.npz", router_logits_0=integers((6, 4), "<u2").view("V2"))
    ragged = np.empty(2, object)
    ragged[:] = [floats((2, 4), "<f4"), floats((3, 4), "<f4")]
    np.savez(HERE / "objects.npz", routing=ragged, lengths=np.array([2, 3]), names=np.array(["a", "b"]))


if __name__ == "__main__":
    HERE.mkdir(exist_ok=True)
    arrays()
