//! A trace that is open: its small facts are known, its large tensors are read by ranges of samples when asked for.

use std::{
    cell::RefCell,
    hash::{DefaultHasher, Hash as _, Hasher as _},
    ops::Range,
    rc::Rc,
};

use crate::{
    check,
    error::Error,
    ids::{self, IdsBody},
    metadata::make_distinct,
    model::{
        Counts, GateKind, Router, RouterTrace, SampleMeta, StepSource, TopK, TraceInfo, unnamed_samples,
    },
    router::{self, RouterTensor},
    source::Source,
    tensors::{Dtype, MAX_READ, TensorFile, TensorInfo},
};

/// One checkpoint's router trace. Cloning is cheap and shares the source.
#[derive(Clone, Debug)]
pub struct OpenTrace {
    /// What is known of it.
    pub info: TraceInfo,
    pub(crate) body: Body,
    /// `[S+1]`: sample `i` has the tokens `offsets[i]..offsets[i+1]` of the file.
    pub(crate) offsets: Option<Rc<[u64]>>,
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
    Ids(Rc<IdsBody>),
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
        Self { info, body, offsets, notices: Rc::default() }
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

    /// Says what the training step is, when the file does not.
    pub fn set_step(&mut self, step: u64) {
        self.info.step = Some(step);
        self.info.step_from = StepSource::User;
    }

    /// Names the samples.
    ///
    /// # Errors
    /// [`Error::Mismatch`] when their number is not the trace's, or an id comes twice.
    pub fn set_samples(&mut self, samples: Vec<SampleMeta>) -> Result<(), Error> {
        self.same_count("names", samples.len())?;
        if let Some(twice) = first_duplicate(&samples) {
            return Err(Error::Mismatch {
                name: self.info.name.clone(),
                given: format!("a list of samples with the id `{twice}` twice was given"),
                has: format!("{} samples, each of which needs an id of its own", samples.len()),
                advice: "Give every sample its own id.",
            });
        }
        self.info.samples = samples;
        self.info.labelled = true;
        Ok(())
    }

    /// Says how many real tokens each sample has, which also tells whose the selections in the file are.
    ///
    /// # Errors
    /// [`Error::Mismatch`] when the number of samples or the sum of tokens is not the trace's.
    pub fn set_token_counts(&mut self, counts: &[u32]) -> Result<(), Error> {
        self.same_count("token counts", counts.len())?;
        let topk_tokens = match &self.body {
            Body::File(body) => body.topk.as_ref().and_then(|topk| topk.shape.first().copied()),
            Body::Memory(trace) => trace.topk.as_ref().and_then(|t| t.offsets.last().map(|&o| o as u64)),
            Body::Ids(_) | Body::Joined(_) => {
                self.offsets.as_ref().and_then(|offsets| offsets.last().copied())
            }
        };
        if let Some(tokens) = topk_tokens {
            let offsets = offsets_of(counts);
            let sum = offsets.last().copied().unwrap_or(0);
            if sum != tokens {
                return Err(Error::Mismatch {
                    name: self.info.name.clone(),
                    given: format!("the samples' token counts sum to {sum}"),
                    has: format!("selections of {tokens} tokens"),
                    advice: "Check that results and trace are of the same samples, or write `offsets` into the trace.",
                });
            }
            self.offsets = Some(offsets.into());
            self.info.has_topk = true;
        }
        self.info.n_tokens = Some(counts.to_vec());
        Ok(())
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
                (trace.gates.get(range).unwrap_or_default().to_vec(), dtype)
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
            return Ok(Some(count(&topk, self.info.experts)));
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

    /// Whether the number of experts is only a guess from the ids that occur; [`OpenTrace::set_experts`] corrects it.
    #[must_use]
    pub fn experts_are_guessed(&self) -> bool {
        match &self.body {
            Body::Ids(body) => !body.experts_given,
            Body::Joined(parts) => parts.iter().all(Self::experts_are_guessed),
            Body::File(_) | Body::Memory(_) => false,
        }
    }

    /// Says how many experts a layer has, where the file does not: those that never occur were chosen by nobody.
    ///
    /// # Errors
    /// [`Error::Mismatch`] when the trace tells itself, or an id is larger.
    pub fn set_experts(&mut self, experts: usize) -> Result<(), Error> {
        let wrong = |has: String| not_so_many(&self.info.name, experts, has);
        if experts == self.info.experts {
            return Ok(());
        }
        match &self.body {
            Body::Ids(body) if !body.experts_given => {
                let largest = usize::from(body.folded_largest());
                if experts <= largest || experts > 65_535 {
                    return Err(wrong(format!("ids up to {largest}")));
                }
            }
            Body::Joined(parts) => {
                let mut parts = parts.to_vec();
                for part in &mut parts {
                    part.set_experts(experts)?;
                }
                self.body = Body::Joined(parts.into());
            }
            _ => return Err(wrong(format!("{}", self.info.experts))),
        }
        self.info.experts = experts;
        Ok(())
    }

    /// Whether a file of router logits of this name was recorded beside this trace (Megatron's tracer).
    #[must_use]
    pub fn takes_logits(&self, name: &str) -> bool {
        matches!(&self.body, Body::Ids(body) if body.is_megatron())
            && ids::belong_together(&self.info.name, name)
    }

    /// Gives the trace the router logits that were recorded beside its ids: its gates are then mean routing weights, and
    /// the recorded ids stay what was selected.
    ///
    /// # Errors
    /// [`Error::Mismatch`] or [`Error::Truncated`] when they are not of this trace.
    pub fn set_logits(&mut self, logits: &Source) -> Result<(), Error> {
        let Body::Ids(body) = &self.body else {
            return Err(Error::Mismatch {
                name: self.info.name.clone(),
                given: "a file of router logits was given".to_owned(),
                has: "no place for one".to_owned(),
                advice: "Only Megatron's router trace has its logits in a second file.",
            });
        };
        let body = Rc::clone(body);
        self.body = Body::Ids(Rc::new(ids::attach_logits(self, &body, logits)?));
        Ok(())
    }

    /// Whether this is a file of single samples' records, of which a checkpoint may have several
    /// ([`OpenTrace::join`]).
    #[must_use]
    pub fn is_of_records(&self) -> bool {
        matches!(self.body, Body::Ids(_))
    }

    /// Makes one trace of several files of one checkpoint; their samples come one after the other.
    ///
    /// # Errors
    /// [`Error::Mismatch`] when layers, experts or what the gates are differ.
    pub fn join(mut parts: Vec<Self>) -> Result<Self, Error> {
        let experts = parts.iter().map(|part| part.info.experts).max().unwrap_or(0);
        for part in &mut parts {
            if part.experts_are_guessed() {
                part.set_experts(experts)?;
            }
        }
        let Some(first) = parts.first().map(|part| part.info.clone()) else {
            return Err(Error::Empty { name: "no file".to_owned() });
        };
        let alike = |info: &TraceInfo| {
            (info.layers, info.experts, info.top_k, info.gate_kind)
                == (first.layers, first.experts, first.top_k, first.gate_kind)
        };
        if let Some(other) = parts.iter().find(|part| !alike(&part.info)) {
            let words = |info: &TraceInfo| {
                format!(
                    "{} layers of {} experts, {} of them a token",
                    info.layers,
                    info.experts,
                    info.top_k.unwrap_or(0)
                )
            };
            return Err(Error::Mismatch {
                name: first.name.clone(),
                given: format!("{} of the same checkpoint has {}", other.info.name, words(&other.info)),
                has: words(&first),
                advice: "Keep files of one model in a folder.",
            });
        }
        let infos = || parts.iter().map(|part| &part.info);
        let labelled = infos().all(|info| info.labelled);
        let mut samples: Vec<SampleMeta> = infos().flat_map(|info| info.samples.iter().cloned()).collect();
        // Files count their unnamed samples from 0 each.
        for (i, sample) in samples.iter_mut().enumerate() {
            if sample.id.bytes().all(|byte| byte.is_ascii_digit()) && !labelled {
                sample.id = i.to_string();
            }
        }
        let mut twice = Vec::new();
        make_distinct(&first.name, &mut samples, &mut twice);
        let all = |list: fn(&TraceInfo) -> Option<&[u32]>| {
            infos().map(list).collect::<Option<Vec<_>>>().map(|lists| lists.concat())
        };
        let n_tokens = all(|info| info.n_tokens.as_deref());
        let lost = |info: &TraceInfo| vec![f32::NAN; info.samples.len()];
        let losses = || infos().flat_map(|info| info.loss.clone().unwrap_or_else(|| lost(info)));
        let has_topk = infos().all(|info| info.has_topk);
        let offsets = n_tokens.as_ref().filter(|_| has_topk).map(|counts| offsets_of(counts).into());
        let info = TraceInfo {
            name: format!("{} and {} more", first.name, parts.len() - 1),
            labelled,
            samples,
            loss: infos().any(|info| info.loss.is_some()).then(|| losses().collect()),
            n_tokens,
            has_topk,
            topk_ordered: infos().all(|info| info.topk_ordered),
            half_precision: infos().any(|info| info.half_precision),
            bytes: infos().map(|info| info.bytes).sum(),
            ..first
        };
        let trace = Self::new(info, Body::Joined(parts.into()), offsets);
        *trace.notices.borrow_mut() = twice;
        Ok(trace)
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

    fn same_count(&self, what: &str, given: usize) -> Result<(), Error> {
        let count = self.info.samples.len();
        if given == count {
            return Ok(());
        }
        Err(Error::Mismatch {
            name: self.info.name.clone(),
            given: format!("{what} of {given} samples were given"),
            has: format!("{count} samples"),
            advice: "Give those of the very samples that the trace was made from, in its order.",
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

/// Token counts to offsets, `[S+1]`.
pub(crate) fn offsets_of(counts: &[u32]) -> Vec<u64> {
    let mut offsets = Vec::with_capacity(counts.len() + 1);
    let mut sum = 0_u64;
    offsets.push(sum);
    for &count in counts {
        sum += u64::from(count);
        offsets.push(sum);
    }
    offsets
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

/// An id that two samples share.
pub(crate) fn first_duplicate(samples: &[SampleMeta]) -> Option<&str> {
    // Sorted by numbers made of them, which are compared faster than texts; different ids that share one are told apart.
    let number = |id: &str| {
        let mut hasher = DefaultHasher::new();
        id.hash(&mut hasher);
        hasher.finish()
    };
    let mut ids: Vec<(u64, &str)> =
        samples.iter().map(|SampleMeta { id, .. }| (number(id), id.as_str())).collect();
    ids.sort_unstable();
    let twice =
        ids.windows(2).filter_map(|pair| if let [a, b] = pair { (a == b).then_some(a.1) } else { None });
    twice.min()
}

fn count(topk: &TopK, experts: usize) -> Counts {
    let width = topk.layers * experts;
    let samples = topk.offsets.len().saturating_sub(1);
    let mut values = vec![0_u32; samples * width];
    let mut tokens = Vec::with_capacity(samples);
    let token = topk.layers * topk.k;
    for (sample, span) in values.chunks_exact_mut(width.max(1)).zip(topk.offsets.windows(2)) {
        let (start, end) = if let [start, end] = span { (*start, *end) } else { (0, 0) };
        tokens.push((end - start) as u32);
        let ids = topk.ids.get(start * token..end * token).unwrap_or_default();
        for token in ids.chunks_exact(token.max(1)) {
            for (layer, selected) in token.chunks_exact(topk.k.max(1)).enumerate() {
                for &expert in selected {
                    if let Some(slot) = sample.get_mut(layer * experts + usize::from(expert)) {
                        *slot += 1;
                    }
                }
            }
        }
    }
    Counts { k: topk.k, width, values, tokens }
}
