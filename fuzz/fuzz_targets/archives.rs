//! Archives and packed files: zip, tar, gzip, zstd, and nested ones. Every member is read to its end.
#![cfg_attr(fuzzing, no_main)]

use std::rc::Rc;

use futures::executor::block_on;
use grokscope_fuzz::{
    files::{UNPACKING, check_message, check_messages, split_name},
    repair,
};
use libfuzzer_sys::{fuzz_mutator, fuzz_target};
use trace::MemorySource;

fuzz_target!(|input: &[u8]| {
    let (name, content) = split_name(input);
    UNPACKING.enforce(content.len(), || {
        match block_on(trace::unpack(Rc::new(MemorySource::new(name, content)))) {
            Ok(unpacked) => {
                check_messages(&unpacked.notes);
                for file in unpacked.files {
                    if let Ok(bytes) = block_on(file.read(0, file.len() as usize)) {
                        assert_eq!(
                            bytes.len() as u64,
                            file.len(),
                            "{} does not have its stated length",
                            file.name()
                        );
                    }
                }
            }
            Err(error) => check_message(&error.to_string()),
        }
    });
});

fuzz_mutator!(|data: &mut [u8], size: usize, max: usize, seed: u32| {
    repair::mutate(data, size, max, seed, |input| input.len() - split_name(input).1.len())
});
