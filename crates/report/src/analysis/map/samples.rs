//! Who is on a map.

use std::rc::Rc;

use serde::{Deserialize, Serialize};

use super::limits::MOST_SAMPLES;
use crate::{
    analysis::{Analysis, Run, plan::plan},
    error::Error,
    model::Group,
    settings::Settings,
};

/// Which samples a map is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MapScope {
    /// The domain; all of them where none is named.
    pub domain: Option<String>,
    /// Which samples of it.
    pub group: Group,
}

/// The samples of a map, in the order of the run.
#[derive(Clone, Debug)]
pub struct MapSamples {
    /// Their indices in the run, ascending.
    pub samples: Rc<[u32]>,
    /// For each the index of its domain.
    pub domains: Vec<usize>,
    /// For each its memorization step, as index of a checkpoint.
    pub t_star: Vec<Option<usize>>,
    /// How many the group has.
    pub of: usize,
}

impl Analysis {
    /// Chooses the samples of a map: the whole group, or [`MOST_SAMPLES`] at even distances of a larger one.
    ///
    /// # Errors
    /// [`Error::NoMap`] when the run has no such domain or the group has fewer than two samples.
    pub fn map_samples(&self, run: &Run, settings: &Settings, scope: &MapScope) -> Result<MapSamples, Error> {
        let plan = plan(run, settings);
        let mut found: Vec<(u32, usize, Option<usize>)> = Vec::new();
        for (index, (domain, planned)) in run.domains.iter().zip(&plan.domains).enumerate() {
            if scope.domain.as_ref().is_some_and(|wanted| *wanted != domain.name) {
                continue;
            }
            let Some(members) = planned.group(scope.group) else { continue };
            let all = domain.samples.iter().zip(&planned.t_star);
            let of_group = all.filter(|(sample, _)| members.samples.binary_search(sample).is_ok());
            found.extend(of_group.map(|(&sample, &t_star)| (sample, index, t_star)));
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
    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.samples.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.samples.is_empty()
    }
}
