//! Alignment of the pathways of two samples at every checkpoint. It needs the traces, not only the
//! report.

use pathway::Edit;

use super::{Analysis, Distances, Run, measure::tau_index};
use crate::{
    error::Error,
    model::Group,
    settings::{Settings, Unit},
};

/// Choice of two samples.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PairOfSamples {
    /// Two samples by index in the run.
    These(usize, usize),
    /// Two random samples of a domain.
    Random {
        /// The domain.
        domain: String,
        /// Seed of the draw.
        seed: u64,
    },
    /// The pair with the smallest measured distance of a domain.
    Nearest {
        /// The domain.
        domain: String,
    },
    /// The pair with the largest measured distance of a domain.
    Farthest {
        /// The domain.
        domain: String,
    },
}

/// Aligned pathways of two samples at one checkpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlignedPair {
    /// Training step.
    pub step: u64,
    /// Distance of the complete pathways, in symbols.
    pub distance: u32,
    /// One edit script per layer, from the first pathway to the second.
    pub layers: Vec<Vec<Edit>>,
}

impl Analysis {
    /// Chooses two samples of a run; nearest and farthest pairs by distance at `checkpoint`.
    ///
    /// # Errors
    /// [`Error::NoPair`] if the domain has fewer than two samples or is not analyzed yet; errors of
    /// the host.
    pub async fn choose(
        &self,
        run: &Run,
        settings: &Settings,
        choice: &PairOfSamples,
        checkpoint: usize,
        distances: &dyn Distances,
    ) -> Result<(usize, usize), Error> {
        let domain_of = |name: &str| {
            let at = run.domains.iter().position(|domain| domain.name == name);
            at.ok_or_else(|| Error::NoPair { reason: format!("the run has no domain {name:?}") })
        };
        match choice {
            PairOfSamples::These(a, b) => {
                let samples = run.samples.len();
                if *a < samples && *b < samples && a != b {
                    Ok((*a, *b))
                } else {
                    Err(Error::NoPair {
                        reason: format!("{a} and {b} are not two different samples of the run's {samples}"),
                    })
                }
            }
            PairOfSamples::Random { domain, seed } => {
                let members = &run.domains[domain_of(domain)?].samples;
                match pathway::sample_pairs(members.len(), 1, *seed).first() {
                    Some(&(a, b)) => Ok((members[a as usize] as usize, members[b as usize] as usize)),
                    None => Err(Error::NoPair { reason: format!("{domain:?} has fewer than two samples") }),
                }
            }
            PairOfSamples::Nearest { domain } | PairOfSamples::Farthest { domain } => {
                let nearest = matches!(choice, PairOfSamples::Nearest { .. });
                let index = domain_of(domain)?;
                let unknown = || Error::NoPair { reason: format!("{domain:?} is not analyzed yet") };
                let digest = self.digest(run, settings, checkpoint).ok_or_else(unknown)?;
                let plan = super::plan::plan(run, settings);
                let members = plan.domains[index].group(Group::All).ok_or_else(unknown)?;
                let tau = tau_index(&digest, settings.tau)?;
                let sequences = std::rc::Rc::new(match settings.unit {
                    Unit::Symbol => digest.ranking.symbols(tau, &members.samples),
                    Unit::Character => digest.ranking.characters(tau, &members.samples),
                });
                let found = distances.pairs(sequences, std::sync::Arc::clone(&members.main.pairs)).await?;
                let measured = members.main.pairs.iter().zip(&found);
                // Ties take the first pair, so that the choice is reproducible.
                let best = if nearest {
                    measured.min_by_key(|&(pair, distance)| (*distance, *pair))
                } else {
                    measured.min_by_key(|&(pair, distance)| (u32::MAX - *distance, *pair))
                };
                let (&(a, b), _) = best.ok_or_else(|| Error::NoPair {
                    reason: format!("{domain:?} has fewer than two samples"),
                })?;
                Ok((members.samples[a as usize] as usize, members.samples[b as usize] as usize))
            }
        }
    }

    /// Aligns the pathways of two samples at every analyzed checkpoint, layer by layer.
    #[must_use]
    pub fn align(&self, run: &Run, settings: &Settings, a: usize, b: usize) -> Vec<AlignedPair> {
        let both = [a as u32, b as u32];
        if run.samples.len() <= a.max(b) {
            return Vec::new();
        }
        let checkpoints = run.checkpoints.iter().enumerate();
        checkpoints
            .filter_map(|(index, checkpoint)| {
                let digest = self.digest(run, settings, index)?;
                let tau = tau_index(&digest, settings.tau).ok()?;
                let whole = digest.ranking.symbols(tau, &both);
                let layers = (0..run.layers).map(|layer| {
                    let lists = digest.ranking.layer(tau, layer, &both);
                    pathway::align(lists.get(0), lists.get(1)).ok()
                });
                Some(AlignedPair {
                    step: checkpoint.step,
                    distance: levenshtein::distance(whole.get(0), whole.get(1)),
                    layers: layers.collect::<Option<_>>()?,
                })
            })
            .collect()
    }
}
