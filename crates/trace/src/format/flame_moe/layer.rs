//! The selections of one layer, as a FLAME-MoE file has them.

use std::rc::Rc;

use crate::model::StepSource;

/// The format in the table of files.
pub const NAME: &str = "FLAME-MoE layer";

/// Selections beyond this many are not read.
pub const MAX_SELECTIONS: usize = 1 << 28;

/// The selections of one layer at one checkpoint; the layers of a folder make one trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceLayer {
    /// The file's name.
    pub name: String,
    /// What the file was recognised as.
    pub format: &'static str,
    /// The folder that it shares with the checkpoint's other layers.
    pub folder: String,
    /// The layer's number, from the file's name.
    pub layer: u64,
    /// Training step, from the names of the folders.
    pub step: Option<u64>,
    /// Who says what the step is.
    pub step_from: StepSource,
    /// Tokens, `T`.
    pub tokens: usize,
    /// Experts a token, `k`.
    pub k: usize,
    /// Experts a layer, where the user said it.
    pub experts: Option<usize>,
    /// Whether a token's experts come heaviest first, which the scores tell.
    pub ordered: bool,
    /// Bytes of the file.
    pub bytes: u64,
    /// `[T,k]`.
    pub(super) ids: Rc<[u16]>,
}

impl TraceLayer {
    /// Says what the training step is.
    pub fn set_step(&mut self, step: u64) {
        self.step = Some(step);
        self.step_from = StepSource::User;
    }
}
