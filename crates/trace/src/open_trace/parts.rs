//! What an open trace consists of. These types refer to each other: a trace may be joined or stacked
//! from others.

use std::{cell::RefCell, ops::Range, rc::Rc};

use crate::{
    container::tensors::{TensorFile, TensorInfo},
    error::Error,
    model::{RouterTrace, StepSource, TraceInfo, unnamed_samples},
    open_trace::{bad_samples::BadSample, logits::RouterLogits, recorded::RecordedIds, router::RouterTensor},
};

/// One checkpoint's router trace. Cloning is cheap and shares the source.
#[derive(Clone, Debug)]
pub struct OpenTrace {
    /// Its metadata.
    pub info: TraceInfo,
    pub(crate) body: Body,
    /// Token offsets, `[S+1]`: sample `i` has the tokens `offsets[i]..offsets[i+1]` of the file.
    pub(crate) offsets: Option<Rc<[u64]>>,
    pub(crate) rule: Rule,
    /// The rows, if nothing tells where samples end.
    pub(super) endless: Option<Endless>,
    /// Samples of the file that are left out.
    pub(super) left_out: Rc<[BadSample]>,
    pub(super) notices: Rc<RefCell<Vec<String>>>,
}

/// The location of the large tensors.
#[derive(Clone, Debug)]
pub(crate) enum Body {
    /// In a file that is read by ranges.
    File(Rc<FileBody>),
    /// In memory.
    Memory(Rc<RouterTrace>),
    /// Counts in memory, ids in a text file.
    Ids(Rc<dyn RecordedIds>),
    /// Samples of other traces of the checkpoint, one piece after the other.
    Joined(Rc<[Piece]>),
}

/// Some samples of a trace.
#[derive(Clone, Debug)]
pub(crate) struct Piece {
    pub trace: OpenTrace,
    pub rows: Range<usize>,
}

#[derive(Debug)]
pub(crate) struct FileBody {
    pub file: TensorFile,
    /// Gates, `[S,L,E]`.
    pub gates: TensorInfo,
    /// Selections, `[T,L,k]`.
    pub topk: Option<TensorInfo>,
    pub router: Option<RouterTensor>,
}

/// Which file states the rule by which logits become gates.
#[derive(Clone, Debug, Default)]
pub(crate) enum Rule {
    /// The trace's own, or the format has one rule only.
    #[default]
    Own,
    /// None so far; the gates are by softmax.
    Unstated(Rc<dyn RouterLogits>),
    /// Another one ([`OpenTrace::set_rule`]); gates are computed when they are first read.
    Given(Rc<dyn RouterLogits>),
    /// Each layer's own rule, in a trace of stacked layers ([`OpenTrace::stack`]).
    OfLayers(Rc<[OpenTrace]>),
}

/// Rows whose samples are not known.
#[derive(Clone, Debug)]
pub struct Endless {
    pub(super) logits: Rc<dyn RouterLogits>,
    /// Losses in the file, of the samples that are not known.
    pub(super) losses: Option<Rc<[f32]>>,
}

impl OpenTrace {
    pub(crate) fn new(info: TraceInfo, body: Body, offsets: Option<Rc<[u64]>>) -> Self {
        Self {
            info,
            body,
            offsets,
            rule: Rule::Own,
            endless: None,
            left_out: Rc::default(),
            notices: Rc::default(),
        }
    }

    /// A trace in memory.
    ///
    /// # Errors
    /// Those of [`RouterTrace::check`].
    pub fn from_memory(name: &str, format: &'static str, trace: RouterTrace) -> Result<Self, Error> {
        trace.check(name)?;
        let count = trace.len();
        let offsets = trace.topk.as_ref().map(|topk| topk.offsets.iter().map(|&o| o as u64).collect());
        let info = TraceInfo {
            name: name.to_owned(),
            format,
            model: trace.model.clone(),
            step: trace.step,
            step_from: if trace.step.is_some() { StepSource::Metadata } else { StepSource::None },
            tokens: trace.tokens,
            labelled: trace.samples.is_some(),
            samples: trace.samples.clone().unwrap_or_else(|| unnamed_samples(count)),
            layers: trace.layers,
            experts: trace.experts,
            top_k: trace.topk.as_ref().map(|topk| topk.k),
            topk_ordered: trace.topk_ordered,
            gate_kind: trace.gate_kind,
            half_precision: false,
            loss: trace.loss.clone(),
            n_tokens: trace.n_tokens.clone(),
            has_topk: trace.topk.is_some(),
            has_router: trace.router.is_some(),
            layer: None,
            bytes: 4 * trace.gates.len() as u64,
        };
        Ok(Self::new(info, Body::Memory(Rc::new(trace)), offsets))
    }

    /// Whether this is a file of records of single samples, of which a checkpoint may have several
    /// ([`OpenTrace::join`]).
    #[must_use]
    pub fn is_of_records(&self) -> bool {
        match &self.body {
            Body::Ids(_) => true,
            Body::Joined(pieces) => pieces.iter().all(|piece| piece.trace.is_of_records()),
            Body::File(_) | Body::Memory(_) => false,
        }
    }

    /// Whether all of it is in memory, as of dumps of router logits.
    #[must_use]
    pub fn is_in_memory(&self) -> bool {
        matches!(self.body, Body::Memory(_))
    }

    /// Checks that the trace has these samples.
    pub(super) fn inside(&self, samples: &Range<usize>) -> Result<(), Error> {
        let count = self.info.samples.len();
        if samples.start <= samples.end && samples.end <= count {
            return Ok(());
        }
        Err(Error::Mismatch {
            name: self.info.name.clone(),
            given: format!("samples {} to {} were requested", samples.start, samples.end),
            has: format!("{count} samples"),
            advice: "This is a bug in Grokscope; please report it.",
        })
    }
}

/// Which samples of which pieces a range of the whole has.
pub(super) fn overlaps<'a>(
    pieces: &'a [Piece],
    samples: &Range<usize>,
) -> impl Iterator<Item = (&'a OpenTrace, Range<usize>)> + use<'a> {
    let (start, end) = (samples.start, samples.end);
    let mut first = 0;
    pieces.iter().filter_map(move |Piece { trace, rows }| {
        let (from, count) = (first, rows.len());
        first += count;
        let shift = |at: usize| rows.start + (at.clamp(from, first) - from);
        let range = shift(start)..shift(end);
        (!range.is_empty()).then_some((trace, range))
    })
}
