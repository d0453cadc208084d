//! Files of a run and verdicts on them.

use trace::{FileKind, OpenTrace};

/// File id, training step and trace.
pub(super) type Stepped = (usize, u64, OpenTrace);

/// An opened file.
#[derive(Debug)]
pub struct Part {
    /// File id of the caller.
    pub id: usize,
    /// Path or address, for messages.
    pub path: String,
    /// Content.
    pub what: FileKind,
}

impl Part {
    /// Whether it is used in a run but is no trace.
    pub(super) fn is_beside_traces(&self) -> bool {
        matches!(
            self.what,
            FileKind::Results(_)
                | FileKind::SampleList(_)
                | FileKind::Embeddings(_)
                | FileKind::ItemGates(_)
                | FileKind::TokenGates(_)
                | FileKind::Logits(_)
                | FileKind::Items
                | FileKind::GateInputs { .. }
        )
    }
}

/// Verdict on one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// File id.
    pub id: usize,
    /// Whether the file is part of the run.
    pub used: bool,
    /// Reason or note, in complete sentences.
    pub text: Option<String>,
}

/// Merges the verdicts of each file, as a file with several checkpoints has several. The file is used if
/// one of its checkpoints is; messages are joined. Sorted by file.
pub(super) fn one_per_file(mut verdicts: Vec<Verdict>) -> Vec<Verdict> {
    verdicts.sort_by_key(|verdict| verdict.id);
    let mut all: Vec<Verdict> = Vec::with_capacity(verdicts.len());
    for Verdict { id, used, text } in verdicts {
        match all.last_mut().filter(|last| last.id == id) {
            None => all.push(Verdict { id, used, text }),
            Some(last) => {
                last.used |= used;
                let Some(more) = text else { continue };
                match &mut last.text {
                    None => last.text = Some(more),
                    Some(said) if said.contains(&more) => {}
                    Some(said) => {
                        said.push(' ');
                        said.push_str(&more);
                    }
                }
            }
        }
    }
    all
}
