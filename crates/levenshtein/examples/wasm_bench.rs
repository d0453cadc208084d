//! The benchmark's workloads in WebAssembly, timed by `tests/e2e/distance.mjs`. Native builds print
//! a notice instead.
#![expect(unsafe_code, reason = "exported functions keep their names")]

#[path = "../benches/workloads/mod.rs"]
#[expect(dead_code, reason = "only the native benchmark prints the workloads' names")]
mod workloads;

use std::cell::RefCell;

use levenshtein::{InstructionSet, Sequences, all_pairs, pairs};
use workloads::{Workload, sample};

thread_local! {
    static SEQUENCES: RefCell<Sequences> = RefCell::new(Sequences::new());
    static PAIRS: RefCell<Vec<(u32, u32)>> = const { RefCell::new(Vec::new()) };
}

/// Generates `count` sequences of workload number `workload` and `sampled` pairs of them. Returns
/// the mean length.
#[unsafe(no_mangle)]
extern "C" fn prepare(workload: usize, count: usize, sampled: usize) -> f64 {
    let sequences = Workload::ALL[workload].sequences(count);
    let symbols: usize = sequences.iter().map(<[u16]>::len).sum();
    SEQUENCES.set(sequences);
    PAIRS.set(sample(sampled, count));
    symbols as f64 / count as f64
}

/// Returns the sum of the distances of all pairs, with the vector or the scalar instruction set.
#[unsafe(no_mangle)]
extern "C" fn run_all_pairs(vectors: bool) -> f64 {
    SEQUENCES.with_borrow(|sequences| sum(&all_pairs(instructions(vectors), sequences)))
}

/// Returns the sum of the distances of the sampled pairs, or -1 if a pair is out of range.
#[unsafe(no_mangle)]
extern "C" fn run_pairs(vectors: bool) -> f64 {
    SEQUENCES.with_borrow(|sequences| {
        PAIRS.with_borrow(|list| {
            pairs(instructions(vectors), sequences, list).map_or(-1.0, |found| sum(&found))
        })
    })
}

fn instructions(vectors: bool) -> InstructionSet {
    if vectors { InstructionSet::best() } else { InstructionSet::Scalar }
}

fn sum(distances: &[u32]) -> f64 {
    distances.iter().map(|&distance| f64::from(distance)).sum()
}
