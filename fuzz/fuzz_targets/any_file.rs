//! Any file under any name, opened like a file dropped on the page.
#![cfg_attr(fuzzing, no_main)]

use grokscope_fuzz::{
    files::{read_all, split_name},
    heap::Bound,
    repair,
};
use libfuzzer_sys::{fuzz_mutator, fuzz_target};

/// The largest bound of all readers: 64 times the unpacked size of a Parquet page.
const READING: Bound = Bound { per_byte: 64 * 1100, constant: 128 << 20 };

fuzz_target!(|input: &[u8]| {
    let (name, content) = split_name(input);
    read_all(name, content, READING);
});

fuzz_mutator!(|data: &mut [u8], size: usize, max: usize, seed: u32| {
    repair::mutate(data, size, max, seed, |input| input.len() - split_name(input).1.len())
});
