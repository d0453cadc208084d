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


def effective_rank(matrix):
    values = numpy.linalg.svd(matrix, compute_uv=False)
    share = values[values > 0] / values.sum()
    return numpy.exp(-(share * numpy.log(share)).sum())


def layer(now, last, before):
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
        "conditioning": numpy.linalg.norm(now - now.mean(0), axis=1).max() / numpy.linalg.norm(now.mean(0)),
        "effective_rank": effective_rank(now),
        "turn": None if before is None else turn(now.ravel(), before.ravel()),
        "bias_spread": None,
    }


def turn(now, before):
    return 1 - now @ before / (numpy.linalg.norm(now) * numpy.linalg.norm(before))


def main():
    folders = {int(path.name[4:]): path for path in (FIXTURES / "demo-run").glob("step*")}
    last = routers(folders[max(folders)])
    checkpoints, before = [], [None] * len(last)
    for step in sorted(folders):
        now = routers(folders[step])
        checkpoints.append({"step": step, "layers": [layer(*of_layer) for of_layer in zip(now, last, before)]})
        before = now
    out = FIXTURES / "router-geometry" / "demo-run.json"
    out.write_text(json.dumps(checkpoints, indent=1) + "\n")


if __name__ == "__main__":
    main()
