//! Types of values of settings, and the ranges of numbers.

use serde::{Deserialize, Serialize};

/// The unit of the pathway distance (docs/metrics.md#pathway).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Unit {
    /// Expert ids, with one layer break between layers.
    Symbol,
    /// Characters of the written form `3,1,5-9,1`.
    Character,
}

/// When a sample counts as memorized and an item as generalized.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnsetRule {
    /// `t°` and `t°#`, known two checkpoints later and never revised
    /// (docs/metrics.md#causal-memorization-step).
    #[default]
    Causal,
    /// `t*` and `t#` of the paper, which refer to the last checkpoint
    /// (docs/metrics.md#memorization-step).
    Paper,
}

/// Pairs of samples that are measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PairBudget {
    /// Every pair of every group.
    Exact,
    /// A bounded number of main pairs per checkpoint over all domains and groups, drawn without
    /// replacement.
    Sampled {
        /// Pairs per checkpoint; each domain has an equal share, half of it for its memorized
        /// samples.
        per_checkpoint: u64,
    },
}

/// A closed range of training steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// First step that counts.
    pub first: u64,
    /// Last step that counts.
    pub last: u64,
}

/// The range of a number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Range {
    /// Between two numbers, exclusive.
    Between(f64, f64),
    /// A number or more.
    AtLeast(f64),
    /// More than a number.
    Above(f64),
}

impl Range {
    /// Whether the range contains the number.
    pub fn contains(self, number: f64) -> bool {
        number.is_finite()
            && match self {
                Self::Between(low, high) => low < number && number < high,
                Self::AtLeast(low) => low <= number,
                Self::Above(low) => low < number,
            }
    }

    /// The range in words, such as "above 0".
    pub fn words(self) -> String {
        match self {
            Self::Between(low, high) => format!("between {low} and {high}"),
            Self::AtLeast(low) => format!("of {low} or more"),
            Self::Above(low) => format!("above {low}"),
        }
    }
}
