//! Expert ids as text: JSON lines of vLLM, SGLang, the OLMoE scripts and Megatron's tracer, and tables.
#![cfg_attr(fuzzing, no_main)]

use std::rc::Rc;

use grokscope_fuzz::{
    files::{read, split_name_as},
    heap::Bound,
};
use libfuzzer_sys::fuzz_target;
use trace::{MemorySource, Source};

/// Counts take at most 1,100 times the file's size and one MiB, and exist three times while gates are computed.
const READING: Bound = Bound { per_byte: 4 * 1100, constant: 5 << 20 };

fuzz_target!(|input: &[u8]| {
    let (name, content) = split_name_as(input, &[".jsonl", ".ndjson", ".csv"], "answers-step-1.jsonl");
    let source: Source = Rc::new(MemorySource::new(name, content));
    READING.enforce(content.len(), || read(&source));
});
