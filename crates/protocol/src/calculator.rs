//! Messages between the analyst and a calculator, a worker that measures distances and nothing
//! else.
//!
//! A calculator sends [`CalculatorResponse::Ready`] first. It then keeps the sequences of each call
//! until they are dropped, and answers every [`Measure`] with one [`Answer`]. The engine's script,
//! started under the same name, is a calculator on the GPU.

use js_sys::{Array, Uint16Array, Uint32Array};
use serde::{Deserialize, Serialize};
use web_sys::MessagePort;

use crate::scope::to_js;

/// The worker name that makes either script a calculator.
pub const NAME: &str = "calculator";

/// A request to a calculator.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CalculatorRequest {
    /// Keep sequences.
    Load(Load),
    /// Measure pairs of loaded sequences.
    Measure(Measure),
    /// Forget the sequences of a call.
    Drop {
        /// Number of the call.
        call: u32,
    },
}

/// The sequences of a call.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Load {
    /// Number of the call.
    pub call: u32,
    /// Symbols of all sequences, concatenated.
    #[serde(with = "serde_wasm_bindgen::preserve")]
    pub symbols: Uint16Array,
    /// Start of each sequence in `symbols`, and the end of the last.
    #[serde(with = "serde_wasm_bindgen::preserve")]
    pub offsets: Uint32Array,
}

/// Consecutive pairs of a call.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Measure {
    /// Number of the call.
    pub call: u32,
    /// Index of the first pair in the call.
    pub start: u32,
    /// Alternating first and second sequence of each pair.
    #[serde(with = "serde_wasm_bindgen::preserve")]
    pairs: Uint32Array,
}

/// A message of a calculator.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CalculatorResponse {
    /// The calculator takes requests.
    Ready {
        /// Name of the GPU, for the calculator on the GPU.
        gpu: Option<String>,
    },
    /// There is no usable GPU, or it was lost.
    Absent {
        /// The reason in a whole sentence.
        reason: String,
    },
    /// The response to a [`Measure`].
    Answer(Answer),
}

/// The response to a [`Measure`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Answer {
    /// Number of the call.
    pub call: u32,
    /// Index of the first pair in the call.
    pub start: u32,
    /// Distances or an error.
    pub outcome: Outcome,
}

/// The outcome of a [`Measure`].
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// All pairs are measured.
    Measured {
        /// Duration in milliseconds.
        milliseconds: f64,
        /// One distance per pair.
        #[serde(with = "serde_wasm_bindgen::preserve")]
        distances: Uint32Array,
    },
    /// The sequences do not fit this calculator; another one can measure them.
    Refused {
        /// The reason.
        reason: String,
    },
    /// The pairs cannot be measured.
    Failed {
        /// The reason.
        message: String,
    },
}

impl CalculatorRequest {
    /// Posts the request to a calculator and transfers its arrays.
    pub fn post(&self, port: &MessagePort) {
        let Ok(message) = to_js(self) else { return };
        let transfer = match self {
            Self::Load(Load { symbols, offsets, .. }) => Array::of2(&symbols.buffer(), &offsets.buffer()),
            Self::Measure(Measure { pairs, .. }) => Array::of1(&pairs.buffer()),
            Self::Drop { .. } => Array::new(),
        };
        port.post_message_with_transferable(&message, &transfer).ok();
    }
}

impl Measure {
    /// A request to measure pairs, the first of which is number `start` of the call.
    #[must_use]
    pub fn new(call: u32, start: u32, pairs: &[(u32, u32)]) -> Self {
        let flat: Vec<u32> = pairs.iter().flat_map(|&(a, b)| [a, b]).collect();
        Self { call, start, pairs: Uint32Array::from(&flat[..]) }
    }

    /// The pairs.
    #[must_use]
    pub fn pairs(&self) -> Vec<(u32, u32)> {
        let flat = self.pairs.to_vec();
        flat.as_chunks::<2>().0.iter().map(|&[a, b]| (a, b)).collect()
    }

    /// The response with this outcome.
    #[must_use]
    pub fn answer(&self, outcome: Outcome) -> CalculatorResponse {
        CalculatorResponse::Answer(Answer { call: self.call, start: self.start, outcome })
    }
}

impl Outcome {
    /// Distances and the time they took.
    #[must_use]
    pub fn measured(distances: &[u32], milliseconds: f64) -> Self {
        Self::Measured { milliseconds, distances: Uint32Array::from(distances) }
    }
}

impl CalculatorResponse {
    /// Posts the message to the analyst and transfers the distances.
    pub fn post(&self, port: &MessagePort) {
        let Ok(message) = to_js(self) else { return };
        let transfer = match self {
            Self::Answer(Answer { outcome: Outcome::Measured { distances, .. }, .. }) => {
                Array::of1(&distances.buffer())
            }
            _ => Array::new(),
        };
        port.post_message_with_transferable(&message, &transfer).ok();
    }
}
