"""Simulates how often a domain is called memorized, and its items generalized later, with numpy only.

    python tests/reference/state_rates.py

Writes `tests/fixtures/onsets/rates.json`: shares of 1,000 simulated domains per kind and number of checkpoints.
Definitions: docs/metrics.md, sections "Memorization step", "Causal memorization step", "Generalization step", "Causal
generalization step" and "Claims". The kinds are those of `crates/report/examples/calibrate`; the random numbers are
others, so rates agree within the error of a simulation.
"""

import json
import math
import pathlib

import numpy as np

OUTPUT = pathlib.Path(__file__).resolve().parents[2] / "tests/fixtures/onsets/rates.json"
RUNS, SAMPLES, ITEMS, DELTA = 1_000, 100, 100, 0.05
LENGTHS = [10, 33, 244]


def levels(random):
    return 2 * np.exp(0.6 * random.normal(size=(SAMPLES, 1)))


def losses(kind, n, random):
    """Losses [S,C]."""
    noise = lambda size: size * random.normal(size=(SAMPLES, n))
    level, at, c = levels(random), (random.random((SAMPLES, 1)) * n).astype(int), np.arange(n)
    drawn = {
        "unchanged, noise .03": lambda: level + noise(0.03),
        "unchanged, noise .1": lambda: level + noise(0.1),
        "unchanged at the user's threshold, noise .03": lambda: 1 + noise(0.03),
        "random walks of .03": lambda: level + noise(0.03).cumsum(1),
        "random walks of .1": lambda: level + noise(0.1).cumsum(1),
        "unchanged, one spike per sample": lambda: level * np.where(c == at, 3, 1) + noise(0.03),
        "falling by a quarter": lambda: level * (1 - 0.25 * (1 - np.exp(-4 * c / n))) + noise(0.03),
        "half of the samples memorized": lambda: level
        * np.where((np.arange(SAMPLES)[:, None] % 2 == 0) & (c > at // 2), 0.05, 1)
        + noise(0.01),
    }[kind]()
    return np.maximum(np.abs(drawn), 0.001).astype(np.float32).astype(float)


KINDS = [
    "unchanged, noise .03",
    "unchanged, noise .1",
    "unchanged at the user's threshold, noise .03",
    "random walks of .03",
    "random walks of .1",
    "unchanged, one spike per sample",
    "falling by a quarter",
    "half of the samples memorized",
]


def grid(loss):
    """Smallest of .1, .2, … that is at least the loss."""
    tenths = max(1, math.floor(loss * 10) - 1)
    while tenths / 10 < loss:
        tenths += 1
    return tenths / 10


def causal(x, eps):
    """Threshold, and the samples' steps by the causal rule, with -1 for none."""
    n = x.shape[1]
    three = np.stack([x[:, :-2], x[:, 1:-1], x[:, 2:]])
    settled = three.max(0) - three.min(0) <= DELTA
    first = np.where(settled, three[0], np.inf)
    if eps is None:
        least = np.sort(np.minimum.accumulate(first, 1), 0)[math.ceil(len(x) / 5) - 1]
        usable = [c for c in range(n - 2) if np.isfinite(least[c]) and grid(least[c]) <= x[:, 0].mean() / 2]
        if not usable:
            return None, np.full(len(x), -1)
        eps = grid(least[usable[0]])
    low = first <= eps
    return eps, np.where(low.any(1), low.argmax(1), -1)


def paper(x, eps):
    """Steps by the paper's rule, with -1 for none."""
    far = np.abs(x - x[:, -1:]) > DELTA
    start = np.where(far.any(1), x.shape[1] - far[:, ::-1].argmax(1), 0)
    inside = np.arange(x.shape[1]) >= start[:, None]
    if eps is None:
        least = np.sort(np.where(inside, x, np.inf)[:, :-1].min(1))[math.ceil(len(x) / 5) - 1]
        if not np.isfinite(least):
            return np.full(len(x), -1)
        eps = grid(least)
    low = inside & (x <= eps)
    return np.where(low.any(1), low.argmax(1), -1)


def relapsed(x, eps, steps):
    """Whether each declared sample has a later loss above the threshold plus delta."""
    after = np.arange(x.shape[1]) >= steps[:, None] + 3
    return ((x > eps + DELTA) & after).any(1)[steps >= 0]


def fallen(x, steps):
    """Whether each declared sample's loss at its step is at most half of its first one, and less than it."""
    now = np.take_along_axis(x, np.maximum(steps, 0)[:, None], 1)[:, 0]
    return ((2 * now <= x[:, 0]) & (now < x[:, 0]))[steps >= 0]


def memorized(kind, n, random):
    eps = 1.0 if "user" in kind else None
    claims, papers, states, shares, relapses = 0, 0, 0, [], []
    for _ in range(RUNS):
        x = losses(kind, n, random)
        found, steps = causal(x, eps)
        enough = 5 * (steps >= 0).sum() >= SAMPLES
        states += bool(enough)
        if enough and 5 * fallen(x, steps).sum() >= SAMPLES:
            claims += 1
            shares.append((steps >= 0).mean())
            relapses.append(relapsed(x, found, steps).mean())
        by_paper = paper(x, eps)
        papers += 5 * ((by_paper >= 0) & (by_paper < n - 1)).sum() >= SAMPLES
    mean = lambda values: float(np.mean(values)) if values else None
    return {
        "losses": kind,
        "checkpoints": n,
        "causal": claims / RUNS,
        "state": states / RUNS,
        "paper": int(papers) / RUNS,
        "samples": mean(shares),
        "relapsed": mean(relapses),
    }


def answers(kind, n, random):
    """Answers [I,C]."""
    at, c = random.random((ITEMS, 1)), np.arange(n)
    guesses = lambda of: random.random((ITEMS, n)) < 1 / of
    return {
        "guesses of four choices": lambda: guesses(4),
        "guesses of two choices": lambda: guesses(2),
        "right at the same time as samples are memorized": lambda: c > (at * n).astype(int) // 2,
        "guesses of four, then right in the last third": lambda: (3 * c >= (2 + at) * n) | guesses(4),
    }[kind]()


ANSWERS = [
    "guesses of four choices",
    "guesses of two choices",
    "right at the same time as samples are memorized",
    "guesses of four, then right in the last third",
]


def three_in_a_row(right):
    three = right[:, :-2] & right[:, 1:-1] & right[:, 2:]
    return np.where(three.any(1), three.argmax(1), -1)


def sharp(right):
    """The paper's generalization steps, with -1 for none."""
    rest_right = right[:, ::-1].cumsum(1)[:, ::-1]
    rest = np.arange(right.shape[1], 0, -1)
    good = right & (5 * rest_right > 4 * rest) & (rest - rest_right <= 1)
    return np.where(good.any(1), good.argmax(1), -1)


def middle(steps):
    """95 % interval of the median by order statistics."""
    steps, n = np.sort(steps), len(steps)
    low = math.floor((n - 1.96 * math.sqrt(n)) / 2)
    high = min(n, math.ceil(1 + (n + 1.96 * math.sqrt(n)) / 2))
    return (steps[low - 1], steps[high - 1]) if low >= 1 else None


def rises(right):
    """Whether accuracy rises from the first to the last checkpoint beyond both intervals."""
    half, share = [], []
    for at in (0, -1):
        count = right[:, at].sum()
        p = (count + 2) / (ITEMS + 4)
        half.append(1.96 * math.sqrt(p * (1 - p) / (ITEMS + 4)))
        share.append(count / ITEMS)
    return share[1] - share[0] > sum(half)


def generalized(kind, n, random):
    claims, items = {"causal": 0, "paper": 0}, 0.0
    for _ in range(RUNS):
        x = losses("half of the samples memorized", n, random)
        right = answers(kind, n, random)
        by_paper = paper(x, None)
        steps = causal(x, None)[1]
        # Samples that were low from the start count as the earliest.
        low = int((~fallen(x, steps)).sum())
        both = {
            "causal": (np.sort(steps[steps >= 0])[low:], three_in_a_row(right)),
            "paper": (np.where(by_paper == n - 1, -1, by_paper), sharp(right)),
        }
        items += (both["causal"][1] >= 0).mean()
        for rule, (samples, later) in both.items():
            ours, theirs = middle(samples[samples >= 0]), middle(later[later >= 0])
            claims[rule] += bool(rises(right) and ours and theirs and theirs[0] > ours[1])
    return {"answers": kind, "checkpoints": n, **{rule: count / RUNS for rule, count in claims.items()}, "items": items / RUNS}


def main():
    random = np.random.default_rng(20251130)
    found = {
        "runs": RUNS,
        "memorized": [memorized(kind, n, random) for kind in KINDS for n in LENGTHS],
        "generalized": [generalized(kind, n, random) for kind in ANSWERS for n in LENGTHS],
    }
    OUTPUT.write_text(json.dumps(found, indent=1) + "\n")
    for row in found["memorized"] + found["generalized"]:
        print(*row.values(), sep=" | ")


main()
