//! Cache of results, keyed by everything they depend on: a changed setting or a new checkpoint
//! recomputes only what depends on it.

use std::{collections::BTreeMap, rc::Rc, sync::Arc};

use pathway::UnitSum;
use trace::BadSample;

use super::{
    digest::Digest,
    measure::{Key, Measured},
    run::BadSamples,
    selections::Selections,
};
use crate::derive::Relation;

/// Results computed so far.
#[derive(Debug, Default)]
pub struct Cache {
    /// Digests by file, with the fingerprint of the run's samples and thresholds.
    digests: BTreeMap<usize, (u64, Arc<Digest>)>,
    /// Selections by file and fingerprint of domains and other checkpoints.
    selections: BTreeMap<(usize, u64), Rc<Vec<Selections>>>,
    /// Effective dimensions by file and fingerprint of group and ridge.
    spectra: BTreeMap<(usize, u64), Rc<pathway::EffectiveDimension>>,
    /// Sums of unit vectors by file and fingerprint of the group.
    unit_sums: BTreeMap<(usize, u64), Rc<UnitSum>>,
    /// Cosines of samples with groups of items, by file and fingerprint of both.
    cosines: BTreeMap<(usize, u64), Rc<Vec<f64>>>,
    /// Measured distances.
    measured: BTreeMap<Key, Rc<Measured>>,
    /// Relations to accuracy by fingerprint of course, accuracy and clock.
    relations: BTreeMap<u64, Relation>,
    bad_samples: BadSamples,
}

impl Cache {
    pub fn digest(&self, file: usize, of: u64) -> Option<Arc<Digest>> {
        self.digests
            .get(&file)
            .filter(|(fingerprint, _)| *fingerprint == of)
            .map(|(_, digest)| Arc::clone(digest))
    }

    pub fn put_digest(&mut self, file: usize, of: u64, digest: Digest) {
        self.digests.insert(file, (of, Arc::new(digest)));
    }

    /// One entry per domain; empty if the trace has no selections.
    pub fn selections(&self, file: usize, of: u64) -> Option<Rc<Vec<Selections>>> {
        self.selections.get(&(file, of)).cloned()
    }

    pub fn put_selections(&mut self, file: usize, of: u64, selections: Vec<Selections>) {
        self.selections.retain(|&(old, _), _| old != file);
        self.selections.insert((file, of), Rc::new(selections));
    }

    pub fn spectrum(&self, file: usize, of: u64) -> Option<Rc<pathway::EffectiveDimension>> {
        self.spectra.get(&(file, of)).cloned()
    }

    pub fn put_spectrum(&mut self, file: usize, of: u64, spectrum: pathway::EffectiveDimension) {
        self.spectra.insert((file, of), Rc::new(spectrum));
    }

    pub fn unit_sum(&self, file: usize, of: u64) -> Option<Rc<UnitSum>> {
        self.unit_sums.get(&(file, of)).cloned()
    }

    pub fn put_unit_sum(&mut self, file: usize, of: u64, sum: UnitSum) {
        self.unit_sums.insert((file, of), Rc::new(sum));
    }

    pub fn cosines(&self, file: usize, of: u64) -> Option<Rc<Vec<f64>>> {
        self.cosines.get(&(file, of)).cloned()
    }

    pub fn put_cosines(&mut self, file: usize, of: u64, cosines: Vec<f64>) {
        self.cosines.insert((file, of), Rc::new(cosines));
    }

    pub fn measured(&self, key: Key) -> Option<Rc<Measured>> {
        self.measured.get(&key).cloned()
    }

    pub fn put_measured(&mut self, key: Key, measured: Measured) {
        self.measured.insert(key, Rc::new(measured));
    }

    pub fn relation(&self, of: u64) -> Option<Relation> {
        self.relations.get(&of).copied()
    }

    pub fn put_relation(&mut self, of: u64, found: Relation) {
        self.relations.insert(of, found);
    }

    pub fn bad_samples(&self) -> &BadSamples {
        &self.bad_samples
    }

    pub fn put_bad_samples(&mut self, file: usize, step: u64, bad: Vec<BadSample>) {
        self.bad_samples.insert((file, step), bad);
    }

    /// Removes the results of a file.
    pub fn forget(&mut self, file: usize) {
        self.bad_samples.retain(|&(old, _), _| old != file);
        self.digests.remove(&file);
        self.selections.retain(|&(old, _), _| old != file);
        self.spectra.retain(|&(old, _), _| old != file);
        self.unit_sums.retain(|&(old, _), _| old != file);
        self.cosines.retain(|&(old, _), _| old != file);
        self.measured.retain(|key, _| key.file() != file);
    }
}
