//! Parquet files: the routing of one layer of FLAME-MoE.
#![cfg_attr(fuzzing, no_main)]

use std::rc::Rc;

use grokscope_fuzz::{
    files::{read, split_name_as},
    heap::Bound,
};
use libfuzzer_sys::fuzz_target;
use trace::{MemorySource, Source};

/// A page may unpack to 1,100 times its size and one MiB, of which each bit may be a value of eight bytes.
const READING: Bound = Bound { per_byte: 64 * 1100, constant: 128 << 20 };

fuzz_target!(|input: &[u8]| {
    let (name, content) = split_name_as(input, &[".parquet"], "500/layer_1.parquet");
    let source: Source = Rc::new(MemorySource::new(name, content));
    READING.enforce(content.len(), || read(&source));
});
