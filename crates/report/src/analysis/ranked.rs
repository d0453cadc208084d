//! What is computed for each sample of a checkpoint alone: its ranking, entropy and consistency.

use std::sync::Arc;

use pathway::{Ranking, RouterGram, SampleConsistency};

use super::block::Sample;
use crate::{error::Error, work};

/// Samples of one piece of work.
const SAMPLES_AT_ONCE: usize = 64;

/// An error, and the place of its sample among those that were added.
pub type Failure = (usize, pathway::Error);

/// Results of single samples, in the order in which they were added.
#[derive(Debug)]
pub struct Ranked {
    /// Pathways.
    pub ranking: Ranking,
    /// Consistency of each sample; empty without router matrices.
    pub consistency: Vec<SampleConsistency>,
    /// Entropy of the mean gates, `[S, L]`, nats.
    pub entropy: Vec<f64>,
    rule: Arc<Rule>,
}

/// How samples are ranked.
#[derive(Debug)]
struct Rule {
    /// Whether the gates are selection frequencies.
    frequency: bool,
    gram: Option<RouterGram>,
}

impl Ranked {
    /// Results of no samples.
    ///
    /// # Errors
    /// Those of [`Ranking::new`].
    pub fn new(
        (layers, experts): (usize, usize),
        taus: &[f64],
        frequency: bool,
        gram: Option<RouterGram>,
    ) -> Result<Self, Error> {
        let (consistency, entropy) = (Vec::new(), Vec::new());
        let rule = Arc::new(Rule { frequency, gram });
        Ok(Self { ranking: Ranking::new(layers, experts, taus)?, consistency, entropy, rule })
    }

    /// Whether there are router matrices.
    pub fn has_routers(&self) -> bool {
        self.rule.gram.is_some()
    }

    /// Adds samples.
    ///
    /// # Errors
    /// The first sample that cannot be ranked.
    pub fn push(&mut self, samples: &[Sample<'_>]) -> Result<(), Failure> {
        if samples.len() <= SAMPLES_AT_ONCE || !work::PARALLEL {
            return self.push_here(samples, 0);
        }
        let pieces = work::map_range(0..samples.len().div_ceil(SAMPLES_AT_ONCE), |piece| {
            let start = piece * SAMPLES_AT_ONCE;
            let end = (start + SAMPLES_AT_ONCE).min(samples.len());
            let (consistency, entropy) = (Vec::new(), Vec::new());
            let ranking = self.ranking.emptied();
            let mut ranked = Self { ranking, consistency, entropy, rule: Arc::clone(&self.rule) };
            ranked.push_here(&samples[start..end], start).map(|()| ranked)
        });
        for piece in pieces {
            let piece = piece?;
            self.ranking.append(&piece.ranking);
            self.consistency.extend(piece.consistency);
            self.entropy.extend(piece.entropy);
        }
        Ok(())
    }

    /// Adds samples on this thread; the first one has the place `start`.
    fn push_here(&mut self, samples: &[Sample<'_>], start: usize) -> Result<(), Failure> {
        for (place, sample) in samples.iter().enumerate() {
            self.push_one(sample).map_err(|error| (start + place, error))?;
        }
        Ok(())
    }

    fn push_one(&mut self, sample: &Sample<'_>) -> Result<(), pathway::Error> {
        let &Sample { gates, counts, .. } = sample;
        match counts {
            Some(counts) => self.ranking.push_counts(counts.values, counts.k, counts.tokens)?,
            None if self.rule.frequency => self.ranking.push_frequencies(gates)?,
            None => self.ranking.push_sample(gates)?,
        }
        if let Some(gram) = &self.rule.gram {
            let found = pathway::sample_consistency(gates, gram)?;
            // Cosines are not used in figures of groups, and would be most of a digest.
            self.consistency.push(SampleConsistency { cosines: Vec::new(), ..found });
        }
        pathway::entropy_by_layer(gates, self.ranking.experts(), &mut self.entropy);
        Ok(())
    }
}
