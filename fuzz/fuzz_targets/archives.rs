//! Archives and packed files: zip, tar, gzip, zstd, and these in each other. All that is in them is read to its end.
#![cfg_attr(fuzzing, no_main)]

use std::rc::Rc;

use futures::executor::block_on;
use grokscope_fuzz::{
    files::{UNPACKING, all_said, named, said},
    repair,
};
use libfuzzer_sys::{fuzz_mutator, fuzz_target};
use trace::MemorySource;

fuzz_target!(|input: &[u8]| {
    let (name, content) = named(input);
    UNPACKING.hold(content.len(), || {
        match block_on(trace::unpack(Rc::new(MemorySource::new(name, content)))) {
            Ok(unpacked) => {
                all_said(&unpacked.notes);
                for file in unpacked.files {
                    if let Ok(bytes) = block_on(file.read(0, file.len() as usize)) {
                        assert_eq!(bytes.len() as u64, file.len(), "{} has another length", file.name());
                    }
                }
            }
            Err(error) => said(&error.to_string()),
        }
    });
});

fuzz_mutator!(|data: &mut [u8], size: usize, max: usize, seed: u32| {
    repair::mutate(data, size, max, seed, |input| input.len() - named(input).1.len())
});
