//! Selects the benchmark results of a run.

use std::rc::Rc;

use trace::{FileKind, Results};

use super::part::{Part, Verdict};

/// Returns the results of the run: the first file of results. Items of further files are not
/// merged.
pub(super) fn pick_results(parts: &[Part], verdicts: &mut Vec<Verdict>) -> Option<Rc<Results>> {
    let mut picked: Option<Results> = None;
    for part in parts {
        let FileKind::Results(results) = &part.what else { continue };
        match &mut picked {
            None => {
                picked = Some(results.clone());
                verdicts.push(Verdict { id: part.id, used: true, text: None });
            }
            // A file with items and one with sample records or accuracies complement each other.
            Some(sofar) if complements(sofar, results) => {
                merge_results(sofar, results.clone());
                verdicts.push(Verdict { id: part.id, used: true, text: None });
            }
            Some(_) => verdicts.push(Verdict {
                id: part.id,
                used: false,
                text: Some(format!(
                    "{}: the benchmark results of this run come from another file. Remove that file to use this one.",
                    part.path
                )),
            }),
        }
    }
    picked.map(Rc::new)
}

fn complements(a: &Results, b: &Results) -> bool {
    (a.items.is_empty() || b.items.is_empty())
        && (a.samples.is_empty() || b.samples.is_empty())
        && (a.accuracy.is_empty() || b.accuracy.is_empty())
}

fn merge_results(into: &mut Results, from: Results) {
    if into.items.is_empty() && !from.items.is_empty() {
        into.items = from.items;
        into.steps = from.steps;
    }
    if into.samples.is_empty() {
        into.samples = from.samples;
    }
    if into.accuracy.is_empty() {
        into.accuracy = from.accuracy;
    }
    if into.validation_loss.is_empty() {
        into.validation_loss = from.validation_loss;
    }
    into.model = into.model.take().or(from.model);
}
