"""Computes the router geometry of the demo run with numpy, as expected values of crates/report/tests/geometry.rs.

Needs numpy. Reads tests/fixtures/demo-run/step*, writes tests/fixtures/router-geometry/demo-run.json. See
docs/router-geometry.md for definitions.
"""

import json
import pathlib
import re

import numpy

FIXTURES = pathlib.Path(__file__).parent.parent / "fixtures"


def tensors(path):
    """Returns the routers of a shard as float64; they are stored as bfloat16 or float32."""
    data = path.read_bytes()
    size = int.from_bytes(data[:8], "little")
    for name, entry in json.loads(data[8 : 8 + size]).items():
        found = re.fullmatch(r"model\.layers\.(\d+)\.mlp\.gate\.weight", name)
        if found:
            start, end = (8 + size + offset for offset in entry["data_offsets"])
            if entry["dtype"] == "BF16":
                values = (numpy.frombuffer(data[start:end], "<u2").astype("<u4") << 16).view("<f4")
            else:
                values = numpy.frombuffer(data[start:end], {"F32": "<f4", "F16": "<f2"}[entry["dtype"]])
            yield int(found[1]), values.astype(numpy.float64).reshape(entry["shape"])


def routers(folder):
    found = dict(pair for shard in sorted(folder.glob("*.safetensors")) for pair in tensors(shard))
    return [found[layer] for layer in sorted(found)]


def cosines(matrix):
    unit = matrix / numpy.linalg.norm(matrix, axis=1, keepdims=True)
    return (unit @ unit.T)[numpy.triu_indices(len(matrix), 1)]


def layer(now, last):
    norms = numpy.linalg.norm(now, axis=1)
    own = (now * last).sum(1) / (norms * numpy.linalg.norm(last, axis=1))
    return {
        "norm_mean": norms.mean(),
        "norm_min": norms.min(),
        "norm_max": norms.max(),
        "similarity": cosines(now).mean(),
        "drift": numpy.linalg.norm(now - last) / numpy.linalg.norm(last),
        "cosine": own.mean(),
        "gram_difference": numpy.abs(cosines(now) - cosines(last)).mean(),
    }


def main():
    folders = {int(path.name[4:]): path for path in (FIXTURES / "demo-run").glob("step*")}
    last = routers(folders[max(folders)])
    checkpoints = [
        {"step": step, "layers": [layer(now, end) for now, end in zip(routers(folders[step]), last)]}
        for step in sorted(folders)
    ]
    out = FIXTURES / "router-geometry" / "demo-run.json"
    out.write_text(json.dumps(checkpoints, indent=1) + "\n")


if __name__ == "__main__":
    main()
