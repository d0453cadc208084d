//! The settings: every choice of the user that changes a figure. The report holds them.

pub mod declared;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Every choice that changes a figure of a [`crate::Report`]; the defaults are the paper's where it
/// has one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Cumulative gate mass that a pathway's layer must exceed (paper, section 4.1); 0 < tau < 1.
    pub tau: f64,

    /// Further thresholds whose distances are shown for comparison, ascending.
    pub sweep: Vec<f64>,

    /// Unit of the pathway distance.
    pub unit: Unit,

    /// Pairs of samples measured at each checkpoint.
    pub pairs: PairBudget,

    /// Seed of every random draw: pairs, null pathways, permutations.
    pub seed: u64,

    /// Largest loss (nats) that counts as memorized, per domain; a domain that is absent is
    /// searched for the smallest threshold that a fifth of its samples meet
    /// (docs/metrics.md#memorization-step).
    pub eps: BTreeMap<String, f64>,

    /// Largest range or drift of the loss (nats) that counts as settled
    /// (docs/metrics.md#memorization-step).
    pub delta: f64,

    /// Rule of the memorization and generalization steps: of the memorized group, onsets and delays.
    pub onset_rule: OnsetRule,

    /// Checkpoints used for the correlations; all when absent.
    pub window: Option<Window>,

    /// Ridge of the effective dimension, relative to the mean eigenvalue mass per sample.
    pub alpha: f64,

    /// Whether groups whose step is only confirmed by the last checkpoint take part in the pairing.
    pub unconfirmed: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            tau: 0.7,
            sweep: vec![0.5, 0.6, 0.7, 0.8],
            unit: Unit::Symbol,
            pairs: PairBudget::Sampled { per_checkpoint: 100_000 },
            seed: 1,
            eps: BTreeMap::new(),
            delta: 0.05,
            onset_rule: OnsetRule::Causal,
            window: None,
            alpha: 0.01,
            unconfirmed: false,
        }
    }
}

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
