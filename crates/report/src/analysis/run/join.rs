//! Files that are parts of one checkpoint.

use trace::{Joined, OpenTrace};

use super::part::{Stepped, Verdict};

/// Makes one trace of the files of a folder that are parts of one step.
pub(super) fn join(traces: Vec<Stepped>, verdicts: &mut Vec<Verdict>) -> Vec<Stepped> {
    let mut groups: Vec<Vec<Stepped>> = Vec::new();
    for (id, step, trace) in traces {
        let fits = |group: &&mut Vec<Stepped>| {
            group
                .first()
                .is_some_and(|(_, first_step, first)| *first_step == step && go_together(first, &trace))
        };
        match groups.iter_mut().find(fits) {
            Some(group) => group.push((id, step, trace)),
            None => groups.push(vec![(id, step, trace)]),
        }
    }
    let mut joined = Vec::new();
    for mut group in groups {
        if group.len() == 1 {
            if let Some((id, _, trace)) = group.first()
                && let Some(layer) = trace.info.layer
            {
                let text = format!(
                    "{}: layer {layer} alone; no other layer of this step is there.",
                    trace.info.name
                );
                verdicts.push(Verdict { id: *id, used: true, text: Some(text) });
            }
            joined.append(&mut group);
            continue;
        }
        // In the order of their names, whatever the order in which they were dropped.
        group.sort_by_key(|(_, _, trace)| natural(&trace.info.name));
        let files = group.len();
        let parts: Vec<OpenTrace> = group.iter().map(|(_, _, trace)| trace.clone()).collect();
        let layers = parts.iter().all(|part| part.info.layer.is_some());
        let whole = if layers {
            OpenTrace::stack(parts).map(|trace| Joined { trace, repeated: 0 })
        } else {
            OpenTrace::join(parts)
        };
        match whole {
            Ok(Joined { trace, repeated }) => {
                let step = group[0].1;
                let mut text = format!(
                    "{}: read together as step {step}, {files} files{}.",
                    trace.info.name,
                    if layers { ", one per layer" } else { "" }
                );
                if repeated > 0 {
                    text.push_str(&format!(
                        " {repeated} samples are the same in several files and count once."
                    ));
                }
                verdicts.extend(group.iter().skip(1).map(|&(id, ..)| Verdict {
                    id,
                    used: true,
                    text: Some(text.clone()),
                }));
                joined.push((group[0].0, step, trace));
            }
            // Any one of them could be the right one.
            Err(error) => {
                let text = error.to_string();
                verdicts.extend(group.iter().map(|&(id, ..)| Verdict {
                    id,
                    used: false,
                    text: Some(text.clone()),
                }));
            }
        }
    }
    joined
}

/// Whether two files of one step are parts of one checkpoint: of its samples, or of its layers.
pub(super) fn go_together(a: &OpenTrace, b: &OpenTrace) -> bool {
    let (name, other_name) = (a.info.name.as_str(), b.info.name.as_str());
    let folder =
        |name: &str| name.rsplit_once(['/', '\\']).map_or(String::new(), |(folder, _)| folder.to_owned());
    if a.info.format != b.info.format || folder(name) != folder(other_name) {
        return false;
    }
    match (a.info.layer, b.info.layer) {
        (Some(_), Some(_)) => true,
        (None, None) if a.is_of_records() && b.is_of_records() => true,
        // Batches of one dump: `batch_0`, `batch_1`. Several numbers would leave the order of the samples open.
        (None, None) if a.is_in_memory() && b.is_in_memory() && differ_in_one_number(name, other_name) => {
            true
        }
        _ => false,
    }
}

/// A name with its numbers as numbers, so that `batch_10` comes after `batch_9`.
pub(super) fn natural(name: &str) -> Vec<(String, u64)> {
    let mut parts = Vec::new();
    let mut rest = name;
    while !rest.is_empty() {
        let text = rest.len() - rest.trim_start_matches(|c: char| !c.is_ascii_digit()).len();
        let (word, after) = rest.split_at(text);
        let digits = after.len() - after.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (number, after) = after.split_at(digits);
        parts.push((word.to_owned(), number.parse().unwrap_or(u64::MAX)));
        rest = after;
    }
    parts
}

/// Whether two names are alike but for one number.
fn differ_in_one_number(a: &str, b: &str) -> bool {
    let (a, b) = (natural(a), natural(b));
    let words = a.iter().map(|(word, _)| word).eq(b.iter().map(|(word, _)| word));
    words && a.iter().zip(&b).filter(|(a, b)| a.1 != b.1).count() == 1
}

#[cfg(test)]
mod tests {
    use super::{differ_in_one_number, natural};

    #[test]
    fn names_are_ordered_by_their_numbers() {
        assert!(natural("a/batch_9.npz") < natural("a/batch_10.npz"));
        assert!(differ_in_one_number("a/batch_9.npz", "a/batch_10.npz"));
        assert!(!differ_in_one_number("a/rank0_batch_9.npz", "a/rank1_batch_10.npz"));
        assert!(!differ_in_one_number("a/batch.npz", "a/other.npz"));
    }
}
