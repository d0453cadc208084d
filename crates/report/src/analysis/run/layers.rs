//! Joins traces with one file per layer: the layers of each folder become one trace.

use std::collections::BTreeMap;

use trace::{FileKind, OpenTrace, SampleRecord, TraceLayer, join_layers};

use super::part::{Part, Verdict};

/// Traces joined from layers.
#[derive(Debug, Default)]
pub struct JoinedLayers {
    /// Traces with the id of their representative file: the last one added, so that a later layer
    /// makes another trace.
    pub traces: Vec<(usize, OpenTrace)>,
    /// Notes on each trace, by its representative file.
    notes: BTreeMap<usize, String>,
    /// Every other file, and its representative file.
    stands_for: Vec<(usize, usize)>,
}

/// Joins the layers of each folder to one trace. If they do not fit, all files of the folder get
/// the reason.
pub fn join(parts: &[Part], records: &[SampleRecord], verdicts: &mut Vec<Verdict>) -> JoinedLayers {
    let mut folders: BTreeMap<&str, Vec<(usize, &TraceLayer)>> = BTreeMap::new();
    for part in parts {
        if let FileKind::Layer(layer) = &part.what {
            folders.entry(&layer.folder).or_default().push((part.id, layer));
        }
    }
    let mut joined = JoinedLayers::default();
    for files in folders.into_values() {
        let layers: Vec<&TraceLayer> = files.iter().map(|&(_, layer)| layer).collect();
        let mut warnings = Vec::new();
        match join_layers(&layers, records, &mut warnings) {
            Ok(trace) => {
                let Some(last) = files.iter().map(|&(id, _)| id).max() else { continue };
                joined.traces.push((last, trace));
                if !warnings.is_empty() {
                    joined.notes.insert(last, warnings.join(" "));
                }
                joined
                    .stands_for
                    .extend(files.iter().filter(|&&(id, _)| id != last).map(|&(id, _)| (id, last)));
            }
            Err(error) => {
                let text = error.to_string();
                verdicts.extend(files.iter().map(|&(id, _)| Verdict {
                    id,
                    used: false,
                    text: Some(text.clone()),
                }));
            }
        }
    }
    joined
}

impl JoinedLayers {
    /// Adds a sentence to the verdict of a file.
    pub fn note(&mut self, id: usize, text: &str) {
        let note = self.notes.entry(id).or_default();
        // A file with several checkpoints has the same note for each.
        if note.contains(text) {
            return;
        }
        if !note.is_empty() {
            note.push(' ');
        }
        note.push_str(text);
    }

    /// Copies the verdict of each trace to its layer files, and adds the notes to the
    /// representative file.
    pub fn add_verdicts(&self, verdicts: &mut Vec<Verdict>) {
        for &(id, last) in &self.stands_for {
            if let Some(Verdict { used, text, .. }) =
                verdicts.iter().rev().find(|verdict| verdict.id == last).cloned()
            {
                verdicts.push(Verdict { id, used, text: text.filter(|_| !used) });
            }
        }
        for verdict in verdicts.iter_mut() {
            if let Some(note) = self.notes.get(&verdict.id) {
                verdict.text = Some(match verdict.text.take() {
                    Some(text) => format!("{text} {note}"),
                    None => note.clone(),
                });
            }
        }
    }
}
