//! Expert ids as text: JSON lines of vLLM, SGLang, the OLMoE scripts and Megatron's tracer, and tables.
#![cfg_attr(fuzzing, no_main)]

use std::rc::Rc;

use grokscope_fuzz::{
    files::{named_as, read},
    heap::Bound,
};
use libfuzzer_sys::fuzz_target;
use trace::{MemorySource, Source};

/// Counts take at most 1,100 times the file's size and a MiB; there are three of them while gates are made of them.
const READING: Bound = Bound { factor: 4 * 1100, beside: 5 << 20 };

fuzz_target!(|input: &[u8]| {
    let (name, content) = named_as(input, &[".jsonl", ".ndjson", ".csv"], "answers-step-1.jsonl");
    let source: Source = Rc::new(MemorySource::new(name, content));
    READING.hold(content.len(), || read(&source));
});
