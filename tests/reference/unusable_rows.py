"""Writes unusable_rows.json: figures of run-a where gates of some items and tokens cannot be used.

Needs numpy and scipy. Shares no code with Grokscope: a score is the mean over all pair cosines of
the items that are left, and a token entropy is the mean over all tokens of the samples that are left.
"""

import json
import pathlib

import numpy
from scipy.optimize import linear_sum_assignment

HERE = pathlib.Path(__file__).parent
RUN = HERE.parent / "fixtures/metrics/run-a"
# By place in items-last.safetensors. The second is the only item of its step.
ITEMS = [0, 11, 35]
# By place in tokens-7000.safetensors.
TOKENS = [40, 41, 500]


def tensor(file, name):
    data = (RUN / file).read_bytes()
    length = int.from_bytes(data[:8], "little")
    entry = json.loads(data[8 : 8 + length])[name]
    assert entry["dtype"] == "F32"
    start, end = (8 + length + offset for offset in entry["data_offsets"])
    return numpy.frombuffer(data[start:end], "<f4").reshape(entry["shape"]).astype(numpy.float64)


def unit(gates):
    rows = gates.reshape(len(gates), -1)
    return rows / numpy.linalg.norm(rows, axis=1, keepdims=True)


run = json.loads((RUN / "run.json").read_text())
expected = json.loads((RUN / "expected.json").read_text())
samples, items = run["samples"], run["items"]

pairing = {}
for domain in ("math", "code"):
    train = expected["memorization"][domain]["groups"]
    steps = [step for step in sorted(map(int, train)) if step != run["steps"][-1] and train[str(step)]]
    rows = unit(tensor(f"step-{run['steps'][-1]}.safetensors", "gates"))
    of_id = {sample["id"]: row for sample, row in zip(samples, rows)}
    memorized = [numpy.array([of_id[name] for name in train[str(step)]]) for step in steps]
    gates = unit(tensor("items-last.safetensors", "gates"))
    left = [(item["id"], row) for place, (item, row) in enumerate(zip(items, gates)) if place not in ITEMS]
    t_sharp = expected["generalization"][domain]["t_sharp"]
    test_steps = sorted({t_sharp[name] for name, _ in left if t_sharp.get(name) is not None})
    generalized = [numpy.array([row for name, row in left if t_sharp.get(name) == step]) for step in test_steps]
    scores = [[float((a @ b.T).mean()) for b in generalized] for a in memorized]
    best = linear_sum_assignment(scores, maximize=True)
    pairing[domain] = {
        "train_steps": steps,
        "test_steps": test_steps,
        "test_items": [len(group) for group in generalized],
        "scores": scores,
        "total": float(numpy.array(scores)[best].sum()),
    }

gates = tensor("tokens-7000.safetensors", "gates")
with numpy.errstate(divide="ignore", invalid="ignore"):
    entropies = numpy.where(gates > 0, -gates * numpy.log(gates), 0).sum(axis=2).mean(axis=1)
ends = numpy.cumsum([sample["tokens"] for sample in samples])
bad = sorted({int(numpy.searchsorted(ends, token, side="right")) for token in TOKENS})
token_entropy = {}
for domain in ("math", "code"):
    kept = [
        entropies[end - sample["tokens"] : end]
        for place, (sample, end) in enumerate(zip(samples, ends))
        if sample["domain"] == domain and place not in bad
    ]
    token_entropy[domain] = float(numpy.concatenate(kept).mean())

figures = {
    "items": ITEMS,
    "item_ids": [items[place]["id"] for place in ITEMS],
    "tokens": TOKENS,
    "samples": [samples[place]["id"] for place in bad],
    "pairing": pairing,
    "token_entropy": token_entropy,
}
(HERE / "unusable_rows.json").write_text(json.dumps(figures, indent=1) + "\n")
