//! The selections of one layer in a FLAME-MoE file.

use std::rc::Rc;

use crate::model::StepSource;

/// The format's name in the table of files.
pub const NAME: &str = "FLAME-MoE layer";

/// The most selections that are read.
pub const MAX_SELECTIONS: usize = 1 << 28;

/// The selections of one layer at one checkpoint; the layers of a folder make one trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceLayer {
    /// The file's name.
    pub name: String,
    /// The format's name.
    pub format: &'static str,
    /// The folder with all layers of the checkpoint.
    pub folder: String,
    /// The layer's number, from the file's name.
    pub layer: u64,
    /// Training step, from the names of the folders.
    pub step: Option<u64>,
    /// The origin of the step.
    pub step_from: StepSource,
    /// Tokens, `T`.
    pub tokens: usize,
    /// Experts per token, `k`.
    pub k: usize,
    /// Experts per layer, if the user gave it.
    pub experts: Option<usize>,
    /// Whether a token's experts are ordered by weight, largest first, according to the scores.
    pub ordered: bool,
    /// Size of the file in bytes.
    pub bytes: u64,
    /// Expert ids, `[T,k]`.
    pub(super) ids: Rc<[u16]>,
}

impl TraceLayer {
    /// Sets the training step.
    pub fn set_step(&mut self, step: u64) {
        self.step = Some(step);
        self.step_from = StepSource::User;
    }
}
