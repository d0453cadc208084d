//! A file before and after a run is put together.

use trace::FileKind;

/// One file after opening.
#[derive(Debug)]
pub struct Part {
    /// The caller's number for the file.
    pub id: usize,
    /// Its path or address, for messages.
    pub path: String,
    /// Its content.
    pub what: FileKind,
}

/// What became of one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The file's number.
    pub id: usize,
    /// Whether its content is part of the run.
    pub used: bool,
    /// Why not, or what to know about it; whole sentences.
    pub text: Option<String>,
}

/// Makes one verdict of those of a file with several checkpoints: it is used if one of them is, and all is said that was
/// said of any. Ascending by file.
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
