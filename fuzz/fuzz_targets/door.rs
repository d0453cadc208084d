//! Any file under any name, as whoever drops it on the page opens it.
#![cfg_attr(fuzzing, no_main)]

use grokscope_fuzz::{
    files::{named, read_all},
    heap::Bound,
    repair,
};
use libfuzzer_sys::{fuzz_mutator, fuzz_target};

/// That of the reader which takes most: pages of Parquet, 64 times what bytes may unpack to.
const READING: Bound = Bound { factor: 64 * 1100, beside: 128 << 20 };

fuzz_target!(|input: &[u8]| {
    let (name, content) = named(input);
    read_all(name, content, READING);
});

fuzz_mutator!(|data: &mut [u8], size: usize, max: usize, seed: u32| {
    repair::mutate(data, size, max, seed, |input| input.len() - named(input).1.len())
});
