//! The notes of a report: warnings and remarks on the figures of a run.

use super::{courses::LEAST_LAYERS, missing};
use crate::{
    analysis::{
        draw::MOST_PAIRS,
        job::{Job, gate_kind},
        run::Contradiction,
    },
    model::{GateKind, Note, NoteLevel},
    settings::{OnsetRule, PairBudget},
};

/// Warnings and remarks on a run and its settings.
pub(super) fn notes(job: &Job<'_>) -> Vec<Note> {
    let run = job.run;
    let mut notes = Vec::new();
    let mut say = |level, text: String| notes.push(Note { level, text });
    let infos = || run.checkpoints.iter().map(|at| &at.trace.info);
    if gate_kind(job) == GateKind::SelectionFrequency {
        say(
            NoteLevel::Warning,
            "The traces contain expert ids without weights, so pathways use selection frequencies instead of the paper's \
             mean routing weights. Consistency needs weights and is not computed."
                .into(),
        );
        say(
            NoteLevel::Info,
            "Routing entropy and effective dimension use selection frequencies. Token entropy needs the weights of tokens \
             and is not computed."
                .into(),
        );
    }
    if gate_kind(job) == GateKind::SigmoidNormalizedMean {
        say(
            NoteLevel::Info,
            "The routers score by sigmoid: gates are sigmoid scores over their sum over all experts, not the softmax of \
             the paper's model. Correction biases, groups and scaling change the selected experts, not the gates."
                .into(),
        );
    }
    for left_out in &run.left_out {
        say(NoteLevel::Warning, left_out.sentence());
    }
    if let Some(sentence) = run.items_left_out.as_ref().filter(|_| run.embeddings.is_none()) {
        say(NoteLevel::Warning, sentence.clone());
    }
    if let Some(sentence) = Contradiction::sentence(&run.contradictions) {
        say(NoteLevel::Warning, sentence);
    }
    if infos().any(|info| info.half_precision) {
        say(
            NoteLevel::Info,
            "Gates of some checkpoints were stored in 16 bits, which changes single pathways. With 16 layers of 64 \
             experts and near-uniform gates, up to a third of the layer lists change, and a group mean by at most \
             about 0.1."
                .into(),
        );
    }
    if !infos().any(|info| info.loss.is_some()) {
        say(
            NoteLevel::Warning,
            "No trace has a `loss`, so no sample can be classified as memorized. Write one loss per sample into each trace file."
                .into(),
        );
        if gate_kind(job) == GateKind::SelectionFrequency {
            say(
                NoteLevel::Info,
                "Without losses, every figure describes all samples. Records of ids can state the loss, in nats per token, in a field `loss`."
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
    if gate_kind(job) != GateKind::SelectionFrequency && routers < run.checkpoints.len() {
        say(
            NoteLevel::Info,
            format!(
                "{routers} of {} traces have the router matrices that consistency needs (`router_weight` or \
                 `router_gram`).",
                run.checkpoints.len()
            ),
        );
    }
    if run.layers < LEAST_LAYERS && gate_kind(job) != GateKind::SelectionFrequency {
        let layers = if run.layers == 1 { "one" } else { "two" };
        say(NoteLevel::Info, format!("Consistency needs three MoE layers and is undefined with {layers}."));
    }
    missing::notes(run, &mut say);
    if run.checkpoints.len() < 4 {
        say(
            NoteLevel::Info,
            format!(
                "With {}, trends are uncertain and no correlation can be significant.",
                if run.checkpoints.len() == 1 {
                    "1 checkpoint".to_owned()
                } else {
                    format!("{} checkpoints", run.checkpoints.len())
                }
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
                "A group has more than {MOST_PAIRS} pairs, so {MOST_PAIRS} of them were drawn without replacement."
            ),
        );
    }
    if job.settings.onset_rule == OnsetRule::Paper && !job.settings.unconfirmed {
        say(
            NoteLevel::Info,
            "Samples whose loss only settles at the last checkpoint are unconfirmed (their drift is 0 by \
             construction) and take no part in the pairing."
                .into(),
        );
    }
    notes
}
