//! Arrays of NumPy, one or an archive of them.
#![cfg_attr(fuzzing, no_main)]

use grokscope_fuzz::{
    files::{named, named_as, read_all},
    heap::Bound,
    repair,
};
use libfuzzer_sys::{fuzz_mutator, fuzz_target};

/// Deflated arrays become up to 1,040 times as many bytes, which are in memory three times over while they are read.
const READING: Bound = Bound { factor: 4 * 1100, beside: 1 << 20 };

fuzz_target!(|input: &[u8]| {
    let (name, content) = named_as(input, &[".npz", ".npy"], "step-1.npz");
    read_all(name, content, READING);
});

fuzz_mutator!(|data: &mut [u8], size: usize, max: usize, seed: u32| {
    repair::mutate(data, size, max, seed, |input| input.len() - named(input).1.len())
});
