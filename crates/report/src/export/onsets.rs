//! Tables of memorization, generalization and states, in long form.

use super::rows::{Table, count, figure, when};
use crate::{CausalSteps, Phase, Report};

/// Samples by memorization step and items by generalization step, by both rules; the last row per
/// domain counts those without.
pub(super) fn memorization(report: &Report) -> Table {
    let head = [
        "domain",
        "eps",
        "eps_set_by_user",
        "step",
        "tokens",
        "confirmed",
        "samples_t_star",
        "items_t_sharp",
        "causal_eps",
        "samples_causal",
        "samples_declared",
        "samples_relapsed",
        "items_causal",
        "items_declared",
        "items_relapsed",
    ];
    let mut table = Table::new("memorization.csv", &head);
    for domain in &report.domains {
        let memorization = &domain.memorization;
        let found = domain.generalization.as_ref();
        let mut row = |[step, tokens]: [String; 2], confirmed: &str, counts: [Option<usize>; 8]| {
            let [samples, items, causal @ ..] = counts.map(count);
            let [first, declared, relapsed, items_first, items_declared, items_relapsed] = causal;
            table.row([
                domain.name.clone(),
                figure(memorization.eps),
                memorization.eps_set_by_user.to_string(),
                step,
                tokens,
                confirmed.to_owned(),
                samples,
                items,
                figure(memorization.causal_eps),
                first,
                declared,
                relapsed,
                items_first,
                items_declared,
                items_relapsed,
            ]);
        };
        let last = report.checkpoints.len().saturating_sub(1);
        for (place, checkpoint) in report.checkpoints.iter().enumerate() {
            let confirmed = if place < last { "true" } else { "false" };
            let at = |counts: &[usize]| counts.get(place).copied();
            let causal = |steps: &CausalSteps| [at(&steps.first), at(&steps.declared), at(&steps.relapses)];
            let [first, declared, relapsed] = causal(&memorization.causal);
            let [items_first, items_declared, items_relapsed] =
                found.map_or([None; 3], |found| causal(&found.causal));
            let t_sharp = found.and_then(|found| at(&found.t_sharp));
            let of_paper = [at(&memorization.t_star), t_sharp];
            let [samples, items] = of_paper;
            let counts =
                [samples, items, first, declared, relapsed, items_first, items_declared, items_relapsed];
            row(when(checkpoint), confirmed, counts);
        }
        let never = ["never".to_owned(), String::new()];
        let (samples, items) = (memorization.never, found.map(|found| found.never));
        let causal = (memorization.causal.never, found.map(|found| found.causal.never));
        row(never, "", [Some(samples), items, Some(causal.0), None, None, causal.1, None, None]);
    }
    table
}

/// State of every domain at every checkpoint.
pub(super) fn states(report: &Report) -> Table {
    let head = [
        "domain",
        "step",
        "tokens",
        "phase",
        "declared",
        "reference_step",
        "look",
        "level",
        "change",
        "se",
        "lower",
        "upper",
    ];
    let mut table = Table::of_gates(report, "states.csv", &head);
    for domain in &report.domains {
        let mut declared = 0_usize;
        let counts = domain.memorization.causal.declared.iter().copied().chain(std::iter::repeat(0));
        for ((checkpoint, state), new) in report.checkpoints.iter().zip(&domain.states).zip(counts) {
            declared = declared.saturating_add(new);
            let [step, tokens] = when(checkpoint);
            let reference = state.reference.and_then(|at| report.checkpoints.get(at));
            table.row([
                domain.name.clone(),
                step,
                tokens,
                phase_name(state.phase).to_owned(),
                declared.to_string(),
                count(reference.map(|at| at.step)),
                count(state.look),
                figure(state.level),
                figure(state.change),
                figure(state.se),
                figure(state.lower),
                figure(state.upper),
            ]);
        }
    }
    table
}

fn phase_name(phase: Phase) -> &'static str {
    match phase {
        Phase::Learning => "learning",
        Phase::Memorized => "memorized",
        Phase::Structuring => "structuring",
        Phase::Diverging => "diverging",
    }
}
