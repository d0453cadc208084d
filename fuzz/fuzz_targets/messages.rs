//! What page, analyst and engine say to each other, and other small JSON: mappings.
#![cfg_attr(fuzzing, no_main)]

use grokscope_fuzz::{files::said, heap::Bound};
use libfuzzer_sys::fuzz_target;
use serde::{Serialize, de::DeserializeOwned};
use trace::Mapping;
use worker::{
    Event, Job,
    engine_protocol::{EngineEvent, EngineJob},
};

const READING: Bound = Bound { factor: 256, beside: 1 << 16 };

/// What is read is written, and what is written is read as the same.
fn there_and_back<T: Serialize + DeserializeOwned>(input: &[u8]) {
    let Ok(message) = READING.hold(input.len(), || serde_json::from_slice::<T>(input)) else { return };
    let text = serde_json::to_string(&message).expect("a message can be written");
    let again: T = serde_json::from_str(&text).expect("what was written can be read");
    let again = serde_json::to_string(&again).expect("a message can be written");
    assert_eq!(again, text, "it became another message");
}

fuzz_target!(|input: &[u8]| {
    there_and_back::<Job>(input);
    there_and_back::<Event>(input);
    there_and_back::<EngineJob>(input);
    there_and_back::<EngineEvent>(input);
    if let Ok(text) = std::str::from_utf8(input) {
        match READING.hold(input.len(), || Mapping::parse("mapping.json", text)) {
            Ok(mapping) => {
                let again =
                    Mapping::parse("mapping.json", &mapping.json()).expect("what was written can be read");
                assert_eq!(again, mapping, "it became another mapping");
            }
            Err(error) => said(&error.to_string()),
        }
    }
});
