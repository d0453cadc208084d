//! Links: what is read can be shown, written and read again.
#![cfg_attr(fuzzing, no_main)]

use grokscope_fuzz::{files::said, heap::Bound, link, reports::use_it};
use libfuzzer_sys::{fuzz_mutator, fuzz_target};
use report::decode;

/// The coder says likely things in fractions of a bit.
const READING: Bound = Bound { factor: 1100, beside: 16 << 20 };

fuzz_target!(|input: &[u8]| {
    let Ok(text) = std::str::from_utf8(input) else { return };
    match READING.hold(input.len(), || decode(text)) {
        Ok(report) => use_it(&report, input),
        Err(error) => said(&error.to_string()),
    }
});

fuzz_mutator!(|data: &mut [u8], size: usize, max: usize, seed: u32| { link::mutate(data, size, max, seed) });
