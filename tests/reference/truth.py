"""Makes a small run with gaps and computes its figures with numpy, as expected values of crates/report/tests/truth.rs.

Needs numpy. Writes tests/fixtures/truth/run.json. See docs/metrics.md for definitions. Some samples have other numbers of
tokens at one checkpoint, results are missing at one checkpoint, and sums of selection frequencies equal the threshold.
"""

import itertools
import json
import pathlib
from fractions import Fraction

import numpy

OUT = pathlib.Path(__file__).parent.parent / "fixtures" / "truth" / "run.json"
STEPS = [100, 200, 300, 400, 500, 600, 700, 800]
DOMAINS = ["math", "code"]
LAYERS, EXPERTS, K, SAMPLES = 3, 5, 2, 8
TAU = Fraction(7, 10)

random = numpy.random.default_rng(20)


def selected(tokens):
    """Distinct experts of each token and layer."""
    choose = [random.permutation(EXPERTS)[:K].tolist() for _ in range(tokens * LAYERS)]
    return [choose[at : at + LAYERS] for at in range(0, len(choose), LAYERS)]


def saturation(ids, samples, step):
    """Share of selections that the last checkpoint makes too, over tokens of samples with as many tokens there."""
    shares = []
    for layer in range(LAYERS):
        common = total = 0
        for sample in samples:
            here, last = ids[step][sample], ids[STEPS[-1]][sample]
            if len(here) == len(last):
                common += sum(len(set(a[layer]) & set(b[layer])) for a, b in zip(here, last))
                total += K * len(here)
        shares.append(common / total)
    return float(numpy.mean(shares))


def t_sharp(answers):
    """First right answer from which on more than 0.8 are right with at most one wrong; missing answers do not count."""
    for at, answer in enumerate(answers):
        rest = [later for later in answers[at:] if later is not None]
        if answer and 5 * sum(rest) > 4 * len(rest) and rest.count(False) <= 1:
            return at
    return None


def exact_length(counts, total):
    """Pathway length in symbols from exact counts, with layer breaks."""
    length = LAYERS - 1
    for row in counts:
        ordered = sorted(range(EXPERTS), key=lambda expert: (-row[expert], expert))
        sums = itertools.accumulate(Fraction(row[expert], total) for expert in ordered)
        length += next((at + 1 for at, value in enumerate(sums) if value > TAU), EXPERTS)
    return length


tokens = {step: [6 + sample % 3 for sample in range(SAMPLES)] for step in STEPS}
# The sum over neighbouring samples stays the same.
tokens[300][2] -= 1
tokens[300][4] += 1
ids = {step: [selected(count) for count in tokens[step]] for step in STEPS}
domains = [DOMAINS[sample % 2] for sample in range(SAMPLES)]

# Later checkpoints agree more with the last one.
for place, step in enumerate(STEPS[:-1]):
    for sample in range(SAMPLES):
        for at, token in enumerate(ids[step][sample]):
            if at < len(ids[STEPS[-1]][sample]) and random.random() < place / len(STEPS):
                token[:] = ids[STEPS[-1]][sample][at]

answered = [step for step in STEPS if step not in (300, 600)]
items = []
for at in range(12):
    right = [bool(random.random() < 0.35 + 0.1 * place) for place in range(len(answered))]
    items.append({"id": f"i{at}", "domain": DOMAINS[at % 2], "correct": right})

counts = []
for sample in range(SAMPLES):
    # Shares of tenths, whose sums equal the threshold in many rows.
    counts.append([random.permutation([4, 3, 1, 1, 1] if (sample + layer) % 2 else [5, 2, 2, 1, 0]).tolist() for layer in range(LAYERS)])

golden = {
    "steps": STEPS,
    "domains": domains,
    "experts": EXPERTS,
    "ids": [ids[step] for step in STEPS],
    "results": {"steps": answered, "items": items},
    "frequencies": [[[value / 10 for value in row] for row in sample] for sample in counts],
    "expected": {},
}
for domain in DOMAINS:
    members = [sample for sample in range(SAMPLES) if domains[sample] == domain]
    steps = []
    for item in items:
        if item["domain"] == domain:
            by_step = dict(zip(answered, item["correct"]))
            steps.append(t_sharp([by_step.get(step) for step in STEPS]))
    golden["expected"][domain] = {
        "saturation_k": [saturation(ids, members, step) for step in STEPS],
        "t_sharp": [steps.count(at) for at in range(len(STEPS))],
        "never": steps.count(None),
        "pathway_length": float(numpy.mean([exact_length(counts[sample], 10) for sample in members])),
    }
OUT.parent.mkdir(exist_ok=True)
OUT.write_text(json.dumps(golden) + "\n")
