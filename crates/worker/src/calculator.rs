//! A calculator: it keeps sequences and measures pairs of them.

use std::collections::BTreeMap;

use levenshtein::{InstructionSet, Prepared, Sequences};
use protocol::{
    calculator::{CalculatorRequest, CalculatorResponse, Measure, Outcome},
    child::listen,
    scope::now,
};
use web_sys::MessagePort;

/// Starts to answer the analyst at the port.
pub fn start(port: MessagePort) {
    let analyst = port.clone();
    let mut sets: BTreeMap<u32, Prepared> = BTreeMap::new();
    listen(&port, move |message| match serde_wasm_bindgen::from_value(message.data()) {
        Ok(CalculatorRequest::Load(load)) => {
            let sequences = Sequences::from_parts(load.symbols.to_vec(), load.offsets.to_vec());
            if let Some(sequences) = sequences {
                // Prepared once: many small requests follow.
                sets.insert(load.call, Prepared::new(&sequences));
            }
        }
        Ok(CalculatorRequest::Drop { call }) => {
            sets.remove(&call);
        }
        Ok(CalculatorRequest::Measure(measure)) => {
            let outcome = outcome(sets.get(&measure.call), &measure);
            measure.answer(outcome).post(&analyst);
        }
        // The pool handles it as the worker's end.
        Err(error) => wasm_bindgen::throw_str(&format!("an unknown request: {error}")),
    });
    CalculatorResponse::Ready { gpu: None }.post(&port);
}

fn outcome(sequences: Option<&Prepared>, measure: &Measure) -> Outcome {
    let start = now();
    let Some(sequences) = sequences else {
        return Outcome::Failed { message: "the sequences did not arrive".to_owned() };
    };
    match sequences.pairs(InstructionSet::best(), &measure.pairs()) {
        Ok(distances) => Outcome::measured(&distances, now() - start),
        Err(error) => Outcome::Failed { message: error.to_string() },
    }
}
