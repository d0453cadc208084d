//! Traces and benchmark results that the engine computed: as parts of a run, and as files.

use std::collections::BTreeMap;

use js_sys::Array;
use protocol::{Event, FileState, engine::Scored};
use report::Part;
use trace::{FileKind, Item, Results, SampleList};
use web_sys::Blob;

use crate::{
    entry::Entry,
    post::{post, post_file, post_files},
    run_inputs::samples_and_items,
};

/// Id and domain of a benchmark item.
type ItemName = (String, String);

/// The parts of a run: the content of all files, with the computed traces of checkpoints, and with
/// the results of items in place of the items.
pub fn parts(files: &[Entry], items: &[ItemName]) -> Vec<Part> {
    let any = files.iter().any(|file| file.computed.is_some());
    // Inputs are in use as soon as there is a checkpoint to run on them.
    let runs = any || files.iter().any(|file| file.row.checkpoint && file.row.state != FileState::Failed);
    let mut results = if any { results(files, items) } else { None };
    let mut parts = Vec::new();
    let inputs = samples_and_items(files);
    let was_run_on = |id| {
        files.iter().any(|file| file.computed.as_ref().is_some_and(|computed| computed.inputs.contains(&id)))
    };
    for file in files {
        let Some(part) = file.part() else { continue };
        let is_input = inputs.contains(&file.row.id);
        let without_samples = |runnable| FileKind::SampleList(SampleList { samples: Vec::new(), runnable });
        let what = match part.what {
            FileKind::Items if runs && is_input => match results.take() {
                Some(results) => FileKind::Results(results),
                // The results of all files of items are in the first part.
                None => without_samples(false),
            },
            FileKind::GateInputs { .. } if was_run_on(file.row.id) => without_samples(false),
            FileKind::Text if runs && is_input => without_samples(true),
            what => what,
        };
        parts.push(Part { what, ..part });
    }
    parts
}

/// Results of the items at all checkpoints that were run; none without items.
fn results(files: &[Entry], items: &[ItemName]) -> Option<Results> {
    if items.is_empty() {
        return None;
    }
    let mut by_step: BTreeMap<u64, &[Scored]> = BTreeMap::new();
    for file in files {
        if let (Some(step), Some(computed)) = (file.row.step, &file.computed) {
            by_step.entry(step).or_insert(&computed.info.scores);
        }
    }
    let items = items.iter().enumerate().map(|(at, (id, domain))| {
        let each = |of: fn(&Scored) -> Option<bool>| {
            by_step.values().map(|scores| scores.get(at).and_then(of)).collect::<Vec<_>>()
        };
        Item {
            id: id.clone(),
            domain: domain.clone(),
            correct: each(|score| score.correct),
            acc: each(|score| score.acc),
            acc_norm: each(|score| score.acc_norm),
            embedding: None,
        }
    });
    Some(Results {
        model: Some("olmoe".to_owned()),
        steps: by_step.keys().copied().collect(),
        items: items.collect(),
        ..Results::default()
    })
}

/// Posts the trace of a checkpoint, or the results of all items, as a file to save.
pub fn save(files: &[Entry], items: &[ItemName], id: Option<usize>) {
    let file = match id {
        Some(id) => files.iter().find(|file| file.row.id == id).and_then(trace_file),
        None => results_file(files, items),
    };
    match file {
        Some((name, blob)) => post_file(name, &blob),
        None => post(&Event::Failed {
            message: "Nothing was made here yet that could be saved: no checkpoint is through.".to_owned(),
        }),
    }
}

/// Posts the traces of all checkpoints and the results of all items.
pub fn post_traces(files: &[Entry], items: &[ItemName]) {
    let (names, blobs): (Vec<String>, Vec<Blob>) =
        files.iter().filter_map(trace_file).chain(results_file(files, items)).unzip();
    post_files(&Event::Traces { names }, &blobs);
}

/// Name and content of the computed trace of a checkpoint.
fn trace_file(file: &Entry) -> Option<(String, Blob)> {
    let computed = file.computed.as_ref()?;
    let name = match file.row.step {
        Some(step) => format!("step-{step:05}.safetensors"),
        None => format!("{}.safetensors", last_part(&file.row.path)),
    };
    Some((name, computed.blob.clone()))
}

/// Name and content of the results of all items; none without items.
fn results_file(files: &[Entry], items: &[ItemName]) -> Option<(String, Blob)> {
    let text = Array::of1(&trace::write_results(&results(files, items)?).ok()?.into());
    Some(("run.json".to_owned(), Blob::new_with_str_sequence(&text).ok()?))
}

/// The last component of a path.
pub fn last_part(path: &str) -> &str {
    path.rsplit(['/', '\\']).next().unwrap_or(path)
}
