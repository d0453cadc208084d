//! Relations of courses to accuracy, from the cache where possible.

use crate::{
    analysis::{fingerprint::Fingerprint, job::Job},
    derive::{self, CheckpointPermutations, Related, Relation},
    model::{Correlation, Report},
};

/// Correlations of a domain of a complete report.
pub(super) fn correlations(job: &Job<'_>, index: usize, report: &Report) -> Vec<Correlation> {
    derive::correlations_by(report, &job.run.domains[index].name, |related| relate(job, related))
}

/// Result for each course; those not in the cache are computed together.
fn relate(job: &Job<'_>, related: &Related) -> Vec<Relation> {
    let seed = job.settings.seed;
    let print = |course: &[Option<f64>]| {
        let mut print = Fingerprint::new();
        print.add(seed);
        for value in course.iter().chain(&related.accuracy) {
            print.add(value.map_or(u64::MAX, f64::to_bits));
        }
        for value in related.clock.iter().flatten() {
            print.add(value.to_bits());
        }
        print.value()
    };
    let mut cache = job.cache.borrow_mut();
    let missing: Vec<&[Option<f64>]> =
        related.values().filter(|course| cache.relation(print(course)).is_none()).collect();
    let found = Relation::of_all(&missing, related, seed, CheckpointPermutations::Tried);
    for (course, found) in missing.iter().zip(found) {
        cache.put_relation(print(course), found);
    }
    related.values().filter_map(|course| cache.relation(print(course))).collect()
}
