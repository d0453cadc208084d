"""Computes changes of the pathway distance between checkpoints of `tests/fixtures/onsets/run-o`, with numpy and scipy.

    python tests/reference/changes.py

Writes `tests/fixtures/onsets/changes.json`: per domain, group and pair of steps the ratio of the mean distances, its
standard error by delete-one over samples and the half width of its 95 % interval, from all pairs. Definition:
docs/metrics.md, section "Change between two checkpoints".
"""

import json

import numpy as np
from scipy import stats

import onsets

PAIRS = [(400, 3000), (0, 5000), (1500, 2000)]


def change(earlier, later, members):
    """Ratio of two mean distances within a group, with its error: both lose the same sample."""
    ratio = lambda kept: onsets.mean_distance(later, kept) / onsets.mean_distance(earlier, kept)
    without = np.array([ratio([other for other in members if other != left_out]) for left_out in members])
    n = len(members)
    se = float(np.sqrt((n - 1) / n * ((without - without.mean()) ** 2).sum()))
    return {"n": n, "ratio": float(ratio(members)), "se_ratio": se, "half_width": float(stats.t.ppf(0.975, n - 1)) * se}


def main():
    steps, domains, losses, gates, _ = onsets.read_run(onsets.OUT / "run-o")
    found = []
    for domain in sorted(set(domains)):
        own = domains == domain
        _, _, memorized = onsets.memorization(losses[:, own])
        groups = {
            "memorized": [at for at, step in enumerate(memorized) if step is not None],
            "all": list(range(int(own.sum()))),
        }
        for pair in PAIRS:
            earlier, later = (onsets.distances(gates[steps.index(step), own]) for step in pair)
            for group, members in groups.items():
                place = {"domain": str(domain), "group": group, "from": steps.index(pair[0]), "to": steps.index(pair[1])}
                found.append(place | change(earlier, later, members))
    (onsets.OUT / "changes.json").write_text(json.dumps(found, indent=1) + "\n")


main()
