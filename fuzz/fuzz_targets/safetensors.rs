//! safetensors files: traces, dumps of transformers, embeddings, routers, tensors under other names; and the same file as
//! the only shard of a checkpoint.
#![cfg_attr(fuzzing, no_main)]

use std::rc::Rc;

use futures::executor::block_on;
use grokscope_fuzz::{
    files::{read, split_name_as},
    heap::Bound,
};
use libfuzzer_sys::fuzz_target;
use trace::{MemorySource, Source, open_safetensors, read_routers};

/// One-byte numbers become eight bytes while selections are checked; a header becomes names and shapes.
const READING: Bound = Bound { per_byte: 64, constant: 1 << 20 };

fuzz_target!(|input: &[u8]| {
    let (name, content) = split_name_as(input, &[".safetensors"], "step-1.safetensors");
    let source: Source = Rc::new(MemorySource::new(name, content));
    READING.enforce(content.len(), || read(&source));
    READING.enforce(content.len(), || {
        block_on(read_routers("step-1", &[Rc::new(MemorySource::new("model.safetensors", content))])).ok();
    });
    READING.enforce(content.len(), || {
        let Ok(file) = block_on(open_safetensors(source)) else { return };
        for tensor in file.names().filter_map(|name| file.get(name)) {
            let read = block_on(file.bytes(tensor, 0..tensor.values())).ok();
            let size = tensor.dtype.size().unwrap_or_default();
            assert!(
                read.is_none_or(|bytes| bytes.len() as u64 == tensor.values() * size),
                "the bytes do not match the shape"
            );
        }
    });
});
