"""Writes pairing_null.json: the null of pairings (docs/metrics.md#pairing-and-delay), by brute force.

Needs numpy. Shares no code with Grokscope: a score is the mean over all pair cosines, the best total
is the largest over every assignment, and small cases try every permutation of the members.
"""

import itertools
import json
import math
import pathlib

import numpy

WORD = 2**64
STEP = 0x9E3779B97F4A7C15


def mix(state):
    once = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) % WORD
    twice = ((once ^ (once >> 27)) * 0x94D049BB133111EB) % WORD
    return twice ^ (twice >> 31)


class SplitMix64:
    """The generator of Steele, Lea and Flood."""

    def __init__(self, seed):
        self.state = mix((seed + STEP) % WORD)

    def below(self, bound):
        """A number below the bound, at least 2: leading bits, drawn again where they reach the bound."""
        bits = (bound - 1).bit_length()
        while True:
            self.state = (self.state + STEP) % WORD
            word = mix(self.state) >> (64 - bits)
            if word < bound:
                return word

    def shuffle(self, items):
        for end in range(len(items) - 1, 0, -1):
            other = self.below(end + 1)
            items[end], items[other] = items[other], items[end]


def best_total(cosines, group_of, groups):
    """Largest total over all assignments; scores are means over members of `cosines`."""
    others = cosines.shape[1]
    scores = [[float(numpy.mean([cosines[m][o] for m in range(len(group_of)) if group_of[m] == g]))
               for o in range(others)] for g in range(groups)]
    if groups <= others:
        ways = itertools.permutations(range(others), groups)
        return max(math.fsum(scores[g][o] for g, o in enumerate(way)) for way in ways)
    ways = itertools.permutations(range(groups), others)
    return max(math.fsum(scores[g][o] for o, g in enumerate(way)) for way in ways)


def cosine(a, b):
    return float(a @ b / math.sqrt((a @ a) * (b @ b)))


def side(own, other, other_group_of, others):
    """Mean cosine of each own member with each group of the other side."""
    return numpy.array([[numpy.mean([cosine(a, b) for b, g in zip(other, other_group_of) if g == o])
                         for o in range(others)] for a in own])


def null(cosines, sizes, seed):
    group_of = [g for g, size in enumerate(sizes) for _ in range(size)]
    observed = best_total(cosines, group_of, len(sizes))
    hit = lambda arrangement: best_total(cosines, arrangement, len(sizes)) >= observed - 1e-12
    ways = math.factorial(len(group_of))
    for size in sizes:
        ways //= math.factorial(size)
    if ways <= 10_000:
        if len(group_of) <= 7:
            # Every permutation of the members: each arrangement comes equally often.
            permutations = list(itertools.permutations(group_of))
        else:
            permutations = list(set(itertools.permutations(group_of)))
        share = sum(map(hit, permutations)) / len(permutations)
        return {"share": share, "draws": ways, "exact": True}
    random, hits = SplitMix64(seed), 0
    for _ in range(999):
        random.shuffle(group_of)
        hits += hit(group_of)
    return {"share": (hits + 1) / 1000, "draws": 999, "exact": False}


def case(name, seed, train_sizes, test_sizes, related):
    """Embeddings whose groups are related one to one, or not at all."""
    draw = numpy.random.default_rng(seed)
    centres = draw.normal(size=(max(len(train_sizes), len(test_sizes)), 4))
    members = lambda sizes: [(g, draw.normal(size=4) + related * centres[g])
                             for g, size in enumerate(sizes) for _ in range(size)]
    (train_group, train), (test_group, test) = (zip(*members(sizes)) for sizes in (train_sizes, test_sizes))
    samples = side(train, test, test_group, len(test_sizes))
    items = side(test, train, train_group, len(train_sizes))
    return {
        "name": name,
        "seed": seed,
        "train_sizes": train_sizes,
        "test_sizes": test_sizes,
        "train": [list(map(float, vector)) for vector in train],
        "test": [list(map(float, vector)) for vector in test],
        "total": best_total(samples, list(train_group), len(train_sizes)),
        "samples_shuffled": null(samples, train_sizes, seed),
        "items_shuffled": null(items, test_sizes, seed),
    }


CASES = [
    case("related", 1, [3, 2, 2], [2, 3, 1], 3.0),
    case("unrelated", 2, [3, 2, 2], [2, 3, 1], 0.0),
    case("more groups of items", 3, [3, 2], [2, 1, 2], 2.0),
    case("more groups of samples", 4, [1, 2, 1, 2], [3, 3], 0.5),
    case("one group each", 5, [4], [3], 1.0),
    case("random draws, related", 6, [8, 6, 4], [7, 9, 5], 1.5),
    case("random draws, unrelated", 7, [8, 6, 4], [7, 9, 5], 0.0),
]

pathlib.Path(__file__).with_suffix(".json").write_text(json.dumps(CASES, indent=1) + "\n")
for found in CASES:
    print(found["name"], found["samples_shuffled"], found["items_shuffled"])
