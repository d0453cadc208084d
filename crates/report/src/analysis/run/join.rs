//! Files of ids that are parts of one checkpoint.

use trace::{Joined, OpenTrace};

use super::{Stepped, part::Verdict};

/// Makes one trace of the files of a folder that hold ids of the same step: servers answer into many files.
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
        // In the order of their names, whatever the order in which they were dropped.
        group.sort_by(|(_, _, a), (_, _, b)| a.info.name.cmp(&b.info.name));
        let files = group.len();
        match OpenTrace::join(group.iter().map(|(_, _, trace)| trace.clone()).collect()) {
            Ok(Joined { trace, repeated }) => {
                let step = group[0].1;
                let mut text = format!("{}: read together as step {step}, {files} files.", trace.info.name);
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
