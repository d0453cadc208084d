//! Composes a report from the cache. Figures that are undefined or not yet computed are `None`.
//!
//! [`courses`], [`distances`], [`selections`] and [`whole_run`] provide the values of the metrics;
//! [`crate::derive`] adds derived ones.

mod correlations;
mod courses;
mod delays;
mod distances;
mod domain;
mod missing;
mod notes;
mod onsets;
mod selections;
mod whole_run;

use domain::DomainComposer;

use super::{
    change,
    job::{Job, gate_kind},
};
use crate::{
    claims, derive,
    model::{Checkpoint, FORMAT, Report, Run, VERSION},
};

/// Composes the report so far, without the results of [`conclude`] and [`conclude_run`].
pub fn report(job: &Job<'_>) -> Report {
    let composers = (0..job.run.domains.len()).map(|domain| DomainComposer::new(job, domain));
    let composers: Vec<DomainComposer<'_>> = composers.collect();
    let mut courses: Vec<_> = composers.iter().flat_map(DomainComposer::courses).collect();
    courses.extend(whole_run::courses(job));
    courses.extend(distances::between_domains(job));
    let mut report = Report {
        format: FORMAT.into(),
        version: VERSION,
        made_by: concat!("grokscope ", env!("CARGO_PKG_VERSION")).into(),
        title: job.title.into(),
        rounded_to_bits: None,
        shortened: None,
        run: facts(job),
        settings: job.settings.clone(),
        checkpoints: job
            .run
            .checkpoints
            .iter()
            .map(|at| Checkpoint { step: at.step, tokens: at.tokens })
            .collect(),
        domains: composers.iter().map(DomainComposer::domain).collect(),
        courses,
        exchange: Vec::new(),
        claims: Vec::new(),
        notes: notes::notes(job),
    };
    derive::complete(&mut report);
    report.claims = claims(&report);
    report
}

/// Adds delays, changes and relations to accuracy of a domain, which need all its figures. They are
/// the most expensive part and are not meaningful before everything is measured.
pub fn conclude(job: &Job<'_>, index: usize, report: &mut Report) {
    let delays = DomainComposer::new(job, index).delays();
    let correlations = correlations::correlations(job, index, report);
    let clock = derive::clock(report, &job.run.domains[index].name);
    if let Some(domain) = report.domains.get_mut(index) {
        domain.delays = delays;
        domain.correlations = correlations;
        domain.clock = clock;
        domain.changes = change::changes(job, index, domain);
    }
}

/// Adds what needs all domains, after [`conclude`].
pub fn conclude_run(report: &mut Report) {
    report.exchange = derive::exchange(report);
    report.claims = claims(report);
}

fn facts(job: &Job<'_>) -> Run {
    let run = job.run;
    let model = run.checkpoints.iter().find_map(|at| at.trace.info.model.clone());
    let named = run.results.as_ref().and_then(|results| results.model.clone());
    Run {
        model: model.or(named),
        samples: run.samples.len(),
        items: run.results.as_ref().map_or(0, |results| results.items.len()),
        layers: run.layers,
        experts: run.experts,
        top_k: run.top_k,
        gate_kind: gate_kind(job),
        half_precision: run.checkpoints.iter().any(|at| at.trace.info.half_precision),
    }
}
