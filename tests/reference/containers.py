"""Makes tests/fixtures/containers: arrays and columns in the layouts, types and encodings that NumPy and pyarrow write.

Run it anywhere: `pip install numpy ml_dtypes pyarrow` and then `python3 tests/reference/containers.py`.

Value `i` of an array, counted with the last axis varying fastest, is `i / 4 - 1` for floats and `37 * i % 251` for
integers, so that tests know the values without a second file.
"""

from decimal import Decimal
from pathlib import Path

import ml_dtypes
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

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


def columns():
    """300 rows in two row groups of several pages; `name` is `s{i // 7}`, the ends of int64 alternate."""
    i = np.arange(300)
    names = pa.array([f"s{at // 7}" for at in i])
    wide = pa.array([2**63 - 1 - int(at) if at % 2 == 0 else int(at) - 2**63 for at in i], pa.int64())
    narrow = pa.array([2**31 - 1 - int(at) if at % 2 == 0 else int(at) - 2**31 for at in i], pa.int32())
    half = pa.array((i / 4 - 1).astype(np.float16))
    single = pa.array((i / 4 - 1).astype(np.float32))
    columns = {
        "ids_delta": (pa.array([[int(at), int(at) * int(at) % 97] for at in i]), "DELTA_BINARY_PACKED"),
        "wide_delta": (wide, "DELTA_BINARY_PACKED"),
        "narrow_delta": (narrow, "DELTA_BINARY_PACKED"),
        "narrow_split": (narrow, "BYTE_STREAM_SPLIT"),
        "half_plain": (half, "PLAIN"),
        "half_split": (half, "BYTE_STREAM_SPLIT"),
        "half_dictionary": (half, None),
        "single_split": (single, "BYTE_STREAM_SPLIT"),
        "name_plain": (names, "PLAIN"),
        "name_dictionary": (names, None),
        "name_lengths": (names, "DELTA_LENGTH_BYTE_ARRAY"),
        "name_prefixes": (names, "DELTA_BYTE_ARRAY"),
    }
    table = pa.table({name: values for name, (values, _) in columns.items()})
    paths = {name: "ids_delta.list.element" if name == "ids_delta" else name for name in columns}
    for version in ["1.0", "2.0"]:
        pq.write_table(
            table,
            HERE / f"encodings-{version[0]}.parquet",
            compression="zstd",
            data_page_version=version,
            data_page_size=256,
            write_batch_size=64,
            row_group_size=200,
            use_dictionary=[paths[name] for name, (_, encoding) in columns.items() if encoding is None],
            column_encoding={paths[name]: encoding for name, (_, encoding) in columns.items() if encoding},
            store_schema=False,
        )
    odd = pa.table(
        {
            "decimal": pa.array([Decimal("1.5")], pa.decimal128(9, 2)),
            "fixed": pa.array([b"0123456789abcdef"], pa.binary(16)),
            "two": pa.array([b"01"], pa.binary(2)),
            "truth": pa.array([True]),
        }
    )
    pq.write_table(odd, HERE / "types.parquet", store_schema=False)


def tables():
    """Samples a, b and c of 3, 2 and 4 tokens in layers 1 and 3, two experts of eight each: expert `j` of a token is
    `(3 * sample + 5 * token + 2 * layer + 4 * j) % 8`."""
    folder = HERE / "tables"
    folder.mkdir(exist_ok=True)
    rows = [
        {"layer": layer, "sample_id": name, "token": token,
         "indices": [(3 * sample + 5 * token + 2 * layer + 4 * j) % 8 for j in range(2)]}
        for layer in (1, 3) for sample, (name, tokens) in enumerate([("a", 3), ("b", 2), ("c", 4)])
        for token in range(tokens)
    ]

    def mixed(rows):
        # Not in order, but the samples first occur in theirs.
        by_token = sorted(rows, key=lambda row: (row["token"], row["sample_id"]))
        return by_token[:5] + by_token[5:][::-1]

    def write(name, rows):
        pq.write_table(pa.Table.from_pylist(rows), folder / f"{name}.parquet", store_schema=False)

    def without(row, *names):
        return {name: value for name, value in row.items() if name not in names}

    write("lists", mixed(rows))
    single = [
        {**without(row, "indices"), "expert": row["indices"][j], "rank": j} for row in rows for j in (1, 0)
    ]
    write("rows", mixed(single))
    write("rows-without-token", [without(row, "token", "rank") for row in single])
    write("numbered", [
        {"layer_idx": row["layer"], "position": row["token"] + 1, "expert_0": row["indices"][0],
         "expert_1": row["indices"][1]} for row in rows
    ])
    write("restart-broken", [without({**row, "token": 2 * row["token"]}, "sample_id") for row in rows])
    numbers = {"a": 10, "b": 20, "c": 30}
    write("no-token", [
        {"layer": row["layer"], "sample": numbers[row["sample_id"]], "topk_ids": row["indices"],
         "domain": "math" if row["sample_id"] == "a" else "code", "step": 700.0, "rank": 0, "text": str(i)}
        for i, row in enumerate(rows)
    ])
    write("steps", [{**row, "step": step} for step in (2000, 1000) for row in rows])
    write("steps-unnamed", [
        without({**row, "step": step}, "sample_id") for step in (1000, 2000) for row in rows
    ])
    write("ranks", [{**row, "tp_rank": rank} for rank in (0, 1) for row in rows])
    write("ranks-untold", rows + rows)
    write("prompts", [
        {**without(row, "sample_id", "token"), "prompt": f"text of {row['sample_id']}"} for row in rows
    ])
    write("missing", [row for row in rows if (row["layer"], row["sample_id"], row["token"]) != (3, "b", 1)])
    write("one-layer", [row for row in rows if row["layer"] == 3])
    write("other-layer", [row for row in rows if row["layer"] == 1])
    write("part-0", [row for row in rows if row["sample_id"] != "c"])
    write("part-1", [row for row in rows if row["sample_id"] != "a"])
    changed = [{**row, "indices": [row["indices"][1], row["indices"][0]]} for row in rows]
    write("part-changed", [row for row in changed if row["sample_id"] != "a"])
    write("null", [{**row, "sample_id": None if row["token"] == 1 else row["sample_id"]} for row in rows])


if __name__ == "__main__":
    HERE.mkdir(exist_ok=True)
    arrays()
    columns()
    tables()
