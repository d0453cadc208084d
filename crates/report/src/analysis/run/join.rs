//! Joins files of ids that are parts of one checkpoint.

use trace::OpenTrace;

use super::{data::Stepped, part::Verdict};

/// Joins the files of a folder with ids of the same step to one trace; servers write several files.
pub(super) fn join(traces: Vec<Stepped>, verdicts: &mut Vec<Verdict>) -> Vec<Stepped> {
    let mut groups: Vec<Vec<Stepped>> = Vec::new();
    let folder = |trace: &OpenTrace| {
        trace.info.name.rsplit_once(['/', '\\']).map_or(String::new(), |(folder, _)| folder.to_owned())
    };
    for (id, step, trace) in traces {
        let fits = |group: &&mut Vec<Stepped>| {
            group.first().is_some_and(|(_, first_step, first)| {
                *first_step == step
                    && first.is_of_records()
                    && trace.is_of_records()
                    && folder(first) == folder(&trace)
                    && first.info.format == trace.info.format
            })
        };
        match groups.iter_mut().find(fits) {
            Some(group) => group.push((id, step, trace)),
            None => groups.push(vec![(id, step, trace)]),
        }
    }
    let mut joined = Vec::new();
    for mut group in groups {
        if group.len() == 1 {
            joined.append(&mut group);
            continue;
        }
        // Ordered by name, independent of the order in which they were added.
        group.sort_by(|(_, _, a), (_, _, b)| a.info.name.cmp(&b.info.name));
        match OpenTrace::join(group.iter().map(|(_, _, trace)| trace.clone()).collect()) {
            Ok(whole) => {
                let names = &whole.info.name;
                for (id, ..) in group.iter().skip(1) {
                    let text =
                        Some(format!("Read together with the other files of step {}: {names}.", group[0].1));
                    verdicts.push(Verdict { id: *id, used: true, text });
                }
                joined.push((group[0].0, group[0].1, whole));
            }
            Err(error) => {
                for (id, ..) in group.iter().skip(1) {
                    verdicts.push(Verdict { id: *id, used: false, text: Some(error.to_string()) });
                }
                joined.extend(group.into_iter().take(1));
            }
        }
    }
    joined
}
