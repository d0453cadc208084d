//! Reports as JSON: what is read can be shown, written and read again.
#![cfg_attr(fuzzing, no_main)]

use grokscope_fuzz::{files::said, heap::Bound, reports::use_it};
use libfuzzer_sys::fuzz_target;
use report::parse_json;

/// A domain of two bytes is a record of a hundred fields.
const READING: Bound = Bound { factor: 256, beside: 1 << 20 };

fuzz_target!(|input: &[u8]| {
    let Ok(text) = std::str::from_utf8(input) else { return };
    match READING.hold(input.len(), || parse_json(text)) {
        Ok(report) => use_it(&report, input),
        Err(error) => said(&error.to_string()),
    }
});
