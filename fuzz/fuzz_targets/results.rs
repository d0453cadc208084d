//! What belongs to a run beside its traces: results as JSON and CSV, lists of samples, items, single gates.
#![cfg_attr(fuzzing, no_main)]

use std::rc::Rc;

use grokscope_fuzz::{
    files::{named_as, read},
    heap::Bound,
};
use libfuzzer_sys::fuzz_target;
use trace::{MemorySource, Source};

/// That of ids, which have the same endings; what is meant here takes far less.
const READING: Bound = Bound { factor: 4 * 1100, beside: 5 << 20 };

fuzz_target!(|input: &[u8]| {
    let (name, content) = named_as(input, &[".json", ".jsonl", ".csv", ".txt"], "run.json");
    let source: Source = Rc::new(MemorySource::new(name, content));
    READING.hold(content.len(), || read(&source));
});
