//! The inputs that checkpoints are run on, and which checkpoint to run next.

use protocol::FileState;
use trace::FileKind;
use wasm_bindgen::JsValue;

use crate::{
    entry::{Entry, FileOrigin},
    remote::FileHandles,
};

/// Rows of the files that checkpoints are run on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunInputs {
    /// Samples and items; empty without samples.
    samples: Vec<usize>,
    /// Router inputs and their steps; empty if there are samples.
    gates: Vec<(usize, Option<u64>)>,
    /// Whether a single checkpoint and a single file of router inputs belong together regardless of
    /// their steps.
    pair: bool,
}

/// A checkpoint to run.
pub struct CheckpointTask {
    /// Its row in the file table.
    pub id: usize,
    /// Its folder.
    pub folder: String,
    /// Its files.
    pub files: FileHandles,
    /// Bytes of its files.
    pub bytes: u64,
    /// Rows of the files that it is run on.
    pub inputs: Vec<usize>,
    /// Router inputs, if only its gating layers are computed.
    pub gates: Option<(String, JsValue)>,
}

impl RunInputs {
    /// The inputs among the files.
    pub fn of(files: &[Entry]) -> Self {
        let mut samples = samples_and_items(files);
        if !files.iter().any(|file| file.is_samples() && samples.contains(&file.row.id)) {
            samples.clear();
        }
        let gates: Vec<_> = files
            .iter()
            .filter(|file| samples.is_empty() && file.is_gate_inputs())
            .map(|file| (file.row.id, file.row.step))
            .collect();
        let pair = gates.len() == 1 && files.iter().filter(|file| file.row.checkpoint).count() == 1;
        Self { samples, gates, pair }
    }

    /// The files to run a checkpoint on; none if it waits for them.
    pub fn for_checkpoint(&self, checkpoint: &Entry) -> Option<Vec<usize>> {
        if !self.samples.is_empty() {
            return Some(self.samples.clone());
        }
        let step = checkpoint.step.or(checkpoint.row.step);
        let fits = |of: Option<u64>| self.pair || (of.is_some() && of == step);
        self.gates.iter().find(|(_, of)| fits(*of)).map(|(id, _)| vec![*id])
    }

    /// Forgets traces that were computed on other inputs, and writes into the rows of checkpoints
    /// why they are not run.
    pub fn mark(&self, files: &mut [Entry]) {
        for file in files.iter_mut() {
            let inputs = self.for_checkpoint(file);
            if file.computed.as_ref().is_some_and(|computed| Some(&computed.inputs) != inputs.as_ref()) {
                file.reset_run();
            }
        }
        let used: Vec<usize> = files
            .iter()
            .filter(|file| file.row.checkpoint)
            .filter_map(|file| self.for_checkpoint(file))
            .flatten()
            .collect();
        for file in files.iter_mut().filter(|file| used.contains(&file.row.id)) {
            file.set_verdict(true, None);
        }
        let known: Vec<u64> = files
            .iter()
            .filter(|file| !file.row.checkpoint && file.is_trace())
            .filter_map(|file| file.row.step)
            .collect();
        for file in files.iter_mut().filter(|file| file.row.checkpoint && file.computed.is_none()) {
            if matches!(file.row.state, FileState::Failed | FileState::Reading) {
                continue;
            }
            let step = file.step.or(file.row.step);
            if let Some(step) = step.filter(|step| known.contains(step)) {
                file.row.state = FileState::Skipped;
                file.row.messages = vec![format!(
                    "A trace of step {step} is among the files already, so that the checkpoint is not run. Remove that trace to run it."
                )];
            } else {
                file.row.state = FileState::Waiting;
                file.row.messages = self.missing(file).map(str::to_owned).into_iter().collect();
            }
        }
    }

    /// What a checkpoint waits for.
    fn missing(&self, checkpoint: &Entry) -> Option<&'static str> {
        if self.for_checkpoint(checkpoint).is_some() {
            None
        } else if self.gates.is_empty() {
            Some(
                "It waits for samples to be run on: drop JSON lines with `id`, `domain` and `input_ids` or `text`, or plain text with a sample a line.",
            )
        } else {
            Some(
                "It waits for what enters its routers: no file of such inputs is of its step. Steps are in the files' metadata (`step`) or names.",
            )
        }
    }

    /// The waiting checkpoint with the lowest step for which there are inputs.
    pub fn next(&self, files: &[Entry]) -> Option<CheckpointTask> {
        let waiting = files.iter().filter(|file| file.row.checkpoint && file.row.state == FileState::Waiting);
        let runnable = waiting.filter_map(|file| Some((file, self.for_checkpoint(file)?)));
        let (first, inputs) = runnable.min_by_key(|(file, _)| (file.row.step, file.row.id))?;
        let FileOrigin::Checkpoint(own) = &first.origin else { return None };
        let gates = if self.samples.is_empty() {
            files.iter().find(|file| inputs.contains(&file.row.id)).and_then(Entry::handle)
        } else {
            None
        };
        Some(CheckpointTask {
            id: first.row.id,
            folder: first.row.path.clone(),
            files: own.clone(),
            bytes: first.row.bytes,
            inputs,
            gates,
        })
    }
}

/// Rows of the files that checkpoints are run on: JSON lines of samples, or else plain text; and
/// items.
pub fn samples_and_items(files: &[Entry]) -> Vec<usize> {
    let lists = files.iter().any(|file| file.is_samples() && !matches!(file.kind(), Some(FileKind::Text)));
    let wanted = |file: &&Entry| match file.kind() {
        Some(FileKind::Items) => true,
        Some(FileKind::Text) => !lists,
        _ => file.is_samples(),
    };
    files.iter().filter(wanted).map(|file| file.row.id).collect()
}
