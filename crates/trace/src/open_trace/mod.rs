//! A trace that is open: its small facts are known, its large tensors are read by ranges of samples when asked for.

pub mod check;
mod edit;
mod join;
mod read_all;
mod recorded;
pub mod router;
pub mod rule;

use std::{cell::RefCell, ops::Range, rc::Rc};

pub use crate::open_trace::recorded::RecordedIds;
use crate::{
    container::tensors::{Dtype, TensorFile, TensorInfo},
    error::Error,
    io::source::MAX_READ,
    model::{Counts, GateKind, Router, RouterTrace, StepSource, TopK, TraceInfo, unnamed_samples},
    open_trace::{router::RouterTensor, rule::Rule},
};

/// One checkpoint's router trace. Cloning is cheap and shares the source.
#[derive(Clone, Debug)]
pub struct OpenTrace {
    /// What is known of it.
    pub info: TraceInfo,
    pub(crate) body: Body,
    /// `[S+1]`: sample `i` has the tokens `offsets[i]..offsets[i+1]` of the file.
    pub(crate) offsets: Option<Rc<[u64]>>,
    pub(crate) rule: Rule,
    notices: Rc<RefCell<Vec<String>>>,
}

/// Where the large tensors are.
#[derive(Clone, Debug)]
pub(crate) enum Body {
    /// In a file that is read by ranges.
    File(Rc<FileBody>),
    /// In memory.
    Memory(Rc<RouterTrace>),
    /// Counts in memory, ids in a text file.
    Ids(Rc<dyn RecordedIds>),
    /// Several files of one checkpoint, one after the other.
    Joined(Rc<[OpenTrace]>),
}

#[derive(Debug)]
pub(crate) struct FileBody {
    pub file: TensorFile,
    /// `[S,L,E]`.
    pub gates: TensorInfo,
    /// `[T,L,k]`.
    pub topk: Option<TensorInfo>,
    pub router: Option<RouterTensor>,
}

impl OpenTrace {
    pub(crate) fn new(info: TraceInfo, body: Body, offsets: Option<Rc<[u64]>>) -> Self {
        Self { info, body, offsets, rule: Rule::Own, notices: Rc::default() }
    }

    /// A trace that is in memory already.
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
            bytes: 4 * trace.gates.len() as u64,
        };
        Ok(Self::new(info, Body::Memory(Rc::new(trace)), offsets))
    }

    /// Things noticed while reading gates that leave them usable, whole sentences; each is told once.
    #[must_use]
    pub fn take_notices(&self) -> Vec<String> {
        std::mem::take(&mut self.notices.borrow_mut())
    }

    /// Gates of a range of samples, `[n,L,E]`, widened to f32. Only their bytes are read.
    ///
    /// # Errors
    /// [`Error::Gates`] when a value or a row is no routing weight, [`Error::TooLarge`] for more than 1 GiB at once, and
    /// what the source answers.
    pub async fn gates(&self, samples: Range<usize>) -> Result<Vec<f32>, Error> {
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
                        logits.gates(self.info.gate_kind).await?.get(range).unwrap_or_default().to_vec()
                    }
                    Rule::Own | Rule::Unstated(_) => trace.gates.get(range).unwrap_or_default().to_vec(),
                };
                (gates, dtype)
            }
            Body::Ids(body) => (body.gates(samples.clone(), self.info.experts).await?, Dtype::F32),
            Body::Joined(parts) => {
                let mut values = Vec::with_capacity(samples.len() * width);
                for (part, range) in overlaps(parts, &samples) {
                    values.extend(Box::pin(part.gates(range)).await?);
                }
                (values, Dtype::F32)
            }
        };
        if let Some(notice) = check::gates(&self.info, &dtype, &samples, &values)? {
            let mut notices = self.notices.borrow_mut();
            if notices.is_empty() {
                notices.push(notice);
            }
        }
        Ok(values)
    }

    /// Selected experts of the tokens of a range of samples; `None` where the trace has none, or does not tell whose
    /// they are.
    ///
    /// # Errors
    /// [`Error::Selection`] for impossible ids, and what the source answers.
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
                // The two types that such files have go without a detour over 64-bit integers.
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
            Body::Joined(parts) => {
                let Some(k) = self.info.top_k else { return Ok(None) };
                let mut ids = Vec::new();
                for (part, range) in overlaps(parts, &samples) {
                    let Some(found) = Box::pin(part.topk(range)).await? else { return Ok(None) };
                    ids.extend(found.ids);
                }
                Ok(Some(TopK { k, layers, ids, offsets: relative }))
            }
        }
    }

    /// The routers, where the trace has them.
    ///
    /// # Errors
    /// [`Error::Tensor`] for values that are not finite, [`Error::TooLarge`], and what the source answers.
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

    /// How often each expert was selected by the samples of a range; `None` unless the gates are selection frequencies
    /// and the counts can be had exactly: from the selections themselves, or from frequencies whose `k` and token counts
    /// are known and give whole numbers.
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
            Body::Joined(parts) => {
                self.inside(&samples)?;
                let mut all: Option<Counts> = None;
                for (part, range) in overlaps(parts, &samples) {
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
        let frequencies = self.gates(samples).await?;
        let mut values = Vec::with_capacity(frequencies.len());
        for (sample, &tokens) in frequencies.chunks_exact(width.max(1)).zip(tokens) {
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

    /// Whether this is a file of single samples' records, of which a checkpoint may have several
    /// ([`OpenTrace::join`]).
    #[must_use]
    pub fn is_of_records(&self) -> bool {
        matches!(self.body, Body::Ids(_))
    }

    fn inside(&self, samples: &Range<usize>) -> Result<(), Error> {
        let count = self.info.samples.len();
        if samples.start <= samples.end && samples.end <= count {
            return Ok(());
        }
        Err(Error::Mismatch {
            name: self.info.name.clone(),
            given: format!("samples {} to {} were asked for", samples.start, samples.end),
            has: format!("{count} samples"),
            advice: "This is a fault of the program; please report it.",
        })
    }
}

/// Which samples of which parts a range of the whole has.
fn overlaps<'a>(
    parts: &'a [OpenTrace],
    samples: &Range<usize>,
) -> impl Iterator<Item = (&'a OpenTrace, Range<usize>)> + use<'a> {
    let (start, end) = (samples.start, samples.end);
    let mut first = 0;
    parts.iter().filter_map(move |part| {
        let (from, count) = (first, part.info.samples.len());
        first += count;
        let range = start.clamp(from, first) - from..end.clamp(from, first) - from;
        (!range.is_empty()).then_some((part, range))
    })
}

/// The error that a layer has not as many experts as the user says.
pub(crate) fn not_so_many(name: &str, experts: usize, has: String) -> Error {
    Error::Mismatch {
        name: name.to_owned(),
        given: format!("{experts} experts a layer were given"),
        has,
        advice: "Give the number that the model's config.json has.",
    }
}
