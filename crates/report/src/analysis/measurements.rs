//! All measurements of a run. They are the same at all checkpoints, so a result is identified by
//! the measurement's id and a checkpoint.

use std::{collections::BTreeMap, sync::Arc};

use super::{
    digest::MOST_DOMAINS,
    draw::PairSet,
    measure::{Grouping, Kind, Measurement, MeasurementId, Quantity},
    plan::{Members, Plan},
};
use crate::{model::Group, settings::Settings};

/// The measurements of a run.
#[derive(Debug)]
pub struct Measurements {
    /// Main measurements first.
    all: Vec<Measurement>,
    /// Number of main measurements.
    main: usize,
    by_id: BTreeMap<MeasurementId, usize>,
    /// Thresholds other than the settings' own, ascending.
    pub thresholds: Vec<f64>,
}

impl Measurements {
    /// Enumerates the measurements of a plan. `run` is the fingerprint of the run's samples.
    pub fn new(plan: &Plan, layers: usize, settings: &Settings, run: u64) -> Self {
        let mut thresholds = settings.sweep.clone();
        thresholds.retain(|tau| tau.to_bits() != settings.tau.to_bits());
        thresholds.sort_by(f64::total_cmp);
        thresholds.dedup();
        let mut list = List { settings, run, all: Vec::new() };
        for (domain, domain_plan) in plan.domains.iter().enumerate() {
            for members in &domain_plan.groups {
                list.pathways(domain, members, Kind::Distance, settings.tau);
            }
        }
        let main = list.all.len();
        for (domain, domain_plan) in plan.domains.iter().enumerate() {
            if let Some(members) = domain_plan.group(Group::All) {
                list.null(domain, members);
                // Beyond that number, digests have no gates of domains.
                if plan.domains.len() <= MOST_DOMAINS {
                    list.load_null(domain, members);
                }
                for layer in 0..layers {
                    let quantity = Quantity::Layer { tau: settings.tau, layer };
                    list.side(domain, members, Kind::Layer { layer }, quantity);
                }
            }
            for members in &domain_plan.groups {
                for (at, &tau) in thresholds.iter().enumerate() {
                    list.pathways(domain, members, Kind::Threshold { at }, tau);
                }
            }
            list.t_star(domain, plan);
        }
        list.other_domains(plan);
        let all = list.all;
        let by_id = all.iter().enumerate().map(|(at, measurement)| (measurement.id, at)).collect();
        Self { all, main, by_id, thresholds }
    }

    /// Distances of every domain's groups at the settings' threshold.
    pub fn main(&self) -> &[Measurement] {
        &self.all[..self.main]
    }

    /// Nulls, layers, other thresholds, memorization groups and pairs of domains.
    pub fn side(&self) -> &[Measurement] {
        &self.all[self.main..]
    }

    /// All measurements, main ones first.
    pub fn all(&self) -> &[Measurement] {
        &self.all
    }

    /// The measurement with that id.
    pub fn get(&self, id: MeasurementId) -> Option<&Measurement> {
        self.all.get(*self.by_id.get(&id)?)
    }
}

/// Number of draws of random pathways of a group.
fn replicates(members: &Members) -> u64 {
    (2_000 / members.side.pairs.len().max(1)).clamp(1, 8) as u64
}

/// Measurements under construction.
struct List<'a> {
    settings: &'a Settings,
    run: u64,
    all: Vec<Measurement>,
}

impl List<'_> {
    fn push(
        &mut self,
        id: MeasurementId,
        quantity: Quantity,
        of: (&Arc<[u32]>, &PairSet),
        grouping: Grouping,
    ) {
        let (samples, pairs) = of;
        let measurement =
            Measurement::new(id, quantity, Arc::clone(samples), pairs.clone(), grouping, self.run);
        self.all.push(measurement);
    }

    fn quantity(&self, tau: f64) -> Quantity {
        Quantity::Pathways { tau, unit: self.settings.unit }
    }

    fn pathways(&mut self, domain: usize, members: &Members, kind: Kind, tau: f64) {
        let id = MeasurementId { domain, group: members.group, kind };
        let pairs = if kind == Kind::Distance { &members.main } else { &members.side };
        self.push(id, self.quantity(tau), (&members.samples, pairs), Grouping::One);
    }

    fn side(&mut self, domain: usize, members: &Members, kind: Kind, quantity: Quantity) {
        let id = MeasurementId { domain, group: members.group, kind };
        self.push(id, quantity, (&members.samples, &members.side), Grouping::One);
    }

    /// Adds enough draws of random pathways for the noise of the null to be small compared with
    /// that of the pairs.
    fn null(&mut self, domain: usize, members: &Members) {
        for replicate in 0..replicates(members) {
            let Settings { tau, unit, seed, .. } = *self.settings;
            let quantity = Quantity::Null { tau, unit, seed: seed.wrapping_add(replicate) };
            self.side(domain, members, Kind::Null { replicate }, quantity);
        }
    }

    /// Adds as many draws of load-matched random pathways.
    fn load_null(&mut self, domain: usize, members: &Members) {
        for replicate in 0..replicates(members) {
            let Settings { tau, unit, seed, .. } = *self.settings;
            let quantity = Quantity::LoadNull { tau, unit, seed: seed.wrapping_add(replicate), domain };
            self.side(domain, members, Kind::LoadNull { replicate }, quantity);
        }
    }

    fn t_star(&mut self, domain: usize, plan: &Plan) {
        let groups = &plan.domains[domain].by_t_star;
        if groups.groups.is_empty() {
            return;
        }
        let id = MeasurementId { domain, group: Group::All, kind: Kind::TStar };
        let grouping = Grouping::Many { ends: Arc::clone(&groups.ends) };
        self.push(id, self.quantity(self.settings.tau), (&groups.samples, &groups.pairs), grouping);
    }

    fn other_domains(&mut self, plan: &Plan) {
        for cross in &plan.cross {
            let kind = Kind::OtherDomain { second: cross.second };
            let id = MeasurementId { domain: cross.first, group: cross.group, kind };
            let grouping = Grouping::Two { rows: cross.rows };
            self.push(id, self.quantity(self.settings.tau), (&cross.samples, &cross.pairs), grouping);
        }
    }
}
