//! What the user may set. Everything that changes a figure is here, and rides in the report.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::error::Error;

/// Every choice that changes a figure of a [`crate::Report`]; the defaults are the paper's where it has one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Cumulative gate mass that a pathway's layer must exceed (paper, section 4.1); 0 < tau < 1.
    pub tau: f64,

    /// The other thresholds whose distances are shown beside (METRICS 9), ascending.
    pub sweep: Vec<f64>,

    /// What one symbol of the edit distance is.
    pub unit: Unit,

    /// How many pairs of samples are measured at each checkpoint.
    pub pairs: PairBudget,

    /// Seed of every random draw: pairs, null pathways, permutations.
    pub seed: u64,

    /// Largest loss (nats) that counts as memorized, per domain; a domain that is absent is searched for
    /// the smallest threshold that a fifth of its samples meet (METRICS 5).
    pub eps: BTreeMap<String, f64>,

    /// Largest drift of the loss (nats) from its last value that counts as settled (METRICS 5).
    pub delta: f64,

    /// Checkpoints used for the correlations; all when absent.
    pub window: Option<Window>,

    /// Ridge of the effective dimension, relative to the mean eigenvalue mass a sample (METRICS 8).
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
            window: None,
            alpha: 0.01,
            unconfirmed: false,
        }
    }
}

/// The unit of the pathway distance (METRICS 2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Unit {
    /// Expert ids, with one layer break between layers.
    Symbol,
    /// Characters of the written form `3,1,5-9,1`.
    Character,
}

/// How many pairs are measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PairBudget {
    /// Every pair of every group.
    Exact,
    /// At most so many main pairs a checkpoint over all domains and groups, drawn without replacement.
    Sampled {
        /// Pairs a checkpoint; each domain has an equal share, half of it for its memorized samples.
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

impl Settings {
    /// Checks that every setting is in its range.
    ///
    /// # Errors
    /// [`Error::Setting`] naming the setting, its value and what is allowed.
    pub fn check(&self) -> Result<(), Error> {
        let refuse = |name, value: String, expected| Err(Error::Setting { name, value, expected });
        let in_unit = |tau: &f64| *tau > 0.0 && *tau < 1.0;
        if !in_unit(&self.tau) {
            return refuse("tau", self.tau.to_string(), "a number between 0 and 1, like 0.7");
        }
        if self.sweep.len() > 16 || !self.sweep.iter().all(in_unit) {
            return refuse("sweep", format!("{:?}", self.sweep), "at most 16 numbers between 0 and 1");
        }
        if let Some((domain, eps)) = self.eps.iter().find(|(_, eps)| !(eps.is_finite() && **eps > 0.0)) {
            return refuse("eps", format!("{eps} for {domain}"), "a loss above 0, in nats");
        }
        if !(self.delta.is_finite() && self.delta >= 0.0) {
            return refuse("delta", self.delta.to_string(), "a drift of the loss of 0 or more, in nats");
        }
        if !(self.alpha.is_finite() && self.alpha > 0.0) {
            return refuse("alpha", self.alpha.to_string(), "a number above 0, like 0.01");
        }
        if let Some(window) = self.window.filter(|window| window.first > window.last) {
            return refuse(
                "window",
                format!("{} to {}", window.first, window.last),
                "a first step not after the last",
            );
        }
        if self.pairs == (PairBudget::Sampled { per_checkpoint: 0 }) {
            return refuse("pairs", "0".into(), "at least one pair a checkpoint");
        }
        Ok(())
    }
}
