"""Does the work of `grokscope report` on the traces of `cargo xtask bench run` with numpy, scipy and rapidfuzz, over
as many processes as stated, and prints some of its figures and the versions as JSON: run_peer.py WORK PROCESSES FILE...

WORK is `whole`: all figures that the report has for such traces, on as many pairs and permutations (memorization,
pathways at four thresholds, distances of all and of memorized samples with standard errors, both nulls, layers, groups
of equal memorization step, pairs of domains, tests of the declared samples, effective dimension, entropy, information
with its null, signature separation with its null). Or `lean`: memorization, pathways and distances at one threshold, and
effective dimension. Random draws differ from Grokscope's, so sampled figures differ within their errors.
"""

import json
import os
import sys

# One thread per process; the processes share the cores.
for library in ("OMP", "OPENBLAS", "MKL"):
    os.environ[f"{library}_NUM_THREADS"] = "1"

from concurrent.futures import ProcessPoolExecutor  # noqa: E402
from multiprocessing import get_context  # noqa: E402

import numpy as np  # noqa: E402
import rapidfuzz  # noqa: E402
import scipy  # noqa: E402
from rapidfuzz.distance import Levenshtein  # noqa: E402
from rapidfuzz.process import cpdist  # noqa: E402
from scipy.linalg import eigvalsh  # noqa: E402
from scipy.stats import t as student  # noqa: E402

TAU, SWEEP, DELTA, ALPHA = 0.7, (0.5, 0.6, 0.8), 0.05, 0.01
PAIRS, SIDE_PART, LEAST_PAIRS = 100_000, 20, 300
LABEL_ORDERS, SIGNATURE_ORDERS, COMPARED = 39, 200, 256


class Trace:
    """A safetensors file of gates in f16."""

    def __init__(self, path):
        self.path = path
        with open(path, "rb") as file:
            size = int.from_bytes(file.read(8), "little")
            self.header = json.loads(file.read(size))
        self.start = 8 + size
        self.about = self.header["__metadata__"]
        self.domains = [sample["domain"] for sample in json.loads(self.about["samples"])]

    def tensor(self, name, dtype):
        entry = self.header[name]
        offset = self.start + entry["data_offsets"][0]
        return np.memmap(self.path, dtype, "r", offset, tuple(entry["shape"]))

    def gates(self, rows):
        return self.tensor("gates", "<f2")[rows].astype(np.float32)


def draw_pairs(samples, count, rng):
    """Distinct pairs of samples, drawn uniformly."""
    everything = samples * (samples - 1) // 2
    if everything <= count:
        return np.triu_indices(samples, 1)
    numbers = np.sort(rng.choice(everything, count, replace=False, shuffle=False))
    # Row i starts at i * S - i * (i + 1) / 2.
    rows = np.arange(samples, dtype=np.int64)
    starts = rows * samples - rows * (rows + 1) // 2
    first = np.searchsorted(starts, numbers, "right") - 1
    return first, numbers - starts[first] + first + 1


def memorization(losses):
    """The causal step of each sample from losses [C, S], or C where there is none."""
    checkpoints, samples = losses.shape
    settled = np.zeros((checkpoints, samples), bool)
    for at in range(checkpoints - 2):
        settled[at] = np.ptp(losses[at : at + 3], axis=0) <= DELTA
    most = losses[0].mean() / 2
    for eps in np.arange(1, int(most * 10) + 1) / 10:
        known = settled & (losses <= eps)
        steps = np.where(known.any(0), known.argmax(0), checkpoints)
        if 5 * (steps < checkpoints).sum() >= samples:
            return steps
    return np.full(samples, checkpoints)


def rank(gates, taus):
    """Experts of every layer, heaviest first, [S, L, E], and the prefix lengths at each threshold, [S, L]."""
    order = np.argsort(-gates, axis=-1, kind="stable")
    sums = np.cumsum(np.take_along_axis(gates, order, -1), axis=-1, dtype=np.float64)
    most = gates.shape[-1]
    return order.astype(np.uint8), [np.minimum((sums <= tau).sum(-1) + 1, most) for tau in taus]


def strings(order, lengths, separated=True):
    """Pathways as strings with one character per symbol, which rapidfuzz compares fastest."""
    samples, layers, experts = order.shape
    width = experts + separated
    symbols = np.full((samples, layers, width), experts, np.uint8)
    symbols[..., :experts] = order
    wanted = np.arange(width) < lengths[..., None]
    if separated:
        wanted[:, :-1, experts] = True
    text = symbols[wanted].tobytes().decode("latin-1")
    ends = wanted.sum((1, 2)).cumsum().tolist()
    return [text[start:end] for start, end in zip([0, *ends], ends)]


def distances(texts, pairs, others=None):
    first, second = pairs
    others = texts if others is None else others
    rows, columns = [texts[i] for i in first], [others[i] for i in second]
    return cpdist(rows, columns, scorer=Levenshtein.distance, dtype=np.uint32)


def shared_products(samples, ends, deviations):
    """Mean product of the deviations of two pairs that share a sample."""
    sums, squares, counts = np.zeros(samples), np.zeros(samples), np.zeros(samples)
    for end in ends:
        sums += np.bincount(end, deviations, samples)
        squares += np.bincount(end, deviations**2, samples)
        counts += np.bincount(end, minlength=samples)
    number = (counts * (counts - 1)).sum()
    return max((sums**2 - squares).sum() / number, 0.0) if number else 0.0


def mean_and_error(samples, pairs, values):
    """Mean of values of pairs, and its standard error."""
    mean, everything = values.mean(), samples * (samples - 1) / 2
    zeta = shared_products(samples, pairs, values - mean)
    unmeasured = (1 - len(values) / everything) * values.var(ddof=1) / len(values)
    return float(mean), float(np.sqrt(4 * zeta / samples + unmeasured))


def group_figures(texts, pairs):
    """Distance and normalised distance of a group with their errors, mean length, and sums of each sample."""
    lengths = np.fromiter(map(len, texts), np.int64, len(texts))
    found = distances(texts, pairs).astype(np.float64)
    longer = np.maximum(np.maximum(lengths[pairs[0]], lengths[pairs[1]]), 1)
    sums = sum(np.bincount(end, found, len(texts)) for end in pairs)
    return {
        "distance": mean_and_error(len(texts), pairs, found),
        "normalised": mean_and_error(len(texts), pairs, found / longer),
        "length": float(lengths.mean()),
        "sums": sums,
        "total": found.sum(),
    }


def mean_distance(order, lengths, pairs, separated=True):
    """Mean distance; only the samples of the pairs are written."""
    named, places = np.unique(np.concatenate(pairs), return_inverse=True)
    texts = strings(order[named], lengths[named], separated)
    count = len(pairs[0])
    return float(distances(texts, (places[:count], places[count:])).mean())


def null_order(shape, weights, rng):
    """Orders of experts drawn one after the other without repetition, by their weights or uniformly."""
    # The smallest of exponential numbers over weights is each expert with probability proportional to its weight.
    keys = rng.standard_exponential(shape, dtype=np.float32)
    if weights is not None:
        keys /= np.maximum(weights, 1e-30).astype(np.float32)
    return np.argsort(keys, axis=-1).astype(np.uint8)


def null_distance(lengths, experts, pairs, weights, rng):
    named, places = np.unique(np.concatenate(pairs), return_inverse=True)
    order = null_order((len(named), lengths.shape[1], experts), weights, rng)
    texts = strings(order, lengths[named])
    count = len(pairs[0])
    return float(distances(texts, (places[:count], places[count:])).mean())


def effective_dimension(gates):
    """Of each layer, from gates [S, L, E]."""
    found = []
    for layer in range(gates.shape[1]):
        rows = gates[:, layer].astype(np.float64)
        moments = rows.T @ rows
        ridge = ALPHA * np.trace(moments) / len(rows)
        values = eigvalsh(moments, check_finite=False)
        found.append(float((values / (values + ridge)).sum()))
    return found


def entropy(weights, axis=-1):
    terms = np.zeros_like(weights, dtype=np.float64)
    np.log(weights, out=terms, where=weights > 0)
    terms *= weights
    return -terms.sum(axis)


def of_domain(work, path, place, checkpoints, rows, steps, seed):
    """Figures of one domain at one checkpoint."""
    gates = Trace(path).gates(rows)
    rng = np.random.default_rng(seed)
    samples, _, experts = gates.shape
    domains_pairs = PAIRS // 4
    side = max(domains_pairs // SIDE_PART, LEAST_PAIRS)
    memorized = np.flatnonzero(steps < checkpoints)
    taus = (TAU, *SWEEP) if work == "whole" else (TAU,)
    order, lengths = rank(gates, taus)
    texts = strings(order, lengths[0])
    # Draws with the same seed at every checkpoint.
    half = draw_pairs(len(memorized), domains_pairs // 2, rng)
    pairs = [draw_pairs(samples, domains_pairs - len(half[0]), rng), half]
    groups = [np.arange(samples), memorized]
    out = {"d_eff": [effective_dimension(gates[group]) for group in groups if len(group)]}
    texts_of = [[texts[i] for i in group] for group in groups]
    if work == "lean":
        for name, texts, chosen in zip(("all", "memorized"), texts_of, pairs):
            if len(chosen[0]):
                out[name] = float(distances(texts, chosen).mean())
        return out
    for name, texts_here, chosen in zip(("all", "memorized"), texts_of, pairs):
        if len(chosen[0]):
            figures = group_figures(texts_here, chosen)
            out[name] = figures["distance"][0]
            out[f"{name} rest"] = figures
    sides = [draw_pairs(len(group), side, rng) for group in groups]
    out["null"] = null_distance(lengths[0], experts, sides[0], None, rng)
    mean_gates = gates.mean(0, dtype=np.float64)
    out["load null"] = null_distance(lengths[0], experts, sides[0], mean_gates, rng)
    out["effective experts"] = np.exp(entropy(mean_gates))
    out["entropy"] = entropy(gates).mean(0)
    out["layers"] = [
        mean_distance(order[:, [layer]], lengths[0][:, [layer]], sides[0], False) for layer in range(order.shape[1])
    ]
    out["thresholds"] = [
        mean_distance(order[group], of_tau[group], chosen)
        for of_tau in lengths[1:]
        for group, chosen in zip(groups, sides)
        if len(chosen[0])
    ]
    known = [np.flatnonzero(steps == step) for step in np.unique(steps[memorized])]
    known = [group for group in known if len(group) > 1]
    share = max(side // max(len(known), 1), LEAST_PAIRS)
    out["by step"] = [
        float(distances([texts[i] for i in group], draw_pairs(len(group), share, rng)).mean()) for group in known
    ]
    # The samples declared by a checkpoint are compared there and at the checkpoint by which half of them were.
    for at in range(int(steps[memorized].max(initial=0)) + 3):
        declared = np.flatnonzero(steps + 2 <= at)
        if len(declared) > 2:
            reference = int(np.sort(steps[declared])[len(declared) // 2]) + 2
            if reference < at and place in (reference, at):
                chosen = draw_pairs(len(declared), side, np.random.default_rng([seed[0], at]))
                figures = group_figures([texts[i] for i in declared], chosen)
                out[f"declared {at}"] = figures["sums"], figures["total"]
    return out


def between_domains(path, first, second, seed):
    """Distance between the samples of two domains, with its error."""
    trace, rng = Trace(path), np.random.default_rng(seed)
    out = []
    for rows, columns in zip(first, second):
        if not len(rows) or not len(columns):
            continue
        count = max(4 * (PAIRS // 4 // SIDE_PART) // 6, LEAST_PAIRS)
        numbers = np.sort(rng.choice(len(rows) * len(columns), count, replace=False, shuffle=False))
        pairs = np.divmod(numbers, len(columns))
        sides = []
        for members, places in zip((rows, columns), pairs):
            named, at = np.unique(places, return_inverse=True)
            order, lengths = rank(trace.gates(members[named]), (TAU,))
            sides.append((strings(order, lengths[0]), at))
        found = distances(sides[0][0], (sides[0][1], sides[1][1]), sides[1][0]).astype(np.float64)
        deviations = found - found.mean()
        parts = [
            shared_products(len(members), [places], deviations) / len(members)
            for members, places in zip((rows, columns), pairs)
        ]
        unmeasured = (1 - count / (len(rows) * len(columns))) * found.var(ddof=1) / count
        out.append((float(found.mean()), float(np.sqrt(sum(parts) + unmeasured))))
    return out


def of_run(path, labels):
    """Information between experts and domains and separation of signatures, with their nulls."""
    gates = Trace(path).gates(slice(None))
    samples, layers, experts = gates.shape
    rng = np.random.default_rng(1)
    domains = labels.max() + 1
    orders = [labels, *(rng.permutation(labels) for _ in range(LABEL_ORDERS))]
    # All sums of all orders are one product of matrices.
    chosen = np.zeros((len(orders), domains, samples))
    for order, of_order in zip(orders, chosen):
        of_order[order, np.arange(samples)] = 1
    counts = np.bincount(labels)
    flat = gates.reshape(samples, -1)
    means = chosen.reshape(-1, samples) @ flat.astype(np.float64)
    means = means.reshape(len(orders), domains, layers, experts) / counts[None, :, None, None]
    information = np.maximum(entropy(means.mean(1)) - entropy(means).mean(1), 0).mean(-1)
    found = {"information": float(information[0]), "null": float(information[1:].mean())}
    found["p"] = float((1 + (information[1:] >= information[0]).sum()) / (LABEL_ORDERS + 1))

    compared = np.sort(rng.permutation(samples)[:COMPARED])
    directions = flat[compared].astype(np.float64) - flat.mean(0, dtype=np.float64)
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    cosines = (directions @ directions.T)[np.triu_indices(len(compared), 1)]
    first, second = np.triu_indices(len(compared), 1)

    def separation(labels):
        equal = labels[first] == labels[second]
        within, across = cosines[equal], cosines[~equal]
        pooled = (within.var() * len(within) + across.var() * len(across)) / (len(cosines) - 2)
        return (within.mean() - across.mean()) / np.sqrt(pooled)

    labels = labels[compared]
    drawn = np.array([separation(rng.permutation(labels)) for _ in range(SIGNATURE_ORDERS)])
    found["separation"] = float(separation(labels))
    found["separation p"] = float((1 + (drawn >= found["separation"]).sum()) / (SIGNATURE_ORDERS + 1))
    return found


def states(results, steps):
    """Changes of the declared samples' distance with their errors, from the sums of both checkpoints."""
    found = []
    for key in {key for result in results for key in result if key.startswith("declared")}:
        both = [result[key] for result in results if key in result]
        if len(both) == 2:
            (earlier, earlier_total), (later, later_total) = both
            without = (later_total - later) / (earlier_total - earlier)
            s = len(without)
            error = np.sqrt(without.var() * (s - 1))
            found.append((key, later_total / earlier_total - 1, error * student.ppf(0.95, s - 1)))
    return found


def main():
    work, processes = sys.argv[1], int(sys.argv[2])
    paths = sorted(sys.argv[3:], key=lambda path: int(Trace(path).about["step"]))
    traces = [Trace(path) for path in paths]
    names = sorted(set(traces[0].domains))
    labels = np.array([names.index(domain) for domain in traces[0].domains])
    losses = np.stack([trace.tensor("loss", "<f4") for trace in traces])
    members = [np.flatnonzero(labels == label) for label in range(len(names))]
    steps = [memorization(losses[:, rows]) for rows in members]
    checkpoints = len(paths)
    with ProcessPoolExecutor(processes, get_context("spawn")) as pool:
        jobs = []
        for place, path in enumerate(paths):
            for label, rows in enumerate(members):
                jobs.append(pool.submit(of_domain, work, path, place, checkpoints, rows, steps[label], [label, 1]))
        others = []
        if work == "whole":
            others += [pool.submit(of_run, path, labels) for path in paths]
            memorized = [rows[step < checkpoints] for rows, step in zip(members, steps)]
            sides = list(zip(members, memorized))
            for path in paths:
                for first in range(len(names)):
                    for second in range(first + 1, len(names)):
                        others.append(pool.submit(between_domains, path, sides[first], sides[second], [first, second]))
        results = [job.result() for job in jobs]
        for other in others:
            other.result()
    if work == "whole":
        for label in range(len(names)):
            states(results[label :: len(names)], steps[label])
    course = [[result.get("all") for result in results[label :: len(names)]] for label in range(len(names))]
    versions = f"numpy {np.__version__}, scipy {scipy.__version__}, rapidfuzz {rapidfuzz.__version__}"
    dimension = [float(np.mean(result["d_eff"][0])) for result in results[:: len(names)]]
    print(json.dumps({"distance": dict(zip(names, course)), "d_eff": dimension, "versions": versions}))


if __name__ == "__main__":
    main()
