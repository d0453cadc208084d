//! One measurement of pathways at one checkpoint: sequences are written, the host computes their distances, the
//! distances become statistics. Each has a key, so that nothing is measured twice.

use std::rc::Rc;

use levenshtein::Sequences;
use pathway::Ranking;

use super::{host::Distances, plan::PairSet};
use crate::{error::Error, settings::Unit};

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Quantity {
    /// Distances of pathways at a threshold.
    Pathways {
        /// The threshold.
        tau: f64,
        /// Their unit.
        unit: Unit,
    },
    /// The same of random pathways with the same lengths.
    Null {
        /// The threshold.
        tau: f64,
        /// Their unit.
        unit: Unit,
        /// Seed of the draw.
        seed: u64,
    },
    /// Distances of one layer's lists.
    Layer {
        /// The threshold.
        tau: f64,
        /// The layer.
        layer: usize,
    },
}

/// One measurement at one checkpoint.
#[derive(Clone, Debug)]
pub struct Measurement {
    /// Index of the checkpoint in the run.
    pub checkpoint: usize,
    /// What is measured.
    pub quantity: Quantity,
    /// The samples.
    pub samples: Rc<[u32]>,
    /// Pairs of indices into `samples`.
    pub pairs: PairSet,
    /// For two groups against each other: how many of the samples are of the first.
    pub rows: Option<usize>,
}

/// What came out.
#[derive(Clone, Debug)]
pub struct Measured {
    /// Statistics of one group.
    pub group: Option<pathway::GroupDistance>,
    /// Mean and standard error of two groups against each other.
    pub cross: Option<pathway::CrossDistance>,
    /// Mean length of the sequences.
    pub mean_length: Option<f64>,
}

/// Identifies a measurement by everything that its result depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    /// The checkpoint's file.
    file: usize,
    /// The rest, mixed.
    rest: u64,
}

impl Key {
    /// The checkpoint's file.
    pub fn file(self) -> usize {
        self.file
    }
}

impl Measurement {
    /// Its key, given the file of its checkpoint and the samples' fingerprint of the run.
    pub fn key(&self, file: usize, run: u64) -> Key {
        let mut mix = Fingerprint::new();
        mix.add(run);
        let (kind, tau, unit, extra) = match self.quantity {
            Quantity::Pathways { tau, unit } => (0, tau, unit, 0),
            Quantity::Null { tau, unit, seed } => (1, tau, unit, seed),
            Quantity::Layer { tau, layer } => (2, tau, Unit::Symbol, layer as u64),
        };
        mix.add(kind);
        mix.add(tau.to_bits());
        mix.add(unit as u64);
        mix.add(extra);
        mix.add(self.rows.map_or(u64::MAX, |rows| rows as u64));
        mix.add_all(&self.samples);
        mix.add(self.pairs.print);
        Key { file, rest: mix.value() }
    }

    /// Measures.
    pub async fn measure(&self, ranking: &Ranking, distances: &dyn Distances) -> Result<Measured, Error> {
        if self.pairs.pairs.is_empty() {
            return Ok(Measured { group: None, cross: None, mean_length: None });
        }
        let sequences = Rc::new(self.sequences(ranking)?);
        let lengths: Vec<u32> = sequences.iter().map(|sequence| sequence.len() as u32).collect();
        let found = distances.pairs(Rc::clone(&sequences), Rc::clone(&self.pairs.pairs)).await?;
        let mean_length = lengths.iter().map(|&length| f64::from(length)).sum::<f64>() / lengths.len() as f64;
        if found.len() != self.pairs.pairs.len() {
            return Err(Error::Distances {
                message: format!("{} distances came for {} pairs", found.len(), self.pairs.pairs.len()),
            });
        }
        Ok(match self.rows {
            None => Measured {
                group: Some(pathway::group_distance(self.samples.len(), &self.pairs.pairs, &found, &lengths)?),
                cross: None,
                mean_length: Some(mean_length),
            },
            Some(rows) => Measured {
                group: None,
                cross: Some(pathway::cross_distance(rows, self.samples.len() - rows, &found)?),
                mean_length: Some(mean_length),
            },
        })
    }

    fn sequences(&self, ranking: &Ranking) -> Result<Sequences, Error> {
        let at = |tau| ranking.tau_index(tau).ok_or(Error::Distances { message: format!("no pathways at tau {tau}") });
        Ok(match self.quantity {
            Quantity::Pathways { tau, unit: Unit::Symbol } => ranking.symbols(at(tau)?, &self.samples),
            Quantity::Pathways { tau, unit: Unit::Character } => ranking.characters(at(tau)?, &self.samples),
            Quantity::Null { tau, unit: Unit::Symbol, seed } => {
                pathway::null_symbols(ranking, at(tau)?, &self.samples, seed)
            }
            Quantity::Null { tau, unit: Unit::Character, seed } => {
                pathway::null_characters(ranking, at(tau)?, &self.samples, seed)
            }
            Quantity::Layer { tau, layer } => ranking.layer(at(tau)?, layer, &self.samples),
        })
    }
}

/// A 64-bit mix of numbers (FNV-1a over 64-bit words with a final avalanche): for keys, not for secrets.
#[derive(Clone, Copy, Debug)]
pub struct Fingerprint(u64);

impl Fingerprint {
    /// Of nothing.
    pub fn new() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }

    /// Takes in one number.
    pub fn add(&mut self, value: u64) {
        self.0 = (self.0 ^ value).wrapping_mul(0x0000_0100_0000_01b3).rotate_left(29);
    }

    /// Takes in a list, with its length.
    pub fn add_all(&mut self, values: &[u32]) {
        self.add(values.len() as u64);
        for &value in values {
            self.add(u64::from(value));
        }
    }

    /// Takes in a text, with its length.
    pub fn add_text(&mut self, text: &str) {
        self.add(text.len() as u64);
        for byte in text.bytes() {
            self.add(u64::from(byte));
        }
    }

    /// The mix.
    pub fn value(self) -> u64 {
        let mut value = self.0;
        value = (value ^ (value >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
        value ^ (value >> 33)
    }
}
