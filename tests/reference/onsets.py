"""Makes the run `tests/fixtures/onsets/run-o` and computes causal steps and states, with numpy and scipy only.

    python tests/reference/onsets.py

Writes `run-o/`, `run-o.json` (steps and states, all pairs) and `example.json` (steps of the example run). Every figure
of a checkpoint is computed anew from the run cut off there, so none can depend on later checkpoints. Definitions:
docs/metrics.md, sections "Causal memorization step", "Causal generalization step" and "State of a domain".
"""

import json
import pathlib
import struct

import numpy as np
from scipy import stats

ROOT = pathlib.Path(__file__).resolve().parents[2]
OUT = ROOT / "tests/fixtures/onsets"
DELTA, TAU, ALPHA = 0.05, 0.7, 0.05
STEPS = [0, 50, 100, 200, 300, 400, 600, 800, 1000, 1500, 2000, 3000, 4000, 5000]
TYPES = {"F32": np.float32, "I32": np.int32, "I64": np.int64, "U8": np.uint8}


def save(path, tensors, metadata):
    header, blobs, offset = {"__metadata__": metadata}, [], 0
    for name, values in tensors.items():
        blob = np.ascontiguousarray(values).tobytes()
        dtype = next(key for key, value in TYPES.items() if value == values.dtype)
        header[name] = {"dtype": dtype, "shape": list(values.shape), "data_offsets": [offset, offset + len(blob)]}
        blobs.append(blob)
        offset += len(blob)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + b"".join(blobs))


def load(path):
    data = path.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    metadata = header.pop("__metadata__", {})
    tensors = {}
    for name, entry in header.items():
        start, end = (8 + length + at for at in entry["data_offsets"])
        tensors[name] = np.frombuffer(data[start:end], TYPES[entry["dtype"]]).reshape(entry["shape"])
    return tensors, metadata


def make_run(folder):
    """Two domains: the pathways of one converge after memorization, those of the other diverge."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(7)
    samples, layers, experts, count = 28, 4, 12, len(STEPS)
    domains = ["falls", "rises"]
    common = rng.normal(size=(2, layers, experts))
    own = rng.normal(size=(2, samples, layers, experts))
    starts = rng.integers(0, 5, size=(2, samples)) + np.arange(2)[:, None]
    losses = np.zeros((count, 2, samples))
    for at in range(count):
        falling = 2.8 * np.exp(-1.9 * np.maximum(0, at - starts + 1)) * (at >= starts) + 2.8 * (at < starts)
        losses[at] = 0.06 + falling + 0.012 * rng.random((2, samples))
    losses[9, 0, 3:9] += 0.6  # Spikes: relapses of samples declared before, late windows of others.
    losses[4, 0, 0] += 0.9
    losses[12, 1, 10] += 0.3
    losses[3, 0, 20] = losses[6, 1, 5] = np.nan
    losses[:, 1, 27] = 3.0 + 0.2 * rng.random(count)  # Never memorized.
    for at, step in enumerate(STEPS):
        late = max(0, at - 4) / (count - 5)
        shared = np.array([1.2, 1.4 - 1.3 * late])[:, None, None, None]
        weight = np.array([1.3 - 1.2 * late**0.5, 0.3 + 1.1 * late])[:, None, None, None]
        logits = shared * common[:, None] + weight * own + 0.12 * rng.normal(size=own.shape)
        gates = np.exp(logits - logits.max(-1, keepdims=True))
        gates /= gates.sum(-1, keepdims=True)
        ids = [{"id": f"{name}-{i:02}", "domain": name} for name in domains for i in range(samples)]
        metadata = {
            "format": "grokscope.trace",
            "version": "1",
            "model": "run-o",
            "step": str(step),
            "gate_kind": "softmax-mean",
            "samples": json.dumps(ids, separators=(",", ":")),
        }
        tensors = {
            "gates": gates.reshape(-1, layers, experts).astype(np.float32),
            "loss": losses[at].reshape(-1).astype(np.float32),
        }
        save(folder / f"step-{step:04}.safetensors", tensors, metadata)
    items = []
    steps = [step for step in STEPS if step != 600]  # One checkpoint without results.
    for name in domains:
        for i in range(12):
            right = (rng.random(len(steps)) < np.clip((np.arange(len(steps)) - i / 2) / 4, 0.05, 0.97)).astype(int)
            correct = [None if rng.random() < 0.06 else int(one) for one in right]
            items.append({"id": f"{name}-item-{i:02}", "domain": name, "correct": correct})
    (folder / "run.json").write_text(json.dumps({"model": "run-o", "steps": steps, "items": items}, separators=(",", ":")))


def read_run(folder):
    """Steps, domains of the samples, losses [C,S], gates [C,S,L,E] and results of items by step."""
    traces = [load(path) for path in folder.glob("step-*.safetensors")]
    traces.sort(key=lambda trace: int(trace[1]["step"]))
    domains = [sample["domain"] for sample in json.loads(traces[0][1]["samples"])]
    losses = np.array([tensors["loss"] for tensors, _ in traces], dtype=np.float64)
    gates = np.array([tensors["gates"] for tensors, _ in traces])
    return [int(m["step"]) for _, m in traces], np.array(domains), losses, gates, json.loads((folder / "run.json").read_text())


def first_losses(losses):
    """First finite loss of each sample; NaN without one."""
    finite = np.isfinite(losses)
    return np.where(finite.any(0), losses[finite.argmax(0), np.arange(losses.shape[1])], np.nan)


def windows(losses):
    """First losses [C-2,S] of the settled windows of three checkpoints; infinite where a window is not settled."""
    three = np.stack([losses[:-2], losses[1:-1], losses[2:]])
    settled = np.isfinite(three).all(0)
    settled &= np.where(settled, three.max(0) - three.min(0), np.inf) <= DELTA
    return np.where(settled, three[0], np.inf)


def fallen(losses, steps):
    """Number of samples whose loss at their step is at most half of their first one, and less than it."""
    start = first_losses(losses)
    known = [(start[s], losses[step[0], s]) for s, step in enumerate(steps) if step is not None]
    return sum(bool(2 * now <= first and now < first) for first, now in known)


def threshold(losses):
    """Threshold that a run cut off at its last row finds, if no earlier one did."""
    if len(losses) < 3:
        return None
    first = windows(losses)
    finite = losses[0][np.isfinite(losses[0])]
    at, samples = 1, losses.shape[1]
    while at / 10 <= finite.mean() / 2:
        if 5 * (first <= at / 10).any(0).sum() >= samples:
            return at / 10
        at += 1
    return None


def memorization(losses):
    """Threshold, checkpoint that fixed it, and per sample (first, declared, relapse) or None."""
    eps = fixed = None
    for cut in range(len(losses)):
        eps = threshold(losses[: cut + 1])
        if eps is not None:
            fixed = cut
            break
    steps = [None] * losses.shape[1]
    if eps is None:
        return None, None, steps
    first = windows(losses) <= eps
    for sample in range(losses.shape[1]):
        if not first[:, sample].any():
            continue
        at = int(np.flatnonzero(first[:, sample])[0])
        later = [c for c in range(at + 3, len(losses)) if losses[c, sample] > eps + DELTA]
        steps[sample] = (at, max(at + 2, fixed), max(later[0], fixed) if later else None)
    return eps, fixed, steps


def generalization(results):
    """(first, declared, relapse) of one item, or None."""
    known = [(c, right) for c, right in enumerate(results) if right is not None]
    for i in range(len(known) - 2):
        if all(right for _, right in known[i : i + 3]):
            wrong = [c for c, right in known[i + 3 :] if not right]
            return known[i][0], known[i + 2][0], wrong[0] if wrong else None
    return None


def t_sharp(results):
    """The paper's generalization step over the checkpoints with a result."""
    known = [(c, right) for c, right in enumerate(results) if right is not None]
    for i, (c, right) in enumerate(known):
        rest = [r for _, r in known[i:]]
        if right and 5 * sum(rest) > 4 * len(rest) and len(rest) - sum(rest) <= 1:
            return c
    return None


def half(values):
    """The value by which half of all values are reached."""
    values = sorted(values)
    return values[(len(values) + 1) // 2 - 1] if values else None


def summary(steps, checkpoints):
    known = [step for step in steps if step is not None]
    counts = lambda values: np.bincount([v for v in values if v is not None], minlength=checkpoints).tolist()
    return {
        "first": counts([step[0] for step in known]),
        "declared": counts([step[1] for step in known]),
        "relapses": counts([step[2] for step in known]),
        "never": len(steps) - len(known),
        "half": half([step[0] for step in known]),
    }


def pathway(gates):
    symbols = []
    for layer, row in enumerate(gates):
        order = sorted(range(len(row)), key=lambda e: (-float(row[e]), e))
        total = 0.0
        if layer > 0:
            symbols.append(-1)
        for expert in order:
            symbols.append(expert)
            total += float(row[expert])
            if total > TAU:
                break
    return symbols


def levenshtein(a, b):
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        diagonal, row[0] = row[0], i
        for j, y in enumerate(b, 1):
            diagonal, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, diagonal + (x != y))
    return row[-1]


def distances(gates):
    paths = [pathway(sample) for sample in gates]
    d = np.zeros((len(paths), len(paths)))
    for i in range(len(paths)):
        for j in range(i):
            d[i, j] = d[j, i] = levenshtein(paths[i], paths[j])
    return d


def mean_distance(d, members):
    inside = d[np.ix_(members, members)]
    return inside.sum() / (len(members) * (len(members) - 1))


def states(losses, gates):
    """State at each checkpoint, each from the run cut off there."""
    matrices = [distances(at) for at in gates]
    found, looks, bounds, phase = [], 0, [], "learning"
    for cut in range(len(losses)):
        _, _, steps = memorization(losses[: cut + 1])
        members = [s for s, step in enumerate(steps) if step is not None]
        state = {"declared": len(members), "reference": half([steps[s][1] for s in members])}
        low = high = None
        if members and 5 * len(members) >= len(steps) and phase == "learning":
            phase = "memorized"
        if phase != "learning" and len(members) >= 3 and state["reference"] < cut:
            looks += 1
            earlier, now = matrices[state["reference"]], matrices[cut]
            ratio = mean_distance(now, members) / mean_distance(earlier, members)
            without = []
            for left_out in members:
                rest = [s for s in members if s != left_out]
                without.append(mean_distance(now, rest) / mean_distance(earlier, rest))
            without, n = np.array(without), len(members)
            se = float(np.sqrt((n - 1) / n * ((without - without.mean()) ** 2).sum()))
            level = ALPHA * 6 / (np.pi**2 * looks**2)
            margin = stats.t.isf(level, n - 1) * se
            low, high = ratio - 1 - margin, ratio - 1 + margin
            state |= {"look": looks, "level": level, "change": ratio - 1, "se": se, "lower": low, "upper": high}
        bounds.append((low, high))
        if cut > 0 and all(b[1] is not None and b[1] < 0 for b in bounds[-2:]):
            phase = "structuring"
        if cut > 0 and all(b[0] is not None and b[0] > 0 for b in bounds[-2:]):
            phase = "diverging"
        found.append({"phase": phase} | state)
    return found


def reference(folder, with_states):
    steps, domains, losses, gates, results = read_run(folder)
    out = {"steps": steps, "domains": {}}
    columns = [results["steps"].index(step) if step in results["steps"] else None for step in steps]
    for domain in sorted(set(domains)):
        own = domains == domain
        eps, fixed, found = memorization(losses[:, own])
        items = [item["correct"] for item in results["items"] if item["domain"] == domain]
        items = [[None if at is None else item[at] for at in columns] for item in items]
        sharp = [t_sharp(item) for item in items]
        out["domains"][domain] = {
            "eps": eps,
            "fixed": fixed,
            "fallen": fallen(losses[:, own], found),
            "memorization": summary(found, len(steps)),
            "generalization": summary([generalization(item) for item in items], len(steps)),
            "t_sharp": np.bincount([at for at in sharp if at is not None], minlength=len(steps)).tolist(),
        }
        if with_states:
            out["domains"][domain]["states"] = states(losses[:, own], gates[:, own])
    return out


def main():
    make_run(OUT / "run-o")
    (OUT / "run-o.json").write_text(json.dumps(reference(OUT / "run-o", True), indent=1) + "\n")
    (OUT / "example.json").write_text(json.dumps(reference(ROOT / "www/example", False), separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
