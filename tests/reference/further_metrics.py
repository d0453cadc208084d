"""Computes the further metrics of run-a with numpy, as expected values of crates/report/tests/further.rs.

Needs numpy. Reads tests/fixtures/metrics/run-a, writes further.json there. See docs/metrics.md for definitions: load-matched
null, expert-domain information, signature separation, commitment, expert load. Random draws follow the generator that
docs/metrics.md#random-draws describes, so they are the same draws.
"""

import itertools
import json
import math
import pathlib

import numpy as np

FOLDER = pathlib.Path(__file__).parent.parent / "fixtures" / "metrics" / "run-a"
MASK = (1 << 64) - 1
STEP = 0x9E3779B97F4A7C15
SEED = 1
TAU = 0.7


def mix(state):
    state = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    state = ((state ^ (state >> 27)) * 0x94D049BB133111EB) & MASK
    return state ^ (state >> 31)


class Random:
    """SplitMix64, one of the streams of a seed."""

    def __init__(self, seed, stream):
        start = mix((seed + STEP) & MASK)
        self.state = mix(start ^ mix((stream * STEP + STEP) & MASK))

    def bits(self):
        self.state = (self.state + STEP) & MASK
        return mix(self.state)

    def below(self, bound):
        shift = 64 - (bound - 1).bit_length()
        while True:
            candidate = 0 if shift == 64 else self.bits() >> shift
            if candidate < bound:
                return candidate

    def unit(self):
        return (self.bits() >> 11) / 2.0**53

    def shuffled(self, values):
        values = list(values)
        for end in range(len(values) - 1, 0, -1):
            other = self.below(end + 1)
            values[end], values[other] = values[other], values[end]
        return values


def tensors(path):
    data = path.read_bytes()
    size = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + size])
    header.pop("__metadata__", None)
    types = {"F32": "<f4", "I32": "<i4"}
    return {
        name: np.frombuffer(data[8 + size :][slice(*entry["data_offsets"])], types[entry["dtype"]]).reshape(entry["shape"])
        for name, entry in header.items()
    }


def levenshtein(a, b):
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        left, row[0] = row[0], i
        for j, y in enumerate(b, 1):
            left, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, left + (x != y))
    return row[-1]


def prefix_length(gates):
    """Experts of a layer's pathway."""
    total = 0.0
    for place, expert in enumerate(np.argsort(-gates, kind="stable"), 1):
        total += float(gates[expert])
        if total > TAU:
            return place
    return len(gates)


def weighted_draw(count, weights, random):
    """Experts drawn one after the other, with probability proportional to the weights of those left."""
    sums = list(itertools.accumulate(weights))
    drawn, repeats = [], 0
    while len(drawn) < count:
        point = random.unit() * sums[-1]
        hit = next((e for e, s in enumerate(sums) if s > point), None)
        if hit is not None and hit not in drawn:
            drawn.append(hit)
            repeats = 0
        elif repeats < 8:
            repeats += 1
        else:
            sums = list(itertools.accumulate(0.0 if e in drawn else w for e, w in enumerate(weights)))
            repeats = 0
    return drawn


def load_null(gates, members):
    """Mean distance of the load-matched null pathways, over all pairs and draws."""
    samples, layers, experts = gates.shape
    weights = gates[members].astype(np.float64).mean(0)
    pairs = list(itertools.combinations(range(len(members)), 2))
    draws = min(max(2000 // len(pairs), 1), 8)
    means = []
    for draw in range(draws):
        pathways = []
        for sample in members:
            random = Random(SEED + draw, (4 << 32) + sample)
            pathway = []
            for layer in range(layers):
                pathway += [experts] if layer else []
                pathway += weighted_draw(prefix_length(gates[sample, layer]), [float(w) for w in weights[layer]], random)
            pathways.append(pathway)
        means.append(np.mean([levenshtein(pathways[a], pathways[b]) for a, b in pairs]))
    return float(np.mean(means))


def entropy(p):
    """Of the last axis."""
    return -np.where(p > 0, p * np.log(np.where(p > 0, p, 1)), 0).sum(-1)


def information(gates, labels, domains):
    means = np.stack([gates[labels == d].mean(0) for d in range(domains)])
    return entropy(means.mean(0)) - entropy(means).mean(0)


def p_value(drawn, found):
    return float((np.sum(np.asarray(drawn) >= found - 1e-12) + 1) / (len(drawn) + 1))


def domain_information(gates, labels, domains):
    samples, layers, experts = gates.shape
    count = min(max(250_000_000 // (samples * layers * experts), 39), 200)
    found = information(gates, labels, domains)
    drawn = [
        information(gates, np.array(Random(SEED, (1 << 32) + n).shuffled(labels)), domains) for n in range(count)
    ]
    drawn = np.array(drawn)
    most = math.log(min(domains, experts))
    return {
        "by_layer": found.tolist(),
        "mean": float(found.mean()),
        "share": float(found.mean() / most),
        "null_by_layer": drawn.mean(0).tolist(),
        "null": float(drawn.mean()),
        "p_by_layer": [p_value(drawn[:, layer], found[layer]) for layer in range(layers)],
        "p": p_value(drawn.mean(1), found.mean()),
    }


def separation(gates, labels):
    """From every single cosine."""
    flat = gates.reshape(len(gates), -1)
    flat = flat - flat.mean(0)
    unit = flat / np.linalg.norm(flat, axis=1, keepdims=True)
    first, second = np.triu_indices(len(flat), 1)
    cosines = (unit[first] * unit[second]).sum(1)

    def of(labels):
        same = labels[first] == labels[second]
        within, across = cosines[same], cosines[~same]
        n, m = len(within), len(across)
        pooled = ((n - 1) * within.var(ddof=1) + (m - 1) * across.var(ddof=1)) / (n + m - 2)
        return within.mean(), across.mean(), (within.mean() - across.mean()) / math.sqrt(pooled)

    within, across, found = of(labels)
    drawn = [of(np.array(Random(SEED, (3 << 32) + n).shuffled(labels)))[2] for n in range(200)]
    return {
        "within": float(within),
        "across": float(across),
        "separation": float(found),
        "null": float(np.mean(drawn)),
        "p": p_value(drawn, found),
    }


def share(happened, of, samples):
    """Share over all tokens and layers, its standard error over samples, and the share of each layer. Arrays [T, L]."""
    total = of.sum()
    if total == 0:
        return {"all": None, "se": None, "by_layer": [None] * of.shape[1]}
    all_of = happened.sum() / total
    parts = [(happened[s].sum() - all_of * of[s].sum()) ** 2 for s in samples]
    n = len(samples)
    layers = [float(h / o) if o else None for h, o in zip(happened.sum(0), of.sum(0))]
    return {"all": float(all_of), "se": math.sqrt(n / (n - 1) * sum(parts)) / float(total), "by_layer": layers}


def commitment(topk, at, tokens, samples, experts):
    """Commitment of a domain at a checkpoint; tokens are rows of topk [C][T, L, k], samples are slices of them."""
    now, before = topk[at][tokens], topk[at - 1][tokens]
    k = now.shape[2]
    common = (now[..., :, None] == before[..., None, :]).any(-1).sum(-1)
    changed = (now[..., 0] != before[..., 0]).astype(int)
    one = np.ones_like(changed)

    def probabilities(ids):
        return np.stack([np.bincount(ids[:, layer].ravel(), minlength=experts) / len(ids) for layer in range(ids.shape[1])])

    chance = (probabilities(now) * probabilities(before)).sum(1) / k
    found = {
        "overlap": share(common, k * one, samples),
        "chance": {"all": float(chance.mean()), "by_layer": chance.tolist()},
        "changed": share(changed, one, samples),
    }
    if at + 1 < len(topk):
        after = topk[at + 1][tokens][..., 0]
        found["reverted"] = share(changed * (after == before[..., 0]), changed, samples)
        found["persisted"] = share(changed * (after == now[..., 0]), changed, samples)
    return found


def load(ids, experts):
    """Figures of the load, mean over layers."""
    counts = np.stack([np.bincount(ids[:, layer].ravel(), minlength=experts) for layer in range(ids.shape[1])])
    return {
        "max_violation": float((counts.max(1) / counts.mean(1) - 1).mean()),
        "cv": float((counts.std(1) / counts.mean(1)).mean()),
        "never_used": float((counts == 0).mean()),
    }


def main():
    run = json.loads((FOLDER / "run.json").read_text())
    files = [tensors(FOLDER / f"step-{step}.safetensors") for step in run["steps"]]
    names = [sample["domain"] for sample in run["samples"]]
    labels = np.array([run["domains"].index(name) for name in names])
    domains, experts = len(run["domains"]), run["experts"]
    ends = np.cumsum([sample["tokens"] for sample in run["samples"]])
    starts = ends - [sample["tokens"] for sample in run["samples"]]
    topk = [file["topk_ids"] for file in files]
    out = {"information": [], "separation": [], "domains": {}}
    for file in files:
        gates = file["gates"].astype(np.float64)
        out["information"].append(domain_information(gates, labels, domains))
        out["separation"].append(separation(gates, labels))
    for domain, name in enumerate(run["domains"]):
        members = np.flatnonzero(labels == domain)
        tokens = np.concatenate([np.arange(starts[s], ends[s]) for s in members])
        lengths = np.cumsum([0] + [ends[s] - starts[s] for s in members])
        samples = [slice(a, b) for a, b in zip(lengths, lengths[1:])]
        means = [file["gates"].astype(np.float64)[members].mean(0) for file in files]
        out["domains"][name] = {
            "null_distance_load": [load_null(file["gates"], [int(s) for s in members]) for file in files],
            "effective_experts": [np.exp(entropy(mean)).tolist() for mean in means],
            "commitment": [commitment(topk, at, tokens, samples, experts) if at else None for at in range(len(files))],
            "load": [load(ids[tokens], experts) for ids in topk],
        }
    (FOLDER / "further.json").write_text(json.dumps(out, indent=1) + "\n")


if __name__ == "__main__":
    main()
