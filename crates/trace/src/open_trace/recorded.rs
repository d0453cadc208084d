//! The interface between an open trace and formats that record expert ids.

use std::{fmt, ops::Range, rc::Rc};

use crate::{
    error::Error,
    io::source::{Pending, Source},
    model::{Counts, TraceInfo},
    open_trace::bad_samples::BadSample,
};

/// Gates, and the samples whose gates cannot be used.
pub type GatesFound = (Vec<f32>, Vec<BadSample>);

/// Expert ids in a text file, with their counts in memory.
pub trait RecordedIds: fmt::Debug {
    /// The largest id that occurs.
    fn largest(&self) -> u16;

    /// Whether the file or a setting states the number of experts. Otherwise it is a guess from the
    /// ids.
    fn experts_given(&self) -> bool;

    /// Whether a file of router logits belongs to this trace, by the names of both.
    fn takes_logits(&self, trace: &str, logits: &str) -> bool;

    /// The same ids with router logits; updates what `info` says of gates and experts.
    ///
    /// # Errors
    /// [`Error::Mismatch`] or [`Error::Truncated`] when the logits are not of this trace.
    fn with_logits(&self, info: &mut TraceInfo, logits: &Source) -> Result<Rc<dyn RecordedIds>, Error>;

    /// Gates of a range of samples, `[n,L,E]`: from logits where they are known, otherwise
    /// selection frequencies. The samples with a logit that is not finite come with their faults.
    fn gates(&self, samples: Range<usize>, experts: usize) -> Pending<'_, Result<GatesFound, Error>>;

    /// How often the samples of a range selected each expert; `None` where layers saw different
    /// numbers of tokens.
    fn counts(&self, samples: Range<usize>, experts: usize) -> Option<Counts>;

    /// Selected experts of the tokens of a range of samples, `[T,L,k]`; `None` where the file does
    /// not list tokens.
    fn topk(&self, samples: Range<usize>) -> Pending<'_, Result<Option<Vec<u16>>, Error>>;
}
