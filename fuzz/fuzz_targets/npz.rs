//! NumPy arrays: single ones and archives.
#![cfg_attr(fuzzing, no_main)]

use grokscope_fuzz::{
    files::{read_all, split_name, split_name_as},
    heap::Bound,
    repair,
};
use libfuzzer_sys::{fuzz_mutator, fuzz_target};

/// Deflated arrays grow up to 1,040 times, and are in memory three times while they are read.
const READING: Bound = Bound { per_byte: 4 * 1100, constant: 1 << 20 };

fuzz_target!(|input: &[u8]| {
    let (name, content) = split_name_as(input, &[".npz", ".npy"], "step-1.npz");
    read_all(name, content, READING);
});

fuzz_mutator!(|data: &mut [u8], size: usize, max: usize, seed: u32| {
    repair::mutate(data, size, max, seed, |input| input.len() - split_name(input).1.len())
});
