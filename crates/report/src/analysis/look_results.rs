//! Measurements and results of the tests of the samples declared so far.

use std::sync::Arc;

use pathway::DistanceChange;

use super::{
    job::Job,
    looks::Look,
    measure::{Grouping, Key, Kind, Measurement, MeasurementId, Quantity},
};
use crate::model::Group;

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
        let (quantity, samples) = (self.look_quantity(), Arc::clone(&look.samples));
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
