//! One measurement of pathways at one checkpoint: sequences are written, the host computes their distances, the
//! distances become statistics. Each has a key, so that nothing is measured twice.

use std::rc::Rc;

use levenshtein::Sequences;
use pathway::{CrossDistance, GroupDistance};

use super::{digest::Digest, host::Distances, plan::PairSet};
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
    /// For two groups against each other: how many of the samples are of the first; pairs are then `(row, column)`.
    pub rows: Option<usize>,
}

/// What came out.
#[derive(Clone, Copy, Debug)]
pub enum Measured {
    /// Of pairs inside one group.
    Group(GroupDistance),
    /// Of two groups against each other.
    Cross(CrossDistance),
}

impl Measured {
    /// The figures of one group.
    pub fn group(&self) -> Option<&GroupDistance> {
        match self {
            Self::Group(group) => Some(group),
            Self::Cross(_) => None,
        }
    }

    /// The figures of two groups against each other.
    pub fn cross(&self) -> Option<&CrossDistance> {
        match self {
            Self::Cross(cross) => Some(cross),
            Self::Group(_) => None,
        }
    }
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
    pub async fn measure(&self, digest: &Digest, distances: &dyn Distances) -> Result<Measured, Error> {
        let sequences = Rc::new(self.sequences(digest)?);
        let pairs = match self.rows {
            None => Rc::clone(&self.pairs.pairs),
            // Columns stand behind the rows among the sequences.
            Some(rows) => self.pairs.pairs.iter().map(|&(row, column)| (row, rows as u32 + column)).collect(),
        };
        let found =
            if pairs.is_empty() { Vec::new() } else { distances.pairs(Rc::clone(&sequences), pairs).await? };
        let samples = self.samples.len();
        Ok(match self.rows {
            None => {
                let lengths = pathway::lengths(&sequences);
                Measured::Group(pathway::group_distance(samples, &self.pairs.pairs, &found, &lengths)?)
            }
            Some(rows) => {
                let columns = samples - rows;
                Measured::Cross(pathway::cross_distance_sampled(rows, columns, &self.pairs.pairs, &found)?)
            }
        })
    }

    fn sequences(&self, digest: &Digest) -> Result<Sequences, Error> {
        let (ranking, samples) = (&digest.ranking, &self.samples);
        let tau = match self.quantity {
            Quantity::Pathways { tau, .. } | Quantity::Null { tau, .. } | Quantity::Layer { tau, .. } => tau,
        };
        let at = tau_index(digest, tau)?;
        Ok(match self.quantity {
            Quantity::Pathways { unit: Unit::Symbol, .. } => ranking.symbols(at, samples),
            Quantity::Pathways { unit: Unit::Character, .. } => ranking.characters(at, samples),
            Quantity::Null { unit: Unit::Symbol, seed, .. } => {
                pathway::null_symbols(ranking, at, samples, seed)
            }
            Quantity::Null { unit: Unit::Character, seed, .. } => {
                pathway::null_characters(ranking, at, samples, seed)
            }
            Quantity::Layer { layer, .. } => ranking.layer(at, layer, samples),
        })
    }
}

/// Where a threshold is in a digest's ranking.
pub fn tau_index(digest: &Digest, tau: f64) -> Result<usize, Error> {
    let known = digest.ranking.tau_index(tau);
    known.ok_or_else(|| Error::Distances { message: format!("no pathways were ranked at tau {tau}") })
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
