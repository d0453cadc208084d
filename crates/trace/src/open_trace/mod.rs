//! An open trace: its metadata is known, and its large tensors are read by ranges of samples on
//! request.

pub mod bad_samples;
pub mod check;
mod edit;
mod endless;
mod join;
pub mod order;
mod read_all;
mod recorded;
pub mod router;
pub mod rule;
mod stack;

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    ops::Range,
    rc::Rc,
};

pub use crate::open_trace::{
    join::Joined,
    recorded::{GatesFound, RecordedIds},
};
use crate::{
    container::tensors::{Dtype, TensorFile, TensorInfo},
    error::Error,
    io::source::MAX_READ,
    model::{Counts, GateKind, Router, RouterTrace, StepSource, TopK, TraceInfo, unnamed_samples},
    open_trace::{
        bad_samples::BadSample,
        check::Checked,
        endless::Endless,
        router::RouterTensor,
        rule::{FoldedGates, Rule},
    },
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
    endless: Option<Endless>,
    /// Samples of the file that are left out.
    left_out: Rc<[BadSample]>,
    notices: Rc<RefCell<Vec<String>>>,
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

    /// Takes the warnings from reading gates, in full sentences; each is returned once.
    #[must_use]
    pub fn take_notices(&self) -> Vec<String> {
        std::mem::take(&mut self.notices.borrow_mut())
    }

    /// Gates of a range of samples, `[n,L,E]`, widened to f32. Only their bytes are read.
    ///
    /// # Errors
    /// [`Error::Gates`] when a value is not a routing weight or a row not a distribution, and those
    /// of [`OpenTrace::gates_and_bad_samples`].
    pub async fn gates(&self, samples: Range<usize>) -> Result<Vec<f32>, Error> {
        let (values, bad) = self.gates_and_bad_samples(samples).await?;
        match bad.into_iter().next() {
            Some(first) => Err(first.fault),
            None => Ok(values),
        }
    }

    /// Gates of a range of samples, `[n,L,E]`, and those of the samples that cannot be used,
    /// ascending. The values of such a sample are as stored.
    ///
    /// # Errors
    /// [`Error::TooLarge`] for more than 1 GiB at once, and errors of the source.
    pub async fn gates_and_bad_samples(
        &self,
        samples: Range<usize>,
    ) -> Result<(Vec<f32>, Vec<BadSample>), Error> {
        self.inside(&samples)?;
        let width = self.info.layers * self.info.experts;
        let bytes = (samples.len() as u64).saturating_mul(4 * width as u64);
        if bytes > MAX_READ {
            return Err(Error::TooLarge {
                name: self.info.name.clone(),
                what: format!("gates of {} samples", samples.len()),
                bytes,
                limit: MAX_READ,
                advice: "Ask for fewer samples at once.",
            });
        }
        let mut known: Vec<BadSample> = Vec::new();
        let (values, dtype) = match &self.body {
            Body::File(body) => {
                let width = width as u64;
                let range = samples.start as u64 * width..samples.end as u64 * width;
                (body.file.floats(&body.gates, range).await?, body.gates.dtype.clone())
            }
            Body::Memory(trace) => {
                let range = samples.start * width..samples.end * width;
                let dtype = if self.info.half_precision { Dtype::Bf16 } else { Dtype::F32 };
                let gates = match &self.rule {
                    Rule::Given(logits) => {
                        let FoldedGates { gates, bad } = logits.gates(self.info.gate_kind).await?;
                        known.extend(bad.iter().filter(|bad| samples.contains(&bad.row)).cloned());
                        gates.get(range).unwrap_or_default().to_vec()
                    }
                    Rule::OfLayers(layers) => stack::gates(layers, &samples).await?,
                    Rule::Own | Rule::Unstated(_) => trace.gates.get(range).unwrap_or_default().to_vec(),
                };
                (gates, dtype)
            }
            Body::Ids(body) => {
                let (gates, bad) = body.gates(samples.clone(), self.info.experts).await?;
                known.extend(bad);
                (gates, Dtype::F32)
            }
            Body::Joined(pieces) => {
                let mut values = Vec::with_capacity(samples.len() * width);
                let mut bad = Vec::new();
                let mut first = samples.start;
                for (part, range) in overlaps(pieces, &samples) {
                    let (start, count) = (range.start, range.len());
                    let (found, of_part) = Box::pin(part.gates_and_bad_samples(range)).await?;
                    values.extend(found);
                    bad.extend(of_part.into_iter().map(|bad| {
                        let row = first + (bad.row - start);
                        let id = self.info.samples.get(row).map_or(bad.id, |meta| meta.id.clone());
                        BadSample { row, id, fault: bad.fault }
                    }));
                    first += count;
                }
                self.notice(check::gates(&self.info, &Dtype::F32, &samples, &values).notice);
                return Ok((values, bad));
            }
        };
        let Checked { notice, bad } = check::gates(&self.info, &dtype, &samples, &values);
        self.notice(notice);
        Ok((values, self.merge(known, bad)))
    }

    /// Samples that are bad for either reason, ascending. The reason that is known already counts
    /// more.
    fn merge(&self, known: Vec<BadSample>, found: Vec<BadSample>) -> Vec<BadSample> {
        let id = |row: usize| self.info.samples.get(row).map(|sample| sample.id.clone());
        let known = known.into_iter().map(|bad| BadSample { id: id(bad.row).unwrap_or(bad.id), ..bad });
        let all = found.into_iter().chain(known).map(|bad| (bad.row, bad));
        all.collect::<BTreeMap<usize, BadSample>>().into_values().collect()
    }

    /// Adds a warning from reading.
    fn add_notice(&self, notice: String) {
        self.notices.borrow_mut().push(notice);
    }

    /// Keeps the first warning from reading gates.
    fn notice(&self, notice: Option<String>) {
        let mut notices = self.notices.borrow_mut();
        if notices.is_empty() {
            notices.extend(notice);
        }
    }

    /// Selected experts of the tokens of a range of samples; `None` if the trace has none, or does
    /// not assign them to samples.
    ///
    /// # Errors
    /// [`Error::Selection`] for impossible ids, and errors of the source.
    pub async fn topk(&self, samples: Range<usize>) -> Result<Option<TopK>, Error> {
        self.inside(&samples)?;
        let Some(offsets) = &self.offsets else { return Ok(None) };
        let Some(window) = offsets.get(samples.start..=samples.end) else { return Ok(None) };
        let (Some(&first), Some(&last)) = (window.first(), window.last()) else { return Ok(None) };
        let layers = self.info.layers;
        let relative = window.iter().map(|&o| (o - first) as usize).collect();
        match &self.body {
            Body::File(body) => {
                let (Some(topk), Some(k)) = (&body.topk, self.info.top_k) else { return Ok(None) };
                let row = (layers * k) as u64;
                let range = first * row..last * row;
                let first = first as usize;
                // The two common types are read without conversion to 64-bit integers.
                let ids = match topk.dtype {
                    Dtype::Uint(1) => {
                        let bytes = body.file.bytes(topk, range).await?;
                        check::selections(&self.info, k, first, bytes.iter().map(|&id| i64::from(id)))?
                    }
                    Dtype::Uint(2) => {
                        let bytes = body.file.bytes(topk, range).await?;
                        let ids = bytes.as_chunks().0.iter().map(|&id| i64::from(u16::from_le_bytes(id)));
                        check::selections(&self.info, k, first, ids)?
                    }
                    _ => {
                        let ids = body.file.integers(topk, range).await?;
                        check::selections(&self.info, k, first, ids.into_iter())?
                    }
                };
                Ok(Some(TopK { k, layers, ids, offsets: relative }))
            }
            Body::Memory(trace) => {
                let Some(topk) = &trace.topk else { return Ok(None) };
                let row = layers * topk.k;
                let ids =
                    topk.ids.get(first as usize * row..last as usize * row).unwrap_or_default().to_vec();
                Ok(Some(TopK { k: topk.k, layers, ids, offsets: relative }))
            }
            Body::Ids(body) => {
                let (Some(k), Some(ids)) = (self.info.top_k, body.topk(samples).await?) else {
                    return Ok(None);
                };
                Ok(Some(TopK { k, layers, ids, offsets: relative }))
            }
            Body::Joined(pieces) => {
                let Some(k) = self.info.top_k else { return Ok(None) };
                let mut ids = Vec::new();
                for (part, range) in overlaps(pieces, &samples) {
                    let Some(found) = Box::pin(part.topk(range)).await? else { return Ok(None) };
                    ids.extend(found.ids);
                }
                Ok(Some(TopK { k, layers, ids, offsets: relative }))
            }
        }
    }

    /// The routers, if the trace has them.
    ///
    /// # Errors
    /// [`Error::Tensor`] for values that are not finite, [`Error::TooLarge`], and errors of the
    /// source.
    pub async fn router(&self) -> Result<Option<Router>, Error> {
        let body = match &self.body {
            Body::Memory(trace) => return Ok(trace.router.clone()),
            Body::Ids(_) | Body::Joined(_) => return Ok(None),
            Body::File(body) => body,
        };
        match &body.router {
            None => Ok(None),
            Some(tensor) => {
                router::read(&body.file, tensor, self.info.layers, self.info.experts).await.map(Some)
            }
        }
    }

    /// Counts of how often the samples of a range selected each expert. `None` unless the gates are
    /// selection frequencies and the counts are exact: from the selections, or from frequencies
    /// whose `k` and token counts are known and give whole numbers. Those of a bad sample are 0.
    ///
    /// # Errors
    /// Those of [`OpenTrace::topk`] and [`OpenTrace::gates`].
    pub async fn counts(&self, samples: Range<usize>) -> Result<Option<Counts>, Error> {
        if self.info.gate_kind != GateKind::SelectionFrequency {
            return Ok(None);
        }
        let width = self.info.layers * self.info.experts;
        match &self.body {
            Body::Ids(body) => {
                self.inside(&samples)?;
                return Ok(body.counts(samples, self.info.experts));
            }
            Body::Joined(pieces) => {
                self.inside(&samples)?;
                let mut all: Option<Counts> = None;
                for (part, range) in overlaps(pieces, &samples) {
                    let Some(found) = Box::pin(part.counts(range)).await? else { return Ok(None) };
                    match &mut all {
                        None => all = Some(found),
                        Some(all) => {
                            all.values.extend(found.values);
                            all.tokens.extend(found.tokens);
                        }
                    }
                }
                return Ok(all);
            }
            Body::File(_) | Body::Memory(_) => {}
        }
        if let Some(topk) = self.topk(samples.clone()).await? {
            return Ok(Some(topk.counts(self.info.experts)));
        }
        let (Some(k), Some(n_tokens)) = (self.info.top_k, &self.info.n_tokens) else { return Ok(None) };
        let Some(tokens) = n_tokens.get(samples.clone()) else { return Ok(None) };
        let first = samples.start;
        let (frequencies, bad) = self.gates_and_bad_samples(samples).await?;
        let bad: BTreeSet<usize> = bad.iter().map(|bad| bad.row).collect();
        let mut values = Vec::with_capacity(frequencies.len());
        for (row, (sample, &tokens)) in (first..).zip(frequencies.chunks_exact(width.max(1)).zip(tokens)) {
            if bad.contains(&row) {
                values.resize(values.len() + width, 0);
                continue;
            }
            let total = k as u64 * u64::from(tokens);
            for row in sample.chunks_exact(self.info.experts.max(1)) {
                let before = values.len();
                for &frequency in row {
                    let exact = f64::from(frequency) * total as f64;
                    let whole = exact.round();
                    if (exact - whole).abs() > 0.05 {
                        return Ok(None);
                    }
                    values.push(whole as u32);
                }
                let sum: u64 = values.iter().skip(before).map(|&v| u64::from(v)).sum();
                if sum != total {
                    return Ok(None);
                }
            }
        }
        Ok(Some(Counts { k, width, values, tokens: tokens.to_vec() }))
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

    fn inside(&self, samples: &Range<usize>) -> Result<(), Error> {
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
fn overlaps<'a>(
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

/// The error for a number of experts from the user that does not fit the file.
pub(crate) fn not_so_many(name: &str, experts: usize, has: String) -> Error {
    Error::Mismatch {
        name: name.to_owned(),
        given: format!("{experts} experts per layer were given"),
        has,
        advice: "Give the number that the model's config.json has.",
    }
}
