//! Links: every decoded report can be shown, written and read again.
#![cfg_attr(fuzzing, no_main)]

use grokscope_fuzz::{files::check_message, heap::Bound, link, reports::exercise};
use libfuzzer_sys::{fuzz_mutator, fuzz_target};
use report::decode;

/// The coder stores likely values in fractions of a bit.
const READING: Bound = Bound { per_byte: 1100, constant: 16 << 20 };

fuzz_target!(|input: &[u8]| {
    let Ok(text) = std::str::from_utf8(input) else { return };
    match READING.enforce(input.len(), || decode(text)) {
        Ok(report) => exercise(&report, input),
        Err(error) => check_message(&error.to_string()),
    }
});

fuzz_mutator!(|data: &mut [u8], size: usize, max: usize, seed: u32| { link::mutate(data, size, max, seed) });
