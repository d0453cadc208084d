//! Tests of the distance of the samples declared so far, against its value at a reference
//! checkpoint (docs/metrics.md#state-of-a-domain). Samples and pairs of a test depend only on the
//! checkpoints up to it and the seed.

use std::rc::Rc;

use pathway::DistanceChange;

use super::{
    draw::Draw,
    job::Job,
    measure::{Grouping, Key, Kind, Measurement, MeasurementId, Quantity},
    memorization::MemorizationPlan,
};
use crate::model::Group;

/// Distance of the seed of these tests' pairs from that of a domain's other pairs.
pub const LOOKS_SEED: u64 = 500_000_000;

/// Test of the distance at one checkpoint.
#[derive(Clone, Debug)]
pub struct Look {
    /// The checkpoint.
    pub at: usize,
    /// Earlier checkpoint to compare with.
    pub reference: usize,
    /// Samples of the run declared by the checkpoint, ascending.
    pub samples: Rc<[u32]>,
    /// Choice of their pairs.
    pub draw: Draw,
}

/// Plans the tests of a domain with these samples of the run. `draw` chooses pairs of a number of
/// samples.
pub fn looks(memorization: &MemorizationPlan, samples: &[u32], draw: impl Fn(usize) -> Draw) -> Vec<Look> {
    let mut looks: Vec<Look> = Vec::new();
    for (at, plan) in memorization.looks.iter().enumerate() {
        let Some(reference) = plan.reference.filter(|_| plan.tested) else { continue };
        // Samples are only added, so an equal number means equal samples.
        let same = looks.last().filter(|last| last.samples.len() == plan.declared);
        let members: Rc<[u32]> = match same {
            Some(last) => Rc::clone(&last.samples),
            None => {
                let declared = samples.iter().zip(&memorization.causal);
                let by_now = declared.filter(|(_, step)| step.is_some_and(|step| step.declared <= at));
                by_now.map(|(&sample, _)| sample).collect()
            }
        };
        looks.push(Look { at, reference, draw: draw(members.len()), samples: members });
    }
    looks
}

impl Job<'_> {
    /// Measurements of a checkpoint's tests that are not in the cache, each with the checkpoint at
    /// which its samples are measured.
    pub fn missing_looks(&self, checkpoint: usize) -> Vec<(Measurement, usize)> {
        let mut missing = Vec::new();
        for (domain, look) in self.looks_at(checkpoint) {
            for at in [look.reference, look.at] {
                if self.cache.borrow().measured(self.look_key(look, at)).is_none() {
                    missing.push((self.look_measurement(domain, look), at));
                }
            }
        }
        missing
    }

    /// Keys of the results of a checkpoint's tests, each with its number of pairs.
    pub fn look_keys(&self, checkpoint: usize) -> impl Iterator<Item = (Key, u64)> {
        let places =
            self.looks_at(checkpoint).flat_map(|(_, look)| [(look, look.reference), (look, look.at)]);
        places.map(|(look, at)| (self.look_key(look, at), look.draw.pair_count()))
    }

    /// Change of a test's distance since its reference; `None` if it is undefined or not measured.
    pub fn look_change(&self, look: &Look) -> Option<DistanceChange> {
        let measured = |at: usize| self.cache.borrow().measured(self.look_key(look, at));
        let (from, to) = (measured(look.reference)?, measured(look.at)?);
        pathway::distance_change(from.sums()?, to.sums()?)
    }

    /// Tests of a checkpoint, each with the index of its domain.
    fn looks_at(&self, checkpoint: usize) -> impl Iterator<Item = (usize, &Look)> {
        let looks = self
            .plan
            .domains
            .iter()
            .enumerate()
            .flat_map(|(domain, plan)| plan.looks.iter().map(move |look| (domain, look)));
        looks.filter(move |(_, look)| look.at == checkpoint)
    }

    fn look_measurement(&self, domain: usize, look: &Look) -> Measurement {
        let id = MeasurementId { domain, group: Group::Memorized, kind: Kind::Declared { by: look.at } };
        let (quantity, samples) = (self.look_quantity(), Rc::clone(&look.samples));
        Measurement::new(id, quantity, samples, look.draw.pairs(), Grouping::One, self.samples_of_run)
    }

    fn look_key(&self, look: &Look, at: usize) -> Key {
        let (quantity, print) = (self.look_quantity(), look.draw.print());
        let run = self.samples_of_run;
        let fingerprint = Measurement::fingerprint(quantity, &look.samples, print, &Grouping::One, run);
        Key::new(self.run.checkpoints[at].file, fingerprint)
    }

    fn look_quantity(&self) -> Quantity {
        Quantity::Pathways { tau: self.settings.tau, unit: self.settings.unit }
    }
}
