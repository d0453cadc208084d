//! What a shortened link left out, and what the verdict needs of it.

use serde::{Deserialize, Serialize};

/// The report that a shortened link was made from: its size, and the tests over all of its
/// checkpoints. Lists have one entry per domain, or none if no checkpoint was left out.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Shortened {
    /// Number of checkpoints.
    pub checkpoints: usize,
    /// Number of domains.
    pub domains: usize,
    /// Checkpoints behind the test that the pathway distance follows accuracy; 0 without a decision.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub n: Vec<usize>,
    /// Pearson's r of that test.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub r: Vec<Option<f64>>,
    /// Two-sided p of the increments in another order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub p: Vec<Option<f64>>,
    /// The same p with both courses adjusted for the clock, where `p` is significant.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub q: Vec<Option<f64>>,
    /// Pearson's r of the clock with accuracy.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub clock: Vec<Option<f64>>,
    /// Changes of the distance to the last checkpoint whose sign depends on the start: step and
    /// change in thousandths of the largest rise, then of the largest fall.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub starts: Vec<Option<[i64; 4]>>,
}
