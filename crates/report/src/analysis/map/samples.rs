//! Samples of a map.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::limits::MOST_SAMPLES;
use crate::{
    analysis::{Analysis, Run, plan::plan},
    error::Error,
    model::Group,
    settings::Settings,
};

/// Scope of a map.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MapScope {
    /// The domain; all domains if absent.
    pub domain: Option<String>,
    /// Group of samples.
    pub group: Group,
}

/// The samples of a map, in the order of the run.
#[derive(Clone, Debug)]
pub struct MapSamples {
    /// Indices in the run, ascending.
    pub samples: Arc<[u32]>,
    /// Domain index of each sample.
    pub domains: Vec<usize>,
    /// Memorization step of each sample, as index of a checkpoint.
    pub t_star: Vec<Option<usize>>,
    /// Size of the group.
    pub of: usize,
}

impl Analysis {
    /// Selects the samples of a map: the whole group, or [`MOST_SAMPLES`] evenly spaced ones of a
    /// larger group.
    ///
    /// # Errors
    /// [`Error::NoMap`] if the run has no such domain or the group has fewer than two samples.
    pub fn map_samples(&self, run: &Run, settings: &Settings, scope: &MapScope) -> Result<MapSamples, Error> {
        let plan = plan(run, settings);
        let mut found: Vec<(u32, usize, Option<usize>)> = Vec::new();
        for (index, (domain, planned)) in run.domains.iter().zip(&plan.domains).enumerate() {
            if scope.domain.as_ref().is_some_and(|wanted| *wanted != domain.name) {
                continue;
            }
            let Some(members) = planned.group(scope.group) else { continue };
            let all = domain.samples.iter().zip(&planned.memorization.steps);
            let of_group = all.filter(|(sample, _)| members.samples.binary_search(sample).is_ok());
            found.extend(of_group.map(|(&sample, &step)| (sample, index, step)));
        }
        found.sort_unstable();
        let of = found.len();
        if of < 2 {
            let domain =
                scope.domain.as_ref().map_or_else(|| "the run".to_owned(), |name| format!("{name:?}"));
            let group = match scope.group {
                Group::All => "",
                Group::Memorized => " memorized",
            };
            return Err(Error::NoMap { reason: format!("{domain} has fewer than two{group} samples") });
        }
        if of > MOST_SAMPLES {
            found = (0..MOST_SAMPLES).filter_map(|at| found.get(at * of / MOST_SAMPLES).copied()).collect();
        }
        Ok(MapSamples {
            samples: found.iter().map(|(sample, ..)| *sample).collect(),
            domains: found.iter().map(|(_, domain, _)| *domain).collect(),
            t_star: found.iter().map(|(.., t_star)| *t_star).collect(),
            of,
        })
    }
}

impl MapSamples {
    /// Number of samples.
    #[must_use]
    pub fn len(&self) -> usize {
        self.samples.len()
    }

    /// Whether there are no samples.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.samples.is_empty()
    }
}
