//! Correlations of courses with accuracy, from the cache where possible.

use crate::{
    analysis::{fingerprint::Fingerprint, job::Job},
    derive,
    model::{Correlation, Report, Series},
};

/// Correlations of a domain of a complete report.
pub(super) fn correlations(job: &Job<'_>, index: usize, report: &Report) -> Vec<Correlation> {
    derive::correlations_by(report, &job.run.domains[index].name, |courses, accuracy| {
        correlate(job, courses, accuracy)
    })
}

/// Result for each course; those not in the cache are computed together.
fn correlate(job: &Job<'_>, courses: &[Series], accuracy: &[Option<f64>]) -> Vec<pathway::CorrelationResult> {
    let seed = job.settings.seed;
    let print = |course: &[Option<f64>]| {
        let mut print = Fingerprint::new();
        print.add(seed);
        for value in course.iter().chain(accuracy) {
            print.add(value.map_or(u64::MAX, f64::to_bits));
        }
        print.value()
    };
    let mut cache = job.cache.borrow_mut();
    let missing: Vec<&[Option<f64>]> = courses
        .iter()
        .filter(|course| cache.correlation(print(course)).is_none())
        .map(|course| &course[..])
        .collect();
    let found = pathway::correlate_all(&missing, accuracy, pathway::RANDOM_ORDERS, seed);
    for (course, found) in missing.iter().zip(found) {
        cache.put_correlation(print(course), found);
    }
    courses.iter().filter_map(|course| cache.correlation(print(course)).as_deref().copied()).collect()
}
