//! Notes on data that are missing at some checkpoints, or that belong to no sample or checkpoint.

use std::collections::BTreeSet;

use trace::{GateKind, Results};

use crate::{
    analysis::{
        run::{Run, RunCheckpoint},
        words::{listed, short},
    },
    model::NoteLevel,
};

/// Adds the notes on a run.
pub(super) fn notes(run: &Run, say: &mut impl FnMut(NoteLevel, String)) {
    let mut warn = |text: Option<String>| {
        if let Some(text) = text {
            say(NoteLevel::Warning, text);
        }
    };
    warn(losses(run));
    warn(tokens(run));
    warn(selections(run));
    warn(frequencies(run));
    if let Some(results) = &run.results {
        warn(domains(run, results));
        warn(results_without_traces(run, results));
        warn(traces_without_results(run, results));
    }
}

/// `step 1000`, `steps 1000, 2000`.
fn steps(steps: &[u64]) -> String {
    let names: Vec<String> = steps.iter().map(u64::to_string).collect();
    format!("{} {}", if steps.len() == 1 { "step" } else { "steps" }, listed(&names))
}

/// Steps of the checkpoints for which a condition holds.
fn steps_where(run: &Run, holds: impl Fn(&RunCheckpoint) -> bool) -> Vec<u64> {
    run.checkpoints.iter().filter(|at| holds(at)).map(|at| at.step).collect()
}

/// Checkpoints without losses among others that have some.
fn losses(run: &Run) -> Option<String> {
    let without = steps_where(run, |at| !at.loss.iter().any(|loss| loss.is_finite()));
    (!without.is_empty() && without.len() < run.checkpoints.len()).then(|| {
        format!(
            "The traces have no losses at {}. A sample counts as memorized only if it has a loss at every checkpoint, so \
             none does. Add the losses, or remove these checkpoints.",
            steps(&without)
        )
    })
}

/// Samples whose number of tokens differs from that at the last checkpoint.
fn tokens(run: &Run) -> Option<String> {
    let counts = |at: &RunCheckpoint, sample: usize| -> Option<u32> {
        at.trace.info.n_tokens.as_ref()?.get(*at.row_of.get(sample)? as usize).copied()
    };
    let last = run.checkpoints.last()?;
    let (mut others, mut samples, mut example) = (Vec::new(), BTreeSet::new(), None);
    for at in &run.checkpoints {
        for sample in 0..run.samples.len() {
            let (Some(here), Some(there)) = (counts(at, sample), counts(last, sample)) else { continue };
            if here == there {
                continue;
            }
            if others.last() != Some(&at.step) {
                others.push(at.step);
            }
            samples.insert(sample);
            example.get_or_insert((at.step, sample, here, there));
        }
    }
    let (step, sample, here, there) = example?;
    let id = short(&run.samples.get(sample)?.id);
    let saturation =
        if last.trace.info.has_topk { " Router saturation leaves these samples out there." } else { "" };
    Some(format!(
        "{} at {} than at the last checkpoint, so these figures are of other tokens: `{id}` has {here} at step {step} and \
         {there} at step {}.{saturation}",
        match samples.len() {
            1 => "1 sample has another number of tokens".to_owned(),
            count => format!("{count} samples have other numbers of tokens"),
        },
        steps(&others),
        last.step
    ))
}

/// Checkpoints whose selected experts cannot be compared with the last checkpoint's.
fn selections(run: &Run) -> Option<String> {
    let last = run.checkpoints.last().filter(|at| at.trace.info.has_topk)?;
    let k = last.trace.info.top_k?;
    let others = steps_where(run, |at| at.trace.info.has_topk && at.trace.info.top_k != Some(k));
    (!others.is_empty()).then(|| {
        format!(
            "The traces at {} have another number of experts per token than the {k} of the last checkpoint, so router \
             saturation is undefined there.",
            steps(&others)
        )
    })
}

/// Checkpoints with selection frequencies whose counts are unknown.
fn frequencies(run: &Run) -> Option<String> {
    let rounded = steps_where(run, |at| {
        let info = &at.trace.info;
        info.gate_kind == GateKind::SelectionFrequency
            && !info.has_topk
            && (info.top_k.is_none() || info.n_tokens.is_none())
    });
    (!rounded.is_empty()).then(|| {
        format!(
            "The traces at {} have selection frequencies without token counts or experts per token. Sums within {} of a \
             threshold count as equal to it, because rounding could decide otherwise.",
            steps(&rounded),
            pathway::FREQUENCY_MARGIN
        )
    })
}

/// Domains of results that no sample has.
fn domains(run: &Run, results: &Results) -> Option<String> {
    let known: BTreeSet<&str> = run.domains.iter().map(|domain| domain.name.as_str()).collect();
    let of_items = results.items.iter().map(|item| item.domain.as_str());
    let of_accuracy = results.accuracy.iter().map(|row| row.domain.as_str());
    let of_losses = results.validation_loss.iter().map(|row| row.domain.as_str());
    let all: BTreeSet<&str> = of_items.chain(of_accuracy).chain(of_losses).collect();
    let other: Vec<String> = all.difference(&known).map(|name| format!("`{}`", short(name))).collect();
    let count = results.items.iter().filter(|item| !known.contains(item.domain.as_str())).count();
    let items = match count {
        0 => String::new(),
        1 => " (1 item)".to_owned(),
        count => format!(" ({count} items)"),
    };
    (!other.is_empty()).then(|| {
        format!(
            "Benchmark results of {}{items} are not in the report: no sample is of that domain.",
            listed(&other)
        )
    })
}

/// Steps of results that no checkpoint has.
fn results_without_traces(run: &Run, results: &Results) -> Option<String> {
    let known: BTreeSet<u64> = run.checkpoints.iter().map(|at| at.step).collect();
    let of_losses = results.validation_loss.iter().map(|row| row.step);
    let all: BTreeSet<u64> =
        steps_of_results(results).into_iter().chain(results.steps.iter().copied()).chain(of_losses).collect();
    let other: Vec<u64> = all.difference(&known).copied().collect();
    (!other.is_empty()).then(|| {
        format!("Benchmark results at {} are not in the report: no trace is of that step.", steps(&other))
    })
}

/// Checkpoints without any result.
fn traces_without_results(run: &Run, results: &Results) -> Option<String> {
    let known = steps_of_results(results);
    let without = steps_where(run, |at| !known.contains(&at.step));
    (!without.is_empty()).then(|| {
        let with = run.checkpoints.len() - without.len();
        format!(
            "Benchmark results are given at {with} of {} checkpoints, none at {}. Accuracy is undefined there, and \
             generalization steps count only checkpoints with a result.",
            run.checkpoints.len(),
            steps(&without)
        )
    })
}

/// Steps at which there is an answer or an accuracy.
fn steps_of_results(results: &Results) -> BTreeSet<u64> {
    let answered =
        |at: usize| results.items.iter().any(|item| item.correct.get(at).is_some_and(Option::is_some));
    let of_items = results.steps.iter().enumerate().filter(|&(at, _)| answered(at)).map(|(_, &step)| step);
    of_items.chain(results.accuracy.iter().map(|row| row.step)).collect()
}
