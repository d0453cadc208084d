"""Times Levenshtein distances of other libraries on one thread, for crates/levenshtein/benches/distance.rs.

Needs rapidfuzz and numpy; uses stringzillas-cpus if installed.

The argument is a file of sequences: their number n, n + 1 offsets (u32) and the symbols (u16), little-endian.
The first output line has the tab-separated names of the measured functions. Then each input line is `time I`
(response: CPU seconds for all unordered pairs) or `check I` (response: a checksum of the distances in condensed
order).
"""

import sys
import time

import numpy
from rapidfuzz import process
from rapidfuzz.distance import Levenshtein


def read_sequences(path):
    data = open(path, "rb").read()
    count = int.from_bytes(data[:4], "little")
    offsets = numpy.frombuffer(data, "<u4", count + 1, 4)
    symbols = numpy.frombuffer(data, "<u2", int(offsets[-1]), 4 * (count + 2))
    return [symbols[a:b] for a, b in zip(offsets[:-1], offsets[1:])]


def rapidfuzz_set(sequences, convert):
    """One list against itself: half the pairs, but rapidfuzz does not vectorize it."""
    items = [convert(sequence) for sequence in sequences]
    return lambda: process.cdist(items, items, scorer=Levenshtein.distance, dtype=numpy.uint16, workers=1)


def rapidfuzz_halves(sequences, convert):
    """Two lists: rapidfuzz vectorizes sequences of up to 64 symbols.

    Every pair is computed once: half of the set against the other half, then recursively within each half.
    """
    items = [convert(sequence) for sequence in sequences]
    count = len(items)

    def fill(matrix, first, last):
        middle = (first + last) // 2
        if last - first <= 64:
            part = items[first:last]
            matrix[first:last, first:last] = process.cdist(
                part, part, scorer=Levenshtein.distance, dtype=numpy.uint16, workers=1
            )
            return
        matrix[first:middle, middle:last] = process.cdist(
            items[first:middle],
            items[middle:last],
            scorer=Levenshtein.distance,
            dtype=numpy.uint16,
            workers=1,
        )
        fill(matrix, first, middle)
        fill(matrix, middle, last)

    def run():
        matrix = numpy.zeros((count, count), numpy.uint16)
        fill(matrix, 0, count)
        return matrix

    return run


def stringzilla_set(sequences):
    """One list against itself on one core."""
    import stringzilla
    import stringzillas

    if max((int(s.max()) for s in sequences if len(s)), default=0) > 255:
        raise ValueError("stringzilla supports only byte symbols")
    items = stringzilla.Strs([s.astype(numpy.uint8).tobytes() for s in sequences])
    scope = stringzillas.DeviceScope(cpu_cores=1)
    distances = stringzillas.LevenshteinDistances(capabilities=scope)
    return lambda: distances(items, device=scope)


def text(sequence):
    # Python uses the smallest representation, so symbols below 256 take one byte each.
    return "".join(map(chr, sequence.tolist()))


def candidates(sequences):
    yield "rapidfuzz cdist, strings", rapidfuzz_set(sequences, text)
    yield "rapidfuzz cdist, lists", rapidfuzz_set(sequences, lambda sequence: sequence.tolist())
    yield "rapidfuzz cdist, strings, halves", rapidfuzz_halves(sequences, text)
    try:
        yield "stringzillas", stringzilla_set(sequences)
    except (ImportError, ValueError) as reason:
        print(f"without stringzillas: {reason}", file=sys.stderr)


def checksum(matrix):
    total = 0
    for distance in matrix[numpy.triu_indices(len(matrix), 1)].tolist():
        total = (total * 1_000_003 + distance) % 4_294_967_291
    return total


def main():
    sequences = read_sequences(sys.argv[1])
    measured = list(candidates(sequences))
    print("\t".join(name for name, _ in measured), flush=True)
    for line in sys.stdin:
        what, place = line.split()
        run = measured[int(place)][1]
        start = time.process_time()
        matrix = run()
        seconds = time.process_time() - start
        print(seconds if what == "time" else checksum(numpy.asarray(matrix)), flush=True)


if __name__ == "__main__":
    main()
