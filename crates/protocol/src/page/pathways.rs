//! Two samples and their pathways.

use pathway::Edit;
use serde::{Deserialize, Serialize};

/// A way to choose two samples.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "kebab-case")]
pub enum PairChoice {
    /// Two samples by index in the run.
    Samples {
        /// The first.
        a: usize,
        /// The second.
        b: usize,
    },
    /// Two random samples of a domain.
    Random {
        /// The domain.
        domain: String,
        /// Seed of the draw.
        seed: u64,
    },
    /// The closest of the domain's measured pairs.
    Nearest {
        /// The domain.
        domain: String,
    },
    /// The farthest of the domain's measured pairs.
    Farthest {
        /// The domain.
        domain: String,
    },
}

/// A sample in a picker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SampleRef {
    /// Index of the sample in the run.
    pub index: usize,
    /// Id of the sample.
    pub id: String,
    /// Domain of the sample.
    pub domain: String,
}

/// The pathways of two samples, aligned at every checkpoint.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Alignment {
    /// The first sample.
    pub a: SampleRef,
    /// The second sample.
    pub b: SampleRef,
    /// One alignment per checkpoint, in training order.
    pub checkpoints: Vec<AlignedCheckpoint>,
}

/// Two pathways at one checkpoint.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AlignedCheckpoint {
    /// Training step.
    pub step: u64,
    /// Distance of the complete pathways, in symbols.
    pub distance: u32,
    /// One edit script per layer, from the experts of the first sample to those of the second.
    pub layers: Vec<Vec<Edit>>,
}
