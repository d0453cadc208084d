//! One execution of the analysis: the inputs of all its steps, and access to the cache.

use std::{cell::RefCell, collections::BTreeSet, rc::Rc, sync::Arc};

use super::{
    cache::Cache,
    digest::{DigestRequest, GateRequest, MOST_DOMAINS},
    fingerprint::Fingerprint,
    measure::{Key, Measured, Measurement, MeasurementId},
    measurements::Measurements,
    plan::{Plan, plan},
    run::Run,
    selections::Others,
};
use crate::{model::GateKind, settings::Settings};

/// Inputs shared by all steps of one execution of the analysis.
pub(super) struct Job<'a> {
    pub run: &'a Run,
    pub settings: &'a Settings,
    pub plan: Plan,
    pub measurements: Measurements,
    pub title: &'a str,
    /// Thresholds of the ranking: the main one and those of the sweep.
    pub taus: Vec<f64>,
    /// Fingerprint of the run's samples and domains.
    pub samples_of_run: u64,
    pub cache: &'a RefCell<Cache>,
}

impl<'a> Job<'a> {
    pub fn new(cache: &'a RefCell<Cache>, run: &'a Run, settings: &'a Settings, title: &'a str) -> Self {
        let mut taus = settings.sweep.clone();
        taus.push(settings.tau);
        taus.sort_by(f64::total_cmp);
        taus.dedup();
        let mut samples_of_run = Fingerprint::new();
        // A file of ids may have more experts, or another kind of gates, after further files are
        // added.
        samples_of_run.add(run.experts as u64);
        if let Some(at) = run.checkpoints.first() {
            samples_of_run.add(match at.trace.info.gate_kind {
                trace::GateKind::SoftmaxMean => 0,
                trace::GateKind::SelectionFrequency => 1,
                trace::GateKind::SigmoidNormalizedMean => 2,
            });
        }
        for sample in &run.samples {
            samples_of_run.add_text(&sample.id);
            samples_of_run.add_text(&sample.domain);
        }
        // A trace with one file per layer may have more layers after further files are added.
        samples_of_run.add(run.layers as u64);
        samples_of_run.add(run.experts as u64);
        let plan = plan(run, settings);
        let samples_of_run = samples_of_run.value();
        let measurements = Measurements::new(&plan, run.layers, settings, samples_of_run);
        Self { run, settings, plan, measurements, title, taus, samples_of_run, cache }
    }

    pub fn digest_fingerprint(&self) -> u64 {
        let mut mix = Fingerprint::new();
        mix.add(self.samples_of_run);
        for tau in &self.taus {
            mix.add(tau.to_bits());
        }
        mix.add(self.settings.seed);
        mix.value()
    }

    pub fn digest(&self, checkpoint: usize) -> Option<Arc<super::digest::Digest>> {
        let file = self.run.checkpoints[checkpoint].file;
        self.cache.borrow().digest(file, self.digest_fingerprint())
    }

    pub fn spectrum_fingerprint(&self, samples: &[u32]) -> u64 {
        let mut mix = Fingerprint::new();
        mix.add(self.samples_of_run);
        mix.add(self.settings.alpha.to_bits());
        mix.add_all(samples);
        mix.value()
    }

    pub fn unit_sum_fingerprint(&self, samples: &[u32]) -> u64 {
        let mut mix = Fingerprint::new();
        mix.add(self.samples_of_run);
        mix.add_all(samples);
        mix.value()
    }

    pub fn selections_fingerprint(&self, checkpoint: usize) -> u64 {
        let mut mix = Fingerprint::new();
        mix.add(self.samples_of_run);
        if let Some(others) = self.others(checkpoint) {
            for other in [Some(others.last), others.before, others.after] {
                mix.add(other.map_or(u64::MAX, |other| other.file as u64));
            }
        }
        mix.value()
    }

    /// Checkpoints with which the selections of one are compared.
    pub fn others(&self, checkpoint: usize) -> Option<Others<'_>> {
        let all = &self.run.checkpoints;
        Some(Others {
            last: all.last()?,
            before: checkpoint.checked_sub(1).and_then(|before| all.get(before)),
            after: all.get(checkpoint + 1),
        })
    }

    /// Request for the digests, the same for all checkpoints.
    fn digest_request(&self) -> DigestRequest {
        let domains = self.run.domains.len();
        let labels = (domains <= MOST_DOMAINS).then(|| {
            let mut labels = vec![0; self.run.samples.len()];
            for (label, domain) in (0_u16..).zip(&self.run.domains) {
                for &sample in &*domain.samples {
                    labels[sample as usize] = label;
                }
            }
            labels.into()
        });
        DigestRequest { taus: self.taus.clone(), labels, domains, seed: self.settings.seed }
    }

    /// Whether the gates of a checkpoint replace embeddings: only those of the last one, only with
    /// item gates and without text embeddings.
    pub fn has_embedded_groups(&self, checkpoint: usize) -> bool {
        let is_last = checkpoint + 1 == self.run.checkpoints.len();
        is_last && self.run.item_gates.is_some() && self.run.embeddings.is_none()
    }

    /// Groups of equal memorization step whose gates replace embeddings.
    pub fn embedded_groups(&self, checkpoint: usize) -> Vec<Arc<[u32]>> {
        if !self.has_embedded_groups(checkpoint) {
            return Vec::new();
        }
        (0..self.plan.domains.len()).flat_map(|d| self.t_star_groups(d)).map(|(_, samples)| samples).collect()
    }

    /// Samples of a domain by memorization step, ascending; unconfirmed ones only if the settings
    /// include them.
    pub fn t_star_groups(&self, domain: usize) -> Vec<(usize, Arc<[u32]>)> {
        let last = self.run.checkpoints.len().saturating_sub(1);
        let members = &self.run.domains[domain].samples;
        let steps = &self.plan.domains[domain].memorization.steps;
        (0..self.run.checkpoints.len())
            .filter(|&at| at < last || self.settings.unconfirmed)
            .filter_map(|at| {
                let of_step = members.iter().zip(steps).filter(|&(_, &step)| step == Some(at));
                let samples: Arc<[u32]> = of_step.map(|(&sample, _)| sample).collect();
                (!samples.is_empty()).then_some((at, samples))
            })
            .collect()
    }

    /// Results of a checkpoint that are not in the cache.
    pub fn gate_request(&self, checkpoint: usize) -> GateRequest {
        let file = self.run.checkpoints[checkpoint].file;
        let cache = self.cache.borrow();
        let groups = self.plan.domains.iter().flat_map(|domain| &domain.groups);
        GateRequest {
            digest: cache.digest(file, self.digest_fingerprint()).is_none().then(|| self.digest_request()),
            spectra: groups
                .map(|members| Arc::clone(&members.samples))
                .filter(|samples| !samples.is_empty())
                .filter(|samples| cache.spectrum(file, self.spectrum_fingerprint(samples)).is_none())
                .collect(),
            unit_sums: self
                .embedded_groups(checkpoint)
                .into_iter()
                .filter(|samples| cache.unit_sum(file, self.unit_sum_fingerprint(samples)).is_none())
                .collect(),
            cosines: self
                .cosine_requests(checkpoint)
                .into_iter()
                .filter(|request| cache.cosines(file, self.cosine_fingerprint(request)).is_none())
                .collect(),
        }
    }

    /// Bytes to read: of every checkpoint with missing results.
    pub fn missing_bytes(&self) -> u64 {
        (0..self.run.checkpoints.len())
            .filter(|&checkpoint| !self.gate_request(checkpoint).is_empty())
            .map(|checkpoint| self.run.checkpoints[checkpoint].trace.info.bytes)
            .sum()
    }

    /// Result of a measurement at a checkpoint, if it has been measured.
    pub fn result(&self, id: MeasurementId, checkpoint: usize) -> Option<Rc<Measured>> {
        self.known(self.measurements.get(id)?, checkpoint)
    }

    /// Cached result of a measurement at a checkpoint.
    pub fn known(&self, measurement: &Measurement, checkpoint: usize) -> Option<Rc<Measured>> {
        self.cache.borrow().measured(self.key(measurement, checkpoint))
    }

    /// Number of pairs to measure at all checkpoints. A measurement used for two figures counts
    /// once.
    pub fn missing_pairs(&self) -> u64 {
        let mut seen = BTreeSet::new();
        let cache = self.cache.borrow();
        let mut missing = 0;
        for checkpoint in 0..self.run.checkpoints.len() {
            let listed = self.measurements.all().iter();
            let listed = listed
                .map(|listed| (self.key(listed, checkpoint), listed.pairs.pairs.len() as u64))
                .chain(self.look_keys(checkpoint));
            for (key, pairs) in listed {
                if cache.measured(key).is_none() && seen.insert(key) {
                    missing += pairs;
                }
            }
        }
        missing
    }

    pub fn key(&self, measurement: &Measurement, checkpoint: usize) -> Key {
        measurement.key(self.run.checkpoints[checkpoint].file)
    }
}

/// The kind of the run's gates.
pub(super) fn gate_kind(job: &Job<'_>) -> GateKind {
    match job.run.checkpoints.first().map(|at| at.trace.info.gate_kind) {
        Some(trace::GateKind::SelectionFrequency) => GateKind::SelectionFrequency,
        Some(trace::GateKind::SigmoidNormalizedMean) => GateKind::SigmoidNormalizedMean,
        Some(trace::GateKind::SoftmaxMean) | None => GateKind::SoftmaxMean,
    }
}
