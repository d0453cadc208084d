//! Parquet files, as FLAME-MoE's routing of one layer.
#![cfg_attr(fuzzing, no_main)]

use std::rc::Rc;

use grokscope_fuzz::{
    files::{named_as, read},
    heap::Bound,
};
use libfuzzer_sys::fuzz_target;
use trace::{MemorySource, Source};

/// A page may unpack to 1,100 times its size and a MiB, and each bit of that may be a value of eight bytes.
const READING: Bound = Bound { factor: 64 * 1100, beside: 128 << 20 };

fuzz_target!(|input: &[u8]| {
    let (name, content) = named_as(input, &[".parquet"], "500/layer_1.parquet");
    let source: Source = Rc::new(MemorySource::new(name, content));
    READING.hold(content.len(), || read(&source));
});
