//! The selections of one or more layers, as one Parquet file has them.

use std::rc::Rc;

use crate::model::StepSource;

/// The format in the table of files, for a file of one layer.
pub const NAME: &str = "FLAME-MoE layer";

/// The format in the table of files, for a file whose columns name layers or samples.
pub const TABLE: &str = "Parquet table of expert ids";

/// Selections beyond this many are not read.
pub const MAX_SELECTIONS: usize = 1 << 28;

/// The selections of one file at one checkpoint; the files of a folder make one trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceLayer {
    /// The file's name.
    pub name: String,
    /// What the file was recognised as.
    pub format: &'static str,
    /// The folder that it shares with the checkpoint's other files, with the step where the file itself names it.
    pub folder: String,
    /// The number of its lowest layer, from a column or from the file's name.
    pub layer: u64,
    /// Training step, from a column or from the names of file and folders.
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
    /// Numbers of its layers, ascending, with the ids of each, `[T,k]`.
    pub(super) layers: Vec<(u64, Rc<[u16]>)>,
    /// Whose the tokens are, where columns tell.
    pub(super) samples: Option<Rc<RowSamples>>,
}

/// Whose the tokens of a file are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RowSamples {
    /// Names of the samples, `[S]`; `None` where only their ends are known.
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
    /// Says what the training step is.
    pub fn set_step(&mut self, step: u64) {
        self.step = Some(step);
        self.step_from = StepSource::User;
    }
}
