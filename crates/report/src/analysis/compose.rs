//! Writes a report from what the cache has. What is not there yet, or is undefined, is `None`.

use super::{compose_domain, job::Job, plan::MOST_PAIRS};
use crate::{
    model::{Checkpoint, CrossDomain, FORMAT, GateKind, Note, NoteLevel, Report, Run, VERSION},
    settings::PairBudget,
};

/// The report as far as it can be written, without the conclusions of [`compose_domain::conclude`].
pub fn report(job: &Job<'_>) -> Report {
    Report {
        format: FORMAT.into(),
        version: VERSION,
        made_by: concat!("grokscope ", env!("CARGO_PKG_VERSION")).into(),
        title: job.title.into(),
        rounded_to_bits: None,
        run: facts(job),
        settings: job.settings.clone(),
        checkpoints: job
            .run
            .checkpoints
            .iter()
            .map(|at| Checkpoint { step: at.step, tokens: at.tokens })
            .collect(),
        domains: (0..job.run.domains.len()).map(|d| compose_domain::domain(job, d)).collect(),
        cross: cross(job),
        notes: notes(job),
    }
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

fn gate_kind(job: &Job<'_>) -> GateKind {
    match job.run.checkpoints.first().map(|at| at.trace.info.gate_kind) {
        Some(trace::GateKind::SelectionFrequency) => GateKind::SelectionFrequency,
        _ => GateKind::SoftmaxMean,
    }
}

fn cross(job: &Job<'_>) -> Vec<CrossDomain> {
    let name = |domain: usize| job.run.domains[domain].name.clone();
    let plans = job.plan.cross.iter().enumerate();
    plans
        .map(|(at, plan)| {
            let found =
                |c: usize| job.known(&job.cross_measurement(c, at)).and_then(|known| known.cross().copied());
            let all: Vec<_> = (0..job.run.checkpoints.len()).map(found).collect();
            CrossDomain {
                first: name(plan.first),
                second: name(plan.second),
                group: plan.group,
                pairs: plan.pairs.pairs.len() as u64,
                mean: all.iter().map(|cross| cross.as_ref()?.mean).collect(),
                se: all.iter().map(|cross| cross.as_ref()?.se).collect(),
            }
        })
        .collect()
}

/// What a reader must know of this run and these settings.
fn notes(job: &Job<'_>) -> Vec<Note> {
    let run = job.run;
    let mut notes = Vec::new();
    let mut say = |level, text: String| notes.push(Note { level, text });
    let infos = || run.checkpoints.iter().map(|at| &at.trace.info);
    if gate_kind(job) == GateKind::SelectionFrequency {
        say(
            NoteLevel::Warning,
            "The traces hold expert ids without weights, so every pathway is built from selection frequency, which is \
             another quantity than the paper's mean routing weight. Consistency needs weights and is not given."
                .into(),
        );
        say(
            NoteLevel::Info,
            "Routing entropy and effective dimension are of selection frequency here. The entropy of single tokens needs \
             their weights and is not given."
                .into(),
        );
    }
    if infos().any(|info| info.half_precision) {
        say(
            NoteLevel::Info,
            "Gates of some checkpoints were stored in 16 bits. That changes single pathways: at 16 layers of 64 \
             experts and near-flat gates up to a third of the layer lists, a group mean by at most about 0.1."
                .into(),
        );
    }
    if !infos().any(|info| info.loss.is_some()) {
        say(
            NoteLevel::Warning,
            "No trace has a `loss`, so nothing can be called memorized. Write one loss a sample into each trace file."
                .into(),
        );
        if gate_kind(job) == GateKind::SelectionFrequency {
            say(
                NoteLevel::Info,
                "Until then every figure is of all samples. Records of ids take the loss, nats a token, in a field `loss`."
                    .into(),
            );
        }
    }
    if run.results.is_none() {
        say(
            NoteLevel::Info,
            "No benchmark results were given, so there is no accuracy, no generalization step and no correlation. \
             Drop a run.json or a CSV with the columns item, domain, step, correct beside the traces."
                .into(),
        );
    }
    let routers = infos().filter(|info| info.has_router).count();
    if gate_kind(job) == GateKind::SoftmaxMean && routers < run.checkpoints.len() {
        say(
            NoteLevel::Info,
            format!(
                "{routers} of {} traces have the router matrices that consistency needs (`router_weight` or \
                 `router_gram`).",
                run.checkpoints.len()
            ),
        );
    }
    if run.layers == 2 {
        say(NoteLevel::Info, "Consistency needs three MoE layers: with two it is 0 by construction.".into());
    }
    if run.checkpoints.len() < 4 {
        say(
            NoteLevel::Info,
            format!(
                "With {} checkpoints, a course says little and no correlation can be significant.",
                run.checkpoints.len()
            ),
        );
    }
    let capped = job.plan.domains.iter().flat_map(|domain| &domain.groups).any(|members| {
        job.settings.pairs == PairBudget::Exact && pathway::pair_count(members.samples.len()) > MOST_PAIRS
    });
    if capped {
        say(
            NoteLevel::Warning,
            format!(
                "A group has more than {MOST_PAIRS} pairs: that many were drawn without replacement instead of all."
            ),
        );
    }
    if !job.settings.unconfirmed {
        say(
            NoteLevel::Info,
            "Samples whose loss only settles at the last checkpoint are unconfirmed (their drift is 0 by \
             construction) and take no part in the pairing."
                .into(),
        );
    }
    notes
}
