//! Messages between page, analyst and engine, and mappings: small JSON.
#![cfg_attr(fuzzing, no_main)]

use grokscope_fuzz::{files::check_message, heap::Bound};
use libfuzzer_sys::fuzz_target;
use protocol::{
    Event, Job,
    engine::{EngineEvent, EngineJob},
};
use serde::{Serialize, de::DeserializeOwned};
use trace::Mapping;

const READING: Bound = Bound { per_byte: 256, constant: 1 << 16 };

/// Reads a message, writes it, and checks that reading it again changes nothing.
fn round_trip<T: Serialize + DeserializeOwned>(input: &[u8]) {
    let Ok(message) = READING.enforce(input.len(), || serde_json::from_slice::<T>(input)) else { return };
    let text = serde_json::to_string(&message).expect("a message can be written");
    let again: T = serde_json::from_str(&text).expect("a written message can be read");
    let again = serde_json::to_string(&again).expect("a message can be written");
    assert_eq!(again, text, "the round trip changed the message");
}

fuzz_target!(|input: &[u8]| {
    round_trip::<Job>(input);
    round_trip::<Event>(input);
    round_trip::<EngineJob>(input);
    round_trip::<EngineEvent>(input);
    if let Ok(text) = std::str::from_utf8(input) {
        match READING.enforce(input.len(), || Mapping::parse("mapping.json", text)) {
            Ok(mapping) => {
                let again =
                    Mapping::parse("mapping.json", &mapping.json()).expect("a written message can be read");
                assert_eq!(again, mapping, "the round trip changed the mapping");
            }
            Err(error) => check_message(&error.to_string()),
        }
    }
});
