//! Courses of pathway distances.

use std::rc::Rc;

use super::domain::DomainComposer;
use crate::{
    analysis::{
        job::Job,
        measure::{Kind, Measured, MeasurementId},
        plan::Members,
    },
    model::{Course, Group, Series},
};

/// A figure per checkpoint of pairs within one group, from its results.
fn series(
    results: &[Option<Rc<Measured>>],
    figure: impl Fn(&pathway::GroupDistance) -> Option<f64>,
) -> Series {
    results.iter().map(|result| figure(result.as_ref()?.group()?)).collect()
}

/// Distances between the samples of two domains.
pub(super) fn between_domains(job: &Job<'_>) -> impl Iterator<Item = Course> {
    job.plan.cross.iter().map(|plan| {
        let kind = Kind::OtherDomain { second: plan.second };
        let id = MeasurementId { domain: plan.first, group: plan.group, kind };
        let results: Vec<_> = (0..job.run.checkpoints.len())
            .map(|checkpoint| job.result(id, checkpoint).and_then(|result| result.cross().copied()))
            .collect();
        Course {
            metric: "distance".into(),
            domain: job.run.domains[plan.first].name.clone(),
            other_domain: Some(job.run.domains[plan.second].name.clone()),
            group: plan.group,
            tau: Some(job.settings.tau),
            pairs: Some(plan.pairs.pairs.len() as u64),
            values: results.iter().map(|result| result.as_ref()?.mean).collect(),
            se: Some(results.iter().map(|result| result.as_ref()?.se).collect()),
            ..Course::default()
        }
    })
}

impl DomainComposer<'_> {
    /// Every course of distances.
    pub(super) fn distances(&self) -> Vec<Course> {
        let mut courses = Vec::new();
        for members in &self.job.plan.domains[self.index].groups {
            courses.extend(self.group_distances(members));
        }
        if let Some(members) = self.job.plan.domains[self.index].group(Group::All) {
            courses.push(self.null_distance("null_distance", members, |replicate| Kind::Null { replicate }));
            let load_matched = |replicate| Kind::LoadNull { replicate };
            courses.push(self.null_distance("null_distance_load", members, load_matched));
            courses.extend(self.layer_distances(members));
        }
        courses.extend(self.t_star_distances());
        courses
    }

    /// A course of a group's pathways at the threshold of the settings.
    fn of_group(&self, metric: &str, members: &Members, values: Series) -> Course {
        let tau = Some(self.job.settings.tau);
        Course { group: members.group, tau, ..self.course(metric, members.samples.len(), values) }
    }

    /// Courses at the threshold of the settings and at the others.
    fn group_distances(&self, members: &Members) -> Vec<Course> {
        let results = self.results(members.group, Kind::Distance);
        let pairs = Some(members.main.pairs.len() as u64);
        let mut courses = vec![
            Course {
                pairs,
                se: Some(series(&results, |found| found.se)),
                ..self.of_group("distance", members, series(&results, |found| found.mean))
            },
            Course {
                pairs,
                se: Some(series(&results, |found| found.normalised_se)),
                ..self.of_group("distance_normalised", members, series(&results, |found| found.normalised))
            },
            self.of_group("pathway_length", members, series(&results, |found| found.length)),
        ];
        for (at, &tau) in self.job.measurements.thresholds.iter().enumerate() {
            let results = self.results(members.group, Kind::Threshold { at });
            courses.push(Course {
                tau: Some(tau),
                pairs: Some(members.side.pairs.len() as u64),
                se: Some(series(&results, |found| found.se)),
                ..self.of_group("distance", members, series(&results, |found| found.mean))
            });
        }
        courses
    }

    /// The mean over all draws of random pathways.
    fn null_distance(&self, metric: &str, members: &Members, kind: impl Fn(u64) -> Kind) -> Course {
        let draws = (0..).map(|replicate| MeasurementId {
            domain: self.index,
            group: Group::All,
            kind: kind(replicate),
        });
        let draws: Vec<MeasurementId> =
            draws.take_while(|id| self.job.measurements.get(*id).is_some()).collect();
        let values = self.series(|checkpoint| {
            let means: Option<Vec<f64>> =
                draws.iter().map(|id| self.job.result(*id, checkpoint)?.group()?.mean).collect();
            super::courses::mean(&means?)
        });
        Course { pairs: Some(members.side.pairs.len() as u64), ..self.of_group(metric, members, values) }
    }

    fn layer_distances(&self, members: &Members) -> Vec<Course> {
        (0..self.job.run.layers)
            .map(|layer| {
                let results = self.results(Group::All, Kind::Layer { layer });
                let values = series(&results, |found| found.mean);
                Course {
                    layer: Some(layer),
                    pairs: Some(members.side.pairs.len() as u64),
                    ..self.of_group("layer_distance", members, values)
                }
            })
            .collect()
    }

    /// Distances within groups of equal memorization step.
    fn t_star_distances(&self) -> Vec<Course> {
        let results = self.results(Group::All, Kind::TStar);
        let groups = self.job.plan.domains[self.index].by_t_star.groups.iter().enumerate();
        groups
            .map(|(at, &(checkpoint, samples))| Course {
                tau: Some(self.job.settings.tau),
                t_star: Some(checkpoint),
                ..self.course(
                    "distance",
                    samples,
                    results.iter().map(|result| result.as_ref()?.mean_of(at)).collect(),
                )
            })
            .collect()
    }
}
