//! The selections of one or more layers in a Parquet file.

use std::rc::Rc;

use crate::model::StepSource;

/// The format's name in the table of files, for a file of one layer.
pub const NAME: &str = "FLAME-MoE layer";

/// The format's name in the table of files, for a file whose columns name layers or samples.
pub const TABLE: &str = "Parquet table of expert ids";

/// The most selections that are read.
pub const MAX_SELECTIONS: usize = 1 << 28;

/// The selections of one file at one checkpoint; the files of a folder make one trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceLayer {
    /// The file's name.
    pub name: String,
    /// The format's name.
    pub format: &'static str,
    /// The folder with all files of the checkpoint, and the step if the file itself names it.
    pub folder: String,
    /// The number of its lowest layer, from a column or the file's name.
    pub layer: u64,
    /// Training step, from a column or the names of file and folders.
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
    /// Numbers of its layers, ascending, with the ids of each, `[T,k]`.
    pub(super) layers: Vec<(u64, Rc<[u16]>)>,
    /// The samples of the tokens, if columns state them.
    pub(super) samples: Option<Rc<RowSamples>>,
}

/// The samples of a file's tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RowSamples {
    /// Names of the samples, `[S]`; `None` if only their ends are known.
    pub names: Option<Vec<RowSample>>,
    /// `[S+1]`: sample `i` has the tokens `offsets[i]..offsets[i+1]`.
    pub offsets: Vec<usize>,
}

/// A sample that a column names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RowSample {
    pub id: Rc<str>,
    pub domain: Option<Rc<str>>,
}

impl TraceLayer {
    /// Sets the training step.
    pub fn set_step(&mut self, step: u64) {
        self.step = Some(step);
        self.step_from = StepSource::User;
    }
}
