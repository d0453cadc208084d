//! Composes the part of a report on one domain, except its courses.

use std::{rc::Rc, sync::Arc};

use crate::{
    analysis::{
        digest::Digest,
        job::Job,
        measure::{Kind, Measured, MeasurementId},
        selections::Selections,
    },
    model::{CoactivationPair, Domain, Group, Series},
};

/// Co-activations listed per layer.
const STRONGEST: usize = 8;

/// Least selections of an expert in the co-activations: shares of rarer experts are mostly noise.
const LEAST_SELECTED: u64 = 10;

/// Composes one domain of a job.
pub(super) struct DomainComposer<'a> {
    pub(super) job: &'a Job<'a>,
    /// Index of the domain.
    pub(super) index: usize,
    /// Number of checkpoints, `C`.
    pub(super) checkpoints: usize,
    /// Digest of each checkpoint, `[C]`.
    pub(super) digests: Vec<Option<Arc<Digest>>>,
}

impl<'a> DomainComposer<'a> {
    pub(super) fn new(job: &'a Job<'a>, index: usize) -> Self {
        let checkpoints = job.run.checkpoints.len();
        Self { job, index, checkpoints, digests: (0..checkpoints).map(|c| job.digest(c)).collect() }
    }

    /// The domain so far, without delays and correlations.
    pub(super) fn domain(&self) -> Domain {
        let of_run = &self.job.run.domains[self.index];
        Domain {
            name: of_run.name.clone(),
            samples: of_run.samples.len(),
            items: of_run.items.len(),
            memorization: self.memorization(),
            generalization: self.generalization(),
            states: self.states(),
            expert_selections: self.expert_selections(),
            coactivation: self.coactivation(),
            delays: None,
            correlations: Vec::new(),
            clock: None,
            changes: Vec::new(),
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.job.run.domains[self.index].name
    }

    /// Results of a measurement at all checkpoints, `[C]`.
    pub(super) fn results(&self, group: Group, kind: Kind) -> Vec<Option<Rc<Measured>>> {
        let id = MeasurementId { domain: self.index, group, kind };
        (0..self.checkpoints).map(|checkpoint| self.job.result(id, checkpoint)).collect()
    }

    /// One figure per checkpoint, `[C]`.
    pub(super) fn series(&self, figure: impl FnMut(usize) -> Option<f64>) -> Series {
        (0..self.checkpoints).map(figure).collect()
    }

    pub(super) fn samples(&self) -> &[u32] {
        &self.job.run.domains[self.index].samples
    }

    /// Whether each item of the domain is correct at each checkpoint, `[item][C]`.
    pub(super) fn correct(&self) -> Vec<Vec<Option<bool>>> {
        self.job.correct(self.index)
    }

    /// A result of the selections of experts at each checkpoint, `[C]`.
    pub(super) fn selections<T>(&self, of: impl Fn(&Selections) -> Option<T>) -> Vec<Option<T>> {
        let checkpoints = self.job.run.checkpoints.iter().enumerate();
        checkpoints
            .map(|(checkpoint, at)| {
                let print = self.job.selections_fingerprint(checkpoint);
                let found = self.job.cache.borrow().selections(at.file, print)?;
                found.get(self.index).and_then(&of)
            })
            .collect()
    }

    /// Strongest co-activations at the last checkpoint with any, one list per layer.
    fn coactivation(&self) -> Vec<Vec<CoactivationPair>> {
        let found = self.selections(|found| {
            let coactivation = found.coactivation.as_ref()?;
            let strongest = |layer| {
                let listed = coactivation.strongest(layer, STRONGEST, LEAST_SELECTED).into_iter();
                let pair = |pair: pathway::CoactivationPair| CoactivationPair {
                    first: pair.first,
                    second: pair.second,
                    probability: pair.probability,
                };
                listed.map(pair).collect()
            };
            Some((0..self.job.run.layers).map(strongest).collect())
        });
        found.into_iter().flatten().next_back().unwrap_or_default()
    }

    /// Selections of every expert per checkpoint, `[C]` of `[L][E]`; empty if no trace has expert
    /// ids.
    fn expert_selections(&self) -> Vec<Option<Vec<Vec<u64>>>> {
        let found = self.selections(|found| {
            Some(found.load.counts().chunks(self.job.run.experts.max(1)).map(<[u64]>::to_vec).collect())
        });
        if found.iter().all(Option::is_none) { Vec::new() } else { found }
    }
}
