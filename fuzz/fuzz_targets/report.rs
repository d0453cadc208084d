//! Reports as JSON: every report that is read can be shown, written and read again.
#![cfg_attr(fuzzing, no_main)]

use grokscope_fuzz::{files::check_message, heap::Bound, reports::exercise};
use libfuzzer_sys::fuzz_target;
use report::parse_json;

/// A domain of two bytes is a record of a hundred fields.
const READING: Bound = Bound { per_byte: 256, constant: 1 << 20 };

fuzz_target!(|input: &[u8]| {
    let Ok(text) = std::str::from_utf8(input) else { return };
    match READING.enforce(input.len(), || parse_json(text)) {
        Ok(report) => exercise(&report, input),
        Err(error) => check_message(&error.to_string()),
    }
});
