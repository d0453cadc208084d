//! Accuracies that contradict the items of the same domain and step.

use std::collections::BTreeMap;

use trace::{Accuracy, FileKind, Results};

use super::part::{Part, Verdict};

/// The largest difference that rounding to two decimals makes, with some room.
const ROUNDING: f64 = 0.005_001;

/// An accuracy of a domain that its items contradict.
#[derive(Clone, Debug, PartialEq)]
pub struct Contradiction {
    /// The domain.
    pub domain: String,
    /// Training step.
    pub step: u64,
    /// The accuracy that the results state.
    pub stated: f64,
    /// Items of the domain that were answered correctly.
    pub right: usize,
    /// Items of the domain with a result at that step.
    pub items: usize,
}

/// All contradictions, by domain and step.
pub(super) fn contradictions(results: &Results) -> Vec<Contradiction> {
    // Right answers and answers, by domain and position of the step.
    let mut counts: BTreeMap<(&str, usize), (usize, usize)> = BTreeMap::new();
    for item in &results.items {
        for (at, right) in item.correct.iter().enumerate() {
            if let Some(right) = right {
                let (of_right, of_all) = counts.entry((item.domain.as_str(), at)).or_default();
                *of_right += usize::from(*right);
                *of_all += 1;
            }
        }
    }
    let mut found: Vec<Contradiction> = Vec::new();
    for row in &results.accuracy {
        let at = results.steps.iter().position(|&step| step == row.step);
        let Some(&(right, items)) = at.and_then(|at| counts.get(&(row.domain.as_str(), at))) else {
            continue;
        };
        if (right as f64 / items as f64 - row.accuracy).abs() > ROUNDING {
            let (domain, step, stated) = (row.domain.clone(), row.step, row.accuracy);
            found.push(Contradiction { domain, step, stated, right, items });
        }
    }
    found.sort_by(|a, b| (&a.domain, a.step).cmp(&(&b.domain, b.step)));
    found
}

/// The verdict on the file with the first accuracy that items contradict.
pub(super) fn verdict(parts: &[Part], verdicts: &[Verdict], all: &[Contradiction]) -> Option<Verdict> {
    let first = all.first()?;
    let states = |row: &Accuracy| (&row.domain, row.step) == (&first.domain, first.step);
    let used = |part: &&Part| verdicts.iter().any(|verdict| verdict.id == part.id && verdict.used);
    let part = parts.iter().filter(used).find(
        |part| matches!(&part.what, FileKind::Results(results) if results.accuracy.iter().any(states)),
    )?;
    let text = format!("{}: {}", part.path, Contradiction::sentence(all)?);
    Some(Verdict { id: part.id, used: true, text: Some(text) })
}

impl Contradiction {
    /// The sentence for several contradictions; `None` without any.
    pub fn sentence(all: &[Self]) -> Option<String> {
        let first = all.first()?;
        let share = first.right as f64 / first.items as f64;
        let others = match all.len() {
            1 => String::new(),
            count => format!(" {} more such pairs differ.", count - 1),
        };
        Some(format!(
            "The results contradict each other: the accuracy of `{}` at step {} is stated as {}, but {} of its {} items \
             are right, which is {share:.4}.{others} The items are used. Check that both are of the same metric \
             and items.",
            first.domain, first.step, first.stated, first.right, first.items
        ))
    }
}
