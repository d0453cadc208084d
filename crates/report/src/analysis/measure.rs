//! A measurement: builds sequences, lets the host compute their distances, and summarizes them.
//! Each has a key, so that nothing is measured twice.

use std::{rc::Rc, sync::Arc};

use levenshtein::Sequences;
use pathway::{CrossDistance, GroupDistance, PairSums};

use super::{
    digest::Digest,
    draw::PairSet,
    fingerprint::Fingerprint,
    host::{Direct, Distances, Pairs},
};
use crate::{error::Error, model::Group, settings::Unit};

/// Identifies a measurement within a run and its settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct MeasurementId {
    /// Index of the domain; of the first of two.
    pub domain: usize,
    /// Samples that are measured.
    pub group: Group,
    /// Quantity that is measured.
    pub kind: Kind,
}

/// The quantity of a measurement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Pathway distances at the settings' threshold.
    Distance,
    /// Pathway distances between random pathways of equal lengths; one of several draws.
    Null {
        /// Index of the draw.
        replicate: u64,
    },
    /// Pathway distances between random pathways of equal lengths whose experts are as popular as in
    /// the domain; one of several draws.
    LoadNull {
        /// Index of the draw.
        replicate: u64,
    },
    /// Distances between the expert lists of one layer.
    Layer {
        /// Index of the layer.
        layer: usize,
    },
    /// Pathway distances at another threshold.
    Threshold {
        /// Index in [`Measurements::thresholds`](super::measurements::Measurements::thresholds).
        at: usize,
    },
    /// Pathway distances within each group of equal memorization step.
    TStar,
    /// Pathway distances between the samples declared by a checkpoint.
    Declared {
        /// Index of that checkpoint.
        by: usize,
    },
    /// Pathway distances to the samples of another domain.
    OtherDomain {
        /// Index of that domain.
        second: usize,
    },
}

/// Quantity of a measurement with its parameters.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Quantity {
    /// Distances between pathways at a threshold.
    Pathways {
        /// The threshold.
        tau: f64,
        /// Unit of the distances.
        unit: Unit,
    },
    /// Distances between random pathways of the same lengths.
    Null {
        /// The threshold.
        tau: f64,
        /// Unit of the distances.
        unit: Unit,
        /// Seed of the draw.
        seed: u64,
    },
    /// Distances between random pathways of the same lengths, whose experts are as popular as in a
    /// domain.
    LoadNull {
        /// The threshold.
        tau: f64,
        /// Unit of the distances.
        unit: Unit,
        /// Seed of the draw.
        seed: u64,
        /// Index of the domain.
        domain: usize,
    },
    /// Distances between the expert lists of one layer.
    Layer {
        /// The threshold.
        tau: f64,
        /// The layer.
        layer: usize,
    },
}

/// Definition of a measurement, the same at every checkpoint.
#[derive(Clone, Debug)]
pub struct Measurement {
    /// Id within the run and its settings.
    pub id: MeasurementId,
    /// Measured quantity.
    pub quantity: Quantity,
    /// The samples.
    pub samples: Arc<[u32]>,
    /// Pairs of indices into `samples`.
    pub pairs: PairSet,
    /// How the samples are grouped.
    pub grouping: Grouping,
    /// Fingerprint of everything that the result depends on, except the checkpoint.
    fingerprint: u64,
}

/// Grouping of the samples of a measurement.
#[derive(Clone, Debug)]
pub enum Grouping {
    /// One group.
    One,
    /// Two groups; pairs are `(row, column)`.
    Two {
        /// Number of samples of the first group.
        rows: usize,
    },
    /// Many separate groups, of which only means are computed.
    Many {
        /// End of each group's pairs.
        ends: Arc<[usize]>,
    },
}

/// Result of a measurement.
#[derive(Clone, Debug)]
pub enum Measured {
    /// Statistics of one group; for distances between pathways also the sums of each sample, from
    /// which changes between checkpoints follow.
    Group(GroupDistance, Option<PairSums>),
    /// Statistics between two groups.
    Cross(CrossDistance),
    /// Mean distance within each of many groups.
    Means(Vec<Option<f64>>),
}

impl Measured {
    /// Statistics of one group.
    pub fn group(&self) -> Option<&GroupDistance> {
        match self {
            Self::Group(group, _) => Some(group),
            _ => None,
        }
    }

    /// Sums of each sample of one group, for distances between pathways.
    pub fn sums(&self) -> Option<&PairSums> {
        match self {
            Self::Group(_, sums) => sums.as_ref(),
            _ => None,
        }
    }

    /// Mean of one of many groups.
    pub fn mean_of(&self, group: usize) -> Option<f64> {
        match self {
            Self::Means(means) => means.get(group).copied().flatten(),
            _ => None,
        }
    }

    /// Statistics between two groups.
    pub fn cross(&self) -> Option<&CrossDistance> {
        match self {
            Self::Cross(cross) => Some(cross),
            _ => None,
        }
    }
}

/// Cache key: identifies a measurement by everything that its result depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    /// File of the checkpoint.
    file: usize,
    /// Fingerprint of everything else.
    fingerprint: u64,
}

impl Key {
    /// Key of a result with that fingerprint at the checkpoint of a file.
    pub fn new(file: usize, fingerprint: u64) -> Self {
        Self { file, fingerprint }
    }

    /// File of the checkpoint.
    pub fn file(self) -> usize {
        self.file
    }
}

impl Measurement {
    /// Creates a measurement of a run whose samples have the fingerprint `run`.
    pub fn new(
        id: MeasurementId,
        quantity: Quantity,
        samples: Arc<[u32]>,
        pairs: PairSet,
        grouping: Grouping,
        run: u64,
    ) -> Self {
        let fingerprint = Self::fingerprint(quantity, &samples, pairs.print, &grouping, run);
        Self { id, quantity, samples, pairs, grouping, fingerprint }
    }

    /// Fingerprint of everything that a result depends on, except the checkpoint; `pairs` is that
    /// of the pairs.
    pub fn fingerprint(
        quantity: Quantity,
        samples: &[u32],
        pairs: u64,
        grouping: &Grouping,
        run: u64,
    ) -> u64 {
        let mut mix = Fingerprint::new();
        mix.add(run);
        let (kind, tau, unit, extra) = match quantity {
            Quantity::Pathways { tau, unit } => (0, tau, unit, 0),
            Quantity::Null { tau, unit, seed } => (1, tau, unit, seed),
            Quantity::Layer { tau, layer } => (2, tau, Unit::Symbol, layer as u64),
            // The samples are all of the domain, so they stand for it.
            Quantity::LoadNull { tau, unit, seed, .. } => (3, tau, unit, seed),
        };
        mix.add(kind);
        mix.add(tau.to_bits());
        mix.add(unit as u64);
        mix.add(extra);
        mix.add(match grouping {
            Grouping::One => u64::MAX,
            Grouping::Two { rows } => *rows as u64,
            // The number of pairs per group is part of the pairs' fingerprint.
            Grouping::Many { .. } => u64::MAX - 1,
        });
        mix.add_all(samples);
        mix.add(pairs);
        mix.value()
    }

    /// Cache key at the checkpoint of a file.
    pub fn key(&self, file: usize) -> Key {
        Key { file, fingerprint: self.fingerprint }
    }

    /// Measures at the checkpoint of the digest.
    pub async fn measure(&self, digest: &Digest, distances: &dyn Distances) -> Result<Measured, Error> {
        let Written { sequences, pairs, named } = self.written(digest)?;
        let sequences = Rc::new(sequences);
        let found =
            if pairs.is_empty() { Vec::new() } else { distances.pairs(Rc::clone(&sequences), pairs).await? };
        self.summary(&sequences, named.as_deref(), &found)
    }

    /// Measures at the checkpoint of the digest, on the threads of this process.
    pub fn measure_directly(&self, digest: &Digest, distances: Direct) -> Result<Measured, Error> {
        let Written { sequences, pairs, named } = self.written(digest)?;
        let found = if pairs.is_empty() { Vec::new() } else { distances(&sequences, &pairs)? };
        self.summary(&sequences, named.as_deref(), &found)
    }

    /// Most bytes that a measurement has in memory, for that many experts of all layers.
    pub fn bytes(&self, width: usize) -> usize {
        let pairs = self.pairs.pairs.len();
        // A sequence is written, numbered anew and sorted; a pair has its distance and its statistics.
        self.samples.len().min(2 * pairs).saturating_mul(6 * width).saturating_add(40 * pairs)
    }

    /// Statistics of the distances of the pairs.
    fn summary(
        &self,
        sequences: &Sequences,
        named: Option<&[u32]>,
        found: &[u32],
    ) -> Result<Measured, Error> {
        let (samples, pairs) = (self.samples.len(), &self.pairs.pairs);
        Ok(match &self.grouping {
            Grouping::One => {
                let mut lengths = pathway::lengths(sequences);
                if let Some(named) = named {
                    let written = lengths;
                    lengths = vec![0; samples];
                    for (&place, length) in named.iter().zip(written) {
                        lengths[place as usize] = length;
                    }
                }
                let mut group = pathway::group_distance(samples, pairs, found, &lengths)?;
                if named.is_some() {
                    group.length = None;
                }
                let pathways = matches!(self.quantity, Quantity::Pathways { .. });
                let sums = pathways.then(|| PairSums::new(samples, pairs, found)).transpose()?;
                Measured::Group(group, sums)
            }
            &Grouping::Two { rows } => {
                Measured::Cross(pathway::cross_distance(rows, samples - rows, pairs, found)?)
            }
            Grouping::Many { ends } => {
                let starts = std::iter::once(0).chain(ends.iter().copied());
                let parts = starts.zip(&ends[..]).map(|(start, &end)| found.get(start..end).unwrap_or(&[]));
                Measured::Means(parts.map(mean).collect())
            }
        })
    }

    /// Sequences and their pairs.
    fn written(&self, digest: &Digest) -> Result<Written, Error> {
        let named = self.named();
        let Some(named) = named else {
            let pairs = match self.grouping {
                Grouping::One | Grouping::Many { .. } => Arc::clone(&self.pairs.pairs),
                Grouping::Two { .. } => self.pairs_of_samples().collect(),
            };
            return Ok(Written { sequences: self.sequences(digest, &self.samples)?, pairs, named: None });
        };
        let mut place_of = vec![0; self.samples.len()];
        for (place, &sample) in (0_u32..).zip(&named) {
            place_of[sample as usize] = place;
        }
        let place = |sample: u32| place_of[sample as usize];
        let pairs = self.pairs_of_samples().map(|(first, second)| (place(first), place(second))).collect();
        let samples: Vec<u32> = named.iter().map(|&place| self.samples[place as usize]).collect();
        Ok(Written { sequences: self.sequences(digest, &samples)?, pairs, named: Some(named) })
    }

    /// Pairs of places in `samples`.
    fn pairs_of_samples(&self) -> impl Iterator<Item = (u32, u32)> {
        // The samples of the columns follow those of the rows.
        let rows = if let Grouping::Two { rows } = self.grouping { rows as u32 } else { 0 };
        self.pairs.pairs.iter().map(move |&(first, second)| (first, rows + second))
    }

    /// Places of the samples with a pair, ascending. `None` if all samples are written: if all have
    /// a pair, or for the mean length of a group's pathways, which its main measurement gives.
    fn named(&self) -> Option<Vec<u32>> {
        if self.id.kind == Kind::Distance || self.pairs.pairs.is_empty() {
            return None;
        }
        let mut has_pair = vec![false; self.samples.len()];
        for (first, second) in self.pairs_of_samples() {
            for sample in [first, second] {
                if let Some(slot) = has_pair.get_mut(sample as usize) {
                    *slot = true;
                }
            }
        }
        let named: Vec<u32> =
            (0_u32..).zip(has_pair).filter_map(|(place, has)| has.then_some(place)).collect();
        (named.len() < self.samples.len()).then_some(named)
    }

    fn sequences(&self, digest: &Digest, samples: &[u32]) -> Result<Sequences, Error> {
        let ranking = &digest.ranking;
        let tau = match self.quantity {
            Quantity::Pathways { tau, .. }
            | Quantity::Null { tau, .. }
            | Quantity::LoadNull { tau, .. }
            | Quantity::Layer { tau, .. } => tau,
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
            Quantity::LoadNull { unit, seed, domain, .. } => {
                let weights = digest.domain_gates(domain);
                let wanted = vec![true; samples.len()];
                match unit {
                    Unit::Symbol => pathway::load_null_symbols(ranking, at, samples, &wanted, weights, seed)?,
                    Unit::Character => {
                        pathway::load_null_characters(ranking, at, samples, &wanted, weights, seed)?
                    }
                }
            }
            Quantity::Layer { layer, .. } => ranking.layer(at, layer, samples),
        })
    }
}

/// What the host measures.
struct Written {
    sequences: Sequences,
    /// Pairs of sequences.
    pairs: Pairs,
    /// Places of the written samples among all, if some have no pair.
    named: Option<Vec<u32>>,
}

/// Mean of integers; `None` without values.
fn mean(distances: &[u32]) -> Option<f64> {
    let sum: u64 = distances.iter().map(|&distance| u64::from(distance)).sum();
    (!distances.is_empty()).then(|| sum as f64 / distances.len() as f64)
}

/// Index of a threshold in a digest's ranking.
pub fn tau_index(digest: &Digest, tau: f64) -> Result<usize, Error> {
    let known = digest.ranking.tau_index(tau);
    known.ok_or_else(|| Error::Distances { message: format!("no pathways were ranked at tau {tau}") })
}
