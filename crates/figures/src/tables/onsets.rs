//! When samples are memorized and items generalized, by both rules, and the states of domains.

use report::{CausalSteps, Domain, Group, OnsetRule, Phase, Report};

use super::cells::{named, step_cell};
use crate::{
    checkpoints::{checkpoint_cells, checkpoint_columns},
    onset::Onsets,
    series,
    table::{Cell, Column, NamedTable, Table},
};

/// Why two steps are shown.
const TWO_RULES: &str = "The paper’s step refers to the last checkpoint: one late loss spike or a longer run moves it. \
                         The causal step is known two checkpoints later and never revised.";

fn count(count: usize) -> Cell {
    Cell::count(count as u64)
}

fn percent(share: Option<f64>) -> Cell {
    Cell::fixed(share.map(|share| 100.0 * share), 2)
}

fn sum(counts: &[usize]) -> usize {
    counts.iter().fold(0, |sum, count| count.saturating_add(sum))
}

/// A count that follows from counts by step, which a link may leave out.
fn if_known(steps: &[usize], of: usize) -> Cell {
    if steps.is_empty() { Cell::Missing } else { count(of) }
}

/// The rule that groups, onsets and delays use.
fn in_use(report: &Report) -> String {
    let rule = report.settings.onset_rule;
    format!("Groups, onsets and delays use {} and {}.", rule.of_samples(), rule.of_items())
}

/// When the samples of every domain were memorized.
pub(super) fn memorization(report: &Report) -> NamedTable {
    let mut table = Table::new(vec![
        Column::new("Domain"),
        Column::new("Samples"),
        Column::with_unit("ε of t°", "nats"),
        Column::new("Memorized by t°"),
        Column::new("Share by t°"),
        Column::new("Fallen by t°"),
        Column::with_unit("Half by t°", "step"),
        Column::new("Relapsed"),
        Column::new("Never by t°"),
        Column::with_unit("ε of t*", "nats"),
        Column::new("Memorized by t*"),
        Column::new("Share by t*"),
        Column::with_unit("Half by t*", "step"),
        Column::new("Unconfirmed"),
        Column::new("Never by t*"),
        Column::new("ε set by"),
    ]);
    for domain in &report.domains {
        let found = &domain.memorization;
        let share = |eps: Option<f64>, memorized: usize| {
            (domain.samples > 0 && eps.is_some()).then(|| memorized as f64 / domain.samples as f64)
        };
        let last = report.checkpoints.len().checked_sub(1).and_then(|last| found.t_star.get(last));
        let memorized = sum(&found.causal.first);
        let half = |rule| step_cell(report, Onsets::by(rule, domain).memorization);
        table.push(vec![
            Cell::text(&domain.name),
            count(domain.samples),
            Cell::number(found.causal_eps),
            if_known(&found.causal.first, memorized),
            Cell::fixed(share(found.causal_eps, memorized), 4),
            if_known(&found.causal.first, found.fallen),
            half(OnsetRule::Causal),
            if_known(&found.causal.relapses, sum(&found.causal.relapses)),
            if_known(&found.causal.first, found.causal.never),
            Cell::number(found.eps),
            if_known(&found.t_star, found.memorized),
            Cell::fixed(share(found.eps, found.memorized), 4),
            half(OnsetRule::Paper),
            last.map_or(Cell::Missing, |&of_last| count(of_last)),
            if_known(&found.t_star, found.never),
            Cell::text(match found.eps_set_by_user {
                true => "user",
                false if !report.has_losses(domain) => "no losses",
                false => "search",
            }),
        ]);
    }
    let delta = report.settings.delta;
    let note = format!(
        "t° is the first checkpoint at which a sample’s loss is at most ε and from which the range of three losses is at most {delta} \
         nats. Fallen: the loss at t° is at most half of the sample’s first loss. Relapsed: a later loss above ε + {delta}. t*, of the paper: the first checkpoint at which the loss is at most ε and \
         after which it stays within {delta} nats of its last value; at the last checkpoint it is unconfirmed and does not count as \
         memorized. Half: the first checkpoint by which half of the memorized samples have reached their step. {TWO_RULES} {}",
        in_use(report)
    );
    named("memorization", "Memorization", note, table)
}

/// When the items of every domain were generalized.
pub(super) fn generalization(report: &Report) -> NamedTable {
    let mut table = Table::new(vec![
        Column::new("Domain"),
        Column::new("Items"),
        Column::new("Generalized by t°#"),
        Column::with_unit("Half by t°#", "step"),
        Column::with_unit("Delay from t° to t°#", "steps"),
        Column::new("Relapsed"),
        Column::new("Never by t°#"),
        Column::new("Generalized by t#"),
        Column::with_unit("Half by t#", "step"),
        Column::with_unit("Delay from t* to t#", "steps"),
        Column::new("Only at the last result"),
        Column::new("Never by t#"),
    ]);
    for domain in &report.domains {
        let Some(found) = &domain.generalization else { continue };
        let last = last_result(report, domain).and_then(|last| found.t_sharp.get(last));
        let half = |rule| step_cell(report, Onsets::by(rule, domain).generalization);
        let delay = |rule| Onsets::by(rule, domain).delay(report).map_or(Cell::Missing, Cell::Integer);
        table.push(vec![
            Cell::text(&domain.name),
            count(domain.items),
            if_known(&found.causal.first, sum(&found.causal.first)),
            half(OnsetRule::Causal),
            delay(OnsetRule::Causal),
            if_known(&found.causal.relapses, sum(&found.causal.relapses)),
            if_known(&found.causal.first, found.causal.never),
            if_known(&found.t_sharp, sum(&found.t_sharp)),
            half(OnsetRule::Paper),
            delay(OnsetRule::Paper),
            last.map_or(Cell::Missing, |&of_last| count(of_last)),
            if_known(&found.t_sharp, found.never),
        ]);
    }
    let note = format!(
        "t°# is the first checkpoint from which an item is correct at three checkpoints in a row, by chance or not. Relapsed: a later \
         wrong answer. t#, \
         of the paper: the first checkpoint at which it is correct and from which more than 0.8 of its answers are correct, with at \
         most one wrong; at the last result it rests on one observation. Only checkpoints with a result count. Half: the median \
         step of the items that have one. {TWO_RULES} {}",
        in_use(report)
    );
    named("generalization", "Generalization", note, table)
}

/// The last checkpoint at which the items of a domain have results.
fn last_result(report: &Report, domain: &Domain) -> Option<usize> {
    let accuracy = report.course(&domain.name, "accuracy", Group::All)?;
    series::defined(&accuracy.values, report.checkpoints.len()).last().map(|&(at, _)| at)
}

/// How many samples and items each checkpoint memorizes and generalizes.
pub(super) fn onset_counts(report: &Report, index: usize, domain: &Domain) -> NamedTable {
    let mut columns = checkpoint_columns(report);
    let samples = ["Samples with this t°", "Samples declared", "Samples relapsed", "Samples with this t*"];
    columns.extend(samples.map(Column::new));
    if domain.generalization.is_some() {
        let items = ["Items with this t°#", "Items declared", "Items relapsed", "Items with this t#"];
        columns.extend(items.map(Column::new));
    }
    let mut table = Table::new(columns);
    for at in 0..report.checkpoints.len() {
        let mut row = checkpoint_cells(report, at);
        let mut push = |causal: &CausalSteps, paper: &[usize]| {
            let counts = [&causal.first, &causal.declared, &causal.relapses, paper];
            row.extend(counts.map(|counts| counts.get(at).map_or(Cell::Missing, |&found| count(found))));
        };
        push(&domain.memorization.causal, &domain.memorization.t_star);
        if let Some(found) = &domain.generalization {
            push(&found.causal, &found.t_sharp);
        }
        table.push(row);
    }
    let note = "Declared: the checkpoint at which the causal step is first known. Relapsed: for the first time. A t* at the last \
                checkpoint is unconfirmed; a t# at the last result rests on one observation.";
    named(
        format!("onset-counts-{index}"),
        format!("Memorized and generalized by checkpoint: {}", domain.name),
        note,
        table,
    )
}

/// State of a domain at each checkpoint, from the data up to it.
pub(super) fn states(report: &Report, index: usize, domain: &Domain) -> NamedTable {
    let mut columns = checkpoint_columns(report);
    columns.extend([
        Column::new("Phase"),
        Column::new("Samples declared"),
        Column::with_unit("Reference", "step"),
        Column::new("Look"),
        Column::new("Level"),
        Column::with_unit("Change since reference", "%"),
        Column::with_unit("Lower bound", "%"),
        Column::with_unit("Upper bound", "%"),
    ]);
    let mut table = Table::new(columns);
    let mut declared = 0_usize;
    for (at, state) in domain.states.iter().enumerate().take(report.checkpoints.len()) {
        declared = declared.saturating_add(domain.memorization.causal.declared.get(at).copied().unwrap_or(0));
        let mut row = checkpoint_cells(report, at);
        row.extend([
            Cell::text(phase_name(state.phase)),
            count(declared),
            step_cell(report, state.reference),
            state.look.map_or(Cell::Missing, Cell::count),
            Cell::number(state.level),
            percent(state.change),
            percent(state.lower),
            percent(state.upper),
        ]);
        table.push(row);
    }
    let note = "From the data up to each checkpoint alone. Change: pathway distance of the samples declared memorized so far, against \
                the reference checkpoint, by which half of them were declared. Bounds are one-sided at the level of the look. An upper \
                bound below 0 at two checkpoints in a row makes a domain structuring, a lower bound above 0 diverging. If nothing \
                changes, each alarm is false with a probability of at most 0.05, as far as the choice of samples goes.";
    named(format!("states-{index}"), format!("State by checkpoint: {}", domain.name), note, table)
}

fn phase_name(phase: Phase) -> &'static str {
    match phase {
        Phase::Learning => "learning",
        Phase::Memorized => "memorized",
        Phase::Structuring => "structuring",
        Phase::Diverging => "diverging",
    }
}
