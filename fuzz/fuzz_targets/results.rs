//! Files of a run other than traces: results as JSON and CSV, lists of samples, items, single gates.
#![cfg_attr(fuzzing, no_main)]

use std::rc::Rc;

use grokscope_fuzz::{
    files::{read, split_name_as},
    heap::Bound,
};
use libfuzzer_sys::fuzz_target;
use trace::{MemorySource, Source};

/// The bound of expert ids, whose files have the same endings.
const READING: Bound = Bound { per_byte: 4 * 1100, constant: 5 << 20 };

fuzz_target!(|input: &[u8]| {
    let (name, content) = split_name_as(input, &[".json", ".jsonl", ".csv", ".txt"], "run.json");
    let source: Source = Rc::new(MemorySource::new(name, content));
    READING.enforce(content.len(), || read(&source));
});
