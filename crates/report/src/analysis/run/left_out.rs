//! Why files are not part of a run, in one sentence each.

use std::collections::BTreeSet;

use trace::FileKind;

use super::part::{Part, Verdict};

/// Verdicts on the files that are not part of a run of traces and have none yet. What was looked for in unknown files is
/// said once.
pub(super) fn left_out(parts: &[Part], verdicts: &[Verdict]) -> Vec<Verdict> {
    let judged: BTreeSet<usize> = verdicts.iter().map(|verdict| verdict.id).collect();
    let mut shown = BTreeSet::new();
    let others = parts.iter().filter(|part| !judged.contains(&part.id));
    others
        .filter_map(|part| {
            let text = sentence(part, &mut shown)?;
            Some(Verdict { id: part.id, used: false, text: Some(text) })
        })
        .collect()
}

/// The sentence about one file; `None` if it is or may be part of a run.
fn sentence<'a>(part: &'a Part, shown: &mut BTreeSet<&'a str>) -> Option<String> {
    let path = &part.path;
    Some(match &part.what {
        FileKind::Items => format!(
            "{path}: benchmark items to run on checkpoints. Add checkpoint folders. Results of items belong in run.json or \
             in a table with item, domain, step and correct."
        ),
        FileKind::GateInputs { .. } => {
            format!("{path}: inputs of routers, from which gates are computed. Add the checkpoint's folder.")
        }
        FileKind::Text => format!("{path}: plain text to run on checkpoints. Add checkpoint folders."),
        FileKind::Mappable(proposal) => proposal.sentence(),
        FileKind::Logits(_) => format!(
            "{path}: router logits without the trace that has their shape. Add `router_trace_rank*.jsonl` of the same \
             folder and rank."
        ),
        FileKind::Config(config) => config.reason.clone(),
        FileKind::Unrelated { reason, looked_for } => match looked_for.as_deref() {
            Some(list) if shown.insert(list) => format!("{reason} {list}"),
            _ => reason.clone(),
        },
        _ => return None,
    })
}
