//! One run of the analysis: what all its steps look at, what has to be measured for it, and what is known of that.

use std::{cell::RefCell, collections::BTreeSet, rc::Rc};

use super::{
    cache::Cache,
    digest::Wanted,
    fingerprint::Fingerprint,
    measure::{Grouping, Key, Measurement, Quantity},
    plan::{Plan, plan},
    run::Run,
};
use crate::{model::Group, settings::Settings};

/// One run of the analysis: what all its steps look at.
pub(super) struct Job<'a> {
    pub run: &'a Run,
    pub settings: &'a Settings,
    pub plan: Plan,
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
        // A file of ids has more experts, or gates of another kind, once further files are beside it.
        samples_of_run.add(run.experts as u64);
        if let Some(at) = run.checkpoints.first() {
            samples_of_run.add(u64::from(at.trace.info.gate_kind == trace::GateKind::SelectionFrequency));
        }
        for sample in &run.samples {
            samples_of_run.add_text(&sample.id);
            samples_of_run.add_text(&sample.domain);
        }
        // Of a trace in several files, one a layer, there may be more layers now than there were.
        samples_of_run.add(run.layers as u64);
        samples_of_run.add(run.experts as u64);
        let plan = plan(run, settings);
        Self { run, settings, plan, title, taus, samples_of_run: samples_of_run.value(), cache }
    }

    pub fn digest_fingerprint(&self) -> u64 {
        let mut mix = Fingerprint::new();
        mix.add(self.samples_of_run);
        for tau in &self.taus {
            mix.add(tau.to_bits());
        }
        mix.value()
    }

    pub fn digest(&self, checkpoint: usize) -> Option<Rc<super::digest::Digest>> {
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

    pub fn selections_fingerprint(&self) -> u64 {
        let mut mix = Fingerprint::new();
        mix.add(self.samples_of_run);
        if let Some(last) = self.run.checkpoints.last() {
            mix.add(last.file as u64);
        }
        mix.value()
    }

    /// Groups of equal `t*` whose gates stand in for embeddings: only at the last checkpoint, only where item gates
    /// are given and text embeddings are not.
    pub fn embedded_groups(&self, checkpoint: usize) -> Vec<Rc<[u32]>> {
        let is_last = checkpoint + 1 == self.run.checkpoints.len();
        if !is_last || self.run.item_gates.is_none() || self.run.embeddings.is_some() {
            return Vec::new();
        }
        (0..self.plan.domains.len()).flat_map(|d| self.t_star_groups(d)).map(|(_, samples)| samples).collect()
    }

    /// Samples of a domain by `t*`, ascending; unconfirmed ones only when asked for.
    pub fn t_star_groups(&self, domain: usize) -> Vec<(usize, Rc<[u32]>)> {
        let last = self.run.checkpoints.len().saturating_sub(1);
        let (plan, members) = (&self.plan.domains[domain], &self.run.domains[domain].samples);
        (0..self.run.checkpoints.len())
            .filter(|&at| at < last || self.settings.unconfirmed)
            .filter_map(|at| {
                let of_step = members.iter().zip(&plan.t_star).filter(|&(_, &t_star)| t_star == Some(at));
                let samples: Rc<[u32]> = of_step.map(|(&sample, _)| sample).collect();
                (!samples.is_empty()).then_some((at, samples))
            })
            .collect()
    }

    /// What has to be read of a checkpoint that the cache does not have.
    pub fn wanted(&self, checkpoint: usize) -> Wanted {
        let file = self.run.checkpoints[checkpoint].file;
        let cache = self.cache.borrow();
        let groups = self.plan.domains.iter().flat_map(|domain| &domain.groups);
        Wanted {
            digest: cache.digest(file, self.digest_fingerprint()).is_none().then(|| self.taus.clone()),
            spectra: groups
                .map(|members| Rc::clone(&members.samples))
                .filter(|samples| !samples.is_empty())
                .filter(|samples| cache.spectrum(file, self.spectrum_fingerprint(samples)).is_none())
                .collect(),
            unit_sums: self
                .embedded_groups(checkpoint)
                .into_iter()
                .filter(|samples| cache.unit_sum(file, self.unit_sum_fingerprint(samples)).is_none())
                .collect(),
        }
    }

    /// Bytes that will be read: of every checkpoint of which something is missing.
    pub fn missing_bytes(&self) -> u64 {
        (0..self.run.checkpoints.len())
            .filter(|&checkpoint| !self.wanted(checkpoint).is_empty())
            .map(|checkpoint| self.run.checkpoints[checkpoint].trace.info.bytes)
            .sum()
    }

    /// The main figures of a checkpoint: distances of every domain's groups.
    pub fn main_measurements(&self, checkpoint: usize) -> Vec<Measurement> {
        let quantity = Quantity::Pathways { tau: self.settings.tau, unit: self.settings.unit };
        let groups = self.plan.domains.iter().flat_map(|domain| &domain.groups);
        groups
            .map(|members| Measurement {
                checkpoint,
                quantity,
                samples: Rc::clone(&members.samples),
                pairs: members.main.clone(),
                grouping: Grouping::One,
            })
            .collect()
    }

    /// The company of the main figures: null, other thresholds, layers, `t*` groups, domains against each other.
    pub fn side_measurements(&self, checkpoint: usize) -> Vec<Measurement> {
        let mut all = Vec::new();
        for domain in 0..self.plan.domains.len() {
            all.extend(self.null_measurements(checkpoint, domain));
            all.extend((0..self.run.layers).map(|layer| self.layer_measurement(checkpoint, domain, layer)));
            for group in [Group::All, Group::Memorized] {
                let taus = self.settings.sweep.iter().copied();
                all.extend(taus.filter_map(|tau| self.sweep_measurement(checkpoint, domain, group, tau)));
            }
            if !self.plan.domains[domain].by_t_star.groups.is_empty() {
                all.push(self.t_star_measurement(checkpoint, domain));
            }
        }
        all.extend((0..self.plan.cross.len()).map(|at| self.cross_measurement(checkpoint, at)));
        all
    }

    /// Draws of random pathways, as many as make the null's own noise small beside the pairs'.
    pub fn null_measurements(&self, checkpoint: usize, domain: usize) -> Vec<Measurement> {
        let Some(members) = self.plan.domains[domain].group(Group::All) else { return Vec::new() };
        let replicates = (2_000 / members.side.pairs.len().max(1)).clamp(1, 8) as u64;
        (0..replicates)
            .map(|replicate| Measurement {
                checkpoint,
                quantity: Quantity::Null {
                    tau: self.settings.tau,
                    unit: self.settings.unit,
                    seed: self.settings.seed.wrapping_add(replicate),
                },
                samples: Rc::clone(&members.samples),
                pairs: members.side.clone(),
                grouping: Grouping::One,
            })
            .collect()
    }

    pub fn layer_measurement(&self, checkpoint: usize, domain: usize, layer: usize) -> Measurement {
        let members = &self.plan.domains[domain].groups[0];
        Measurement {
            checkpoint,
            quantity: Quantity::Layer { tau: self.settings.tau, layer },
            samples: Rc::clone(&members.samples),
            pairs: members.side.clone(),
            grouping: Grouping::One,
        }
    }

    /// Distances at another threshold. At the main threshold the main figure already has them.
    pub fn sweep_measurement(
        &self,
        checkpoint: usize,
        domain: usize,
        group: Group,
        tau: f64,
    ) -> Option<Measurement> {
        let members = self.plan.domains[domain].group(group)?;
        let pairs = if tau.to_bits() == self.settings.tau.to_bits() { &members.main } else { &members.side };
        Some(Measurement {
            checkpoint,
            quantity: Quantity::Pathways { tau, unit: self.settings.unit },
            samples: Rc::clone(&members.samples),
            pairs: pairs.clone(),
            grouping: Grouping::One,
        })
    }

    /// Distances inside the groups of equal `t*` of a domain.
    pub fn t_star_measurement(&self, checkpoint: usize, domain: usize) -> Measurement {
        let groups = &self.plan.domains[domain].by_t_star;
        Measurement {
            checkpoint,
            quantity: Quantity::Pathways { tau: self.settings.tau, unit: self.settings.unit },
            samples: Rc::clone(&groups.samples),
            pairs: groups.pairs.clone(),
            grouping: Grouping::Many { ends: Rc::clone(&groups.ends) },
        }
    }

    pub fn cross_measurement(&self, checkpoint: usize, at: usize) -> Measurement {
        let cross = &self.plan.cross[at];
        Measurement {
            checkpoint,
            quantity: Quantity::Pathways { tau: self.settings.tau, unit: self.settings.unit },
            samples: Rc::clone(&cross.samples),
            pairs: cross.pairs.clone(),
            grouping: Grouping::Two { rows: cross.rows },
        }
    }

    /// What the cache knows of a measurement.
    pub fn known(&self, measurement: &Measurement) -> Option<Rc<super::measure::Measured>> {
        self.cache.borrow().measured(self.key(measurement))
    }

    /// Pairs that will be measured. The same measurement can serve two figures, and is made once.
    pub fn missing_pairs<'m>(&self, measurements: impl Iterator<Item = &'m Measurement>) -> u64 {
        let mut seen = BTreeSet::new();
        let cache = self.cache.borrow();
        measurements
            .filter(|measurement| {
                let key = self.key(measurement);
                cache.measured(key).is_none() && seen.insert(key)
            })
            .map(|measurement| measurement.pairs.pairs.len() as u64)
            .sum()
    }

    pub fn key(&self, measurement: &Measurement) -> Key {
        measurement.key(self.run.checkpoints[measurement.checkpoint].file, self.samples_of_run)
    }
}
