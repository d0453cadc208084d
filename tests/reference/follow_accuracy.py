"""Computes whether courses follow accuracy, with numpy, as expected values of crates/pathway/tests/golden/follow.rs.

Needs numpy. Writes tests/fixtures/metrics/follow.json. docs/metrics.md has the definitions (sections "Does it follow
accuracy?", "Domains exchanged" and "Change between two checkpoints"). Inputs are made up here, with a seed.
"""

import itertools
import json
import math
import pathlib

import numpy

SLACK = 1e-12
OUTPUT = pathlib.Path(__file__).parent.parent / "fixtures" / "metrics" / "follow.json"
MASK = (1 << 64) - 1


class SplitMix:
    """The program's generator, so that random orders are the same."""

    def __init__(self, seed):
        self.state = self.mix((seed + 0x9E3779B97F4A7C15) & MASK)

    @staticmethod
    def mix(state):
        state = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        state = ((state ^ (state >> 27)) * 0x94D049BB133111EB) & MASK
        return state ^ (state >> 31)

    def next(self):
        self.state = (self.state + 0x9E3779B97F4A7C15) & MASK
        return self.mix(self.state)

    def below(self, bound):
        shift = 64 - (bound - 1).bit_length()
        while True:
            candidate = self.next() >> shift if shift < 64 else 0
            if candidate < bound:
                return candidate


def shuffles(size, draws, seed):
    """Successive Fisher-Yates shuffles of one list, as rows of indices."""
    generator = SplitMix(seed)
    order = list(range(size))
    for _ in range(draws):
        for end in range(size - 1, 0, -1):
            other = generator.below(end + 1)
            order[end], order[other] = order[other], order[end]
        yield list(order)


def clock(steps):
    gaps = [later - earlier for earlier, later in zip(steps, steps[1:]) if later > earlier]
    return numpy.log(numpy.array(steps, float) + min(gaps))


def r(x, y):
    """Pearson's r of each row of x with y."""
    x = x - x.mean(-1, keepdims=True)
    y = y - y.mean()
    return (x * y).sum(-1) / numpy.sqrt((x**2).sum(-1) * (y**2).sum())


def residuals(values, of):
    """Rows of values after regression on a constant and `of`."""
    design = numpy.stack([numpy.ones(len(of)), of], 1)
    coefficients, *_ = numpy.linalg.lstsq(design, numpy.atleast_2d(values).T, rcond=None)
    return numpy.atleast_2d(values) - (design @ coefficients).T


def increments(course, accuracy, steps, draws, seed):
    kept = [i for i, pair in enumerate(zip(course, accuracy)) if None not in pair]
    x, y = (numpy.array([values[i] for i in kept], float) for values in (course, accuracy))
    t = clock(steps)[kept]
    d = numpy.diff(x)
    exact = len(d) <= 9
    orders = itertools.permutations(range(len(d))) if exact else shuffles(len(d), draws, seed)
    hits = clock_hits = tried = 0
    observed, partial = r(x, y), r(residuals(x, t), residuals(y, t)[0])[0]
    rest_y = residuals(y, t)[0]
    while block := list(itertools.islice(orders, 50_000)):
        paths = x[0] + numpy.concatenate([numpy.zeros((len(block), 1)), numpy.cumsum(d[numpy.array(block)], 1)], 1)
        hits += int((numpy.abs(r(paths, y)) >= abs(observed) - SLACK).sum())
        clock_hits += int((numpy.abs(r(residuals(paths, t), rest_y)) >= abs(partial) - SLACK).sum())
        tried += len(block)
    share = (lambda count: count / tried) if exact else (lambda count: (count + 1) / (tried + 1))
    return {
        "n": len(kept),
        "r": float(observed),
        "partial": float(partial),
        "hits": hits,
        "clock_hits": clock_hits,
        "p": share(hits),
        "clock_p": share(clock_hits),
        "orders": tried,
        "exact": exact,
        "clock_r": float(r(t, y)),
    }


def exchange(courses, accuracies, rising, draws, seed):
    domains = len(courses)
    table = numpy.array([[r(numpy.array(x), numpy.array(y)) for y in accuracies] for x in courses])
    total = lambda order: sum(table[i, j] for i, j in enumerate(order))
    statistic = total(range(domains))
    exact = domains <= 8
    orders = itertools.permutations(range(domains)) if exact else shuffles(domains, draws, seed)
    sums = numpy.array([total(order) for order in orders])
    hits = int((sums >= statistic - SLACK).sum() if rising else (sums <= statistic + SLACK).sum())
    p = hits / len(sums) if exact else (hits + 1) / (len(sums) + 1)
    if domains < 4:
        return {"statistic": float(statistic), "p": None}
    return {"statistic": float(statistic), "hits": hits, "p": p, "assignments": len(sums), "exact": exact}


def t_quantile(degrees):
    """Two-sided 95 % quantile of Student's t, by Simpson's rule and bisection."""

    def inside(limit):
        scale = math.exp(math.lgamma((degrees + 1) / 2) - math.lgamma(degrees / 2)) / math.sqrt(degrees * math.pi)
        x = numpy.linspace(0, limit, 400_001)
        density = scale * (1 + x**2 / degrees) ** (-(degrees + 1) / 2)
        weights = numpy.full(len(x), 2.0)
        weights[1::2] = 4
        weights[[0, -1]] = 1
        return 2 * float((density * weights).sum()) * (x[1] / 3)

    low, high = 1.0, 14.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if inside(middle) < 0.95 else (low, middle)
    return (low + high) / 2


def change(samples, pairs, earlier, later):
    earlier, later = numpy.array(earlier, float), numpy.array(later, float)
    ends = numpy.array(pairs)
    ratio = later.mean() / earlier.mean()
    without = []
    for sample in range(samples):
        kept = (ends != sample).all(1)
        without.append(later[kept].mean() / earlier[kept].mean())
    without = numpy.array(without)
    se = math.sqrt((samples - 1) / samples * ((without - without.mean()) ** 2).sum())
    return {"ratio": float(ratio), "se": se, "half_width": se * t_quantile(samples - 1)}


def main():
    random = numpy.random.default_rng(20251129)
    logistic = lambda n, middle: 1 / (1 + numpy.exp(-(numpy.arange(n) - middle) / (n / 12)))
    listed = lambda values, digits=6: [round(float(value), digits) for value in values]

    cases = []
    for n in (4, 5, 7, 10, 12, 33):
        steps = sorted({int(step) for step in numpy.cumsum(random.integers(1, 9, n)) * 250})
        accuracy = listed(random.binomial(200, 0.1 + 0.8 * logistic(n, n * 0.4)) / 200)
        courses = {
            "walk": listed(500 + random.normal(size=n).cumsum()),
            "decay": listed(3 * numpy.exp(-numpy.arange(n) / (n / 4)) + 0.02 * random.normal(size=n)),
            "follows": listed(520 - 40 * logistic(n, n * 0.4) + random.normal(size=n)),
        }
        # Equal increments make orders that differ without any difference of the coefficient.
        courses["equal increments"] = [float(value) for value in numpy.cumsum(random.integers(-1, 2, n)) + 7]
        if len(set(courses["equal increments"])) == 1:
            courses["equal increments"][0] += 1
        if n >= 7:
            gaps = list(courses["walk"])
            gaps[2] = None
            courses["gap"] = gaps
            accuracy[n - 2] = None
        for name, course in courses.items():
            found = increments(course, accuracy, steps, 999, 7)
            cases.append(
                {"name": f"{name}, {n}", "steps": steps, "course": course, "accuracy": accuracy, "expected": found}
            )

    exchanges = []
    for domains, n in ((3, 6), (4, 10), (6, 12), (8, 9), (9, 10)):
        middles = n * (0.2 + 0.6 * random.random(domains))
        accuracies = [listed(random.binomial(100, 0.1 + 0.8 * logistic(n, middle)) / 100) for middle in middles]
        for rising in (False, True):
            sign = 1 if rising else -1
            courses = [listed(50 + sign * 9 * logistic(n, m) + 2 * random.normal(size=n)) for m in middles]
            found = exchange(courses, accuracies, rising, 999, 3)
            exchanges.append({"rising": rising, "courses": courses, "accuracies": accuracies, "expected": found})

    changes = []
    for samples, share in ((3, 1), (5, 1), (24, 1), (24, 0.3), (60, 0.1)):
        pairs = list(itertools.combinations(range(samples), 2))
        pairs = [pair for pair in pairs if share == 1 or random.random() < share]
        level, moved = random.normal(40, 8, samples), random.normal(0, 2, samples)
        at = lambda of: [int(max(0, of[i] + of[j] + random.normal(0, 3))) for i, j in pairs]
        earlier, later = at(level), at(0.9 * level + moved)
        changes.append(
            {
                "samples": samples,
                "pairs": pairs,
                "earlier": earlier,
                "later": later,
                "expected": change(samples, pairs, earlier, later),
            }
        )

    text = json.dumps({"increments": cases, "exchanges": exchanges, "changes": changes})
    OUTPUT.write_text(text + "\n")
    print(f"{len(cases)} courses, {len(exchanges)} exchanges, {len(changes)} changes: {OUTPUT}")


main()
