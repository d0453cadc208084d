//! Grokscope's trace file: safetensors with `gates` `[S,L,E]` and optional tensors of one
//! checkpoint, documented in `docs/traces.md` and written by [`crate::write_trace`]. Files without
//! metadata and npz files are read as well.

use std::rc::Rc;

use crate::{
    container::tensors::{TensorFile, TensorInfo, shape_text},
    error::Error,
    format::{
        kind::{Entry, FileKind, Format, Match, Opened},
        metadata,
        probe::Probe,
    },
    model::{GateKind, MAX_EXPERTS, TraceInfo, offsets_of, unnamed_samples},
    open_trace::{Body, FileBody, OpenTrace, order, router},
    text::shorten,
};

/// The value of the metadata `format`.
pub const TAG: &str = "grokscope.trace";

/// The version that this program reads and writes.
pub const VERSION: u64 = 1;

/// Grokscope's trace files.
pub const FORMAT: Format = Format {
    endings: &["safetensors", "npz"],
    in_tensors: true,
    content: "a tensor `gates` [samples, layers, experts]",
    entry: Some(Entry { place: 10, name: "Grokscope traces", form: "`.safetensors`, one per checkpoint" }),
    probe,
};

fn probe(probe: &Probe) -> Option<Match<'_>> {
    let file = probe.tensors.as_ref()?;
    let ours = file.metadata("format") == Some(TAG);
    if !ours && file.get("gates").is_none() && file.get("frequency").is_none() {
        return None;
    }
    Some(Box::pin(async move {
        let mut warnings = Vec::new();
        let trace = open(file.clone(), &mut warnings).await?;
        Ok(Opened { what: FileKind::Trace(trace), warnings })
    }))
}

/// Opens a trace file: reads its small tensors and checks that all of them fit together.
///
/// # Errors
/// [`Error::LaterVersion`], and [`Error::Tensor`] or [`Error::Metadata`] for what does not fit.
async fn open(file: TensorFile, warnings: &mut Vec<String>) -> Result<OpenTrace, Error> {
    check_version(&file)?;
    let (gates, gate_kind) = find_gates(&file)?;
    let shape = file.three_axes(&gates, "[samples, layers, experts]")?;
    if !gates.dtype.is_float() {
        return Err(file.wrong(&gates, "F32 or F16 [samples, layers, experts]", "Write the gates as F32."));
    }
    let [count, layers, experts] = shape;
    if count == 0 || layers == 0 || experts == 0 || experts > MAX_EXPERTS {
        return Err(file.wrong(
            &gates,
            "at least one sample, one layer and 1 to 65535 experts",
            "More experts have no symbols of 16 bits. Check what the trace was made from.",
        ));
    }
    let loss = read_loss(&file, count, warnings).await?;
    let n_tokens = read_token_counts(&file, count).await?;
    let router = router::find(&file, layers, experts)?;
    let topk = find_topk(&file, layers, experts)?;
    let offsets = match &topk {
        Some(topk) => read_offsets(&file, topk, count, n_tokens.as_deref(), warnings).await?,
        None => None,
    };
    let n_tokens = match (n_tokens, &offsets) {
        (None, Some(offsets)) => Some(counts_of(offsets)),
        (given, _) => given,
    };
    let top_k = match &topk {
        Some(topk) => topk.shape.last().map(|&k| k as usize),
        None => metadata::number(&file, "top_k", warnings).map(|k| k as usize),
    };
    let samples = metadata::samples(&file, count, warnings)?;
    let (step, step_from, named_tokens) = metadata::step_of(&file, warnings);
    let info = TraceInfo {
        name: file.name().to_owned(),
        format: "Grokscope trace",
        model: file.metadata("model").filter(|model| !model.is_empty()).map(str::to_owned),
        step,
        step_from,
        tokens: metadata::number(&file, "tokens", warnings).or(named_tokens),
        labelled: samples.is_some(),
        samples: samples.unwrap_or_else(|| unnamed_samples(count)),
        layers,
        experts,
        top_k,
        topk_ordered: file.metadata("topk_order") != Some("id"),
        gate_kind,
        half_precision: gates.dtype.is_half(),
        loss,
        n_tokens,
        has_topk: offsets.is_some(),
        has_router: router.is_some(),
        layer: None,
        bytes: file.source.len(),
    };
    let offsets = offsets.map(Rc::from);
    let body = FileBody { file, gates, topk, router };
    order::check(OpenTrace::new(info, Body::File(Rc::new(body)), offsets), warnings).await
}

fn check_version(file: &TensorFile) -> Result<(), Error> {
    if file.metadata("format") != Some(TAG) {
        return Ok(());
    }
    let text = file.metadata("version").unwrap_or("1").trim();
    match text.parse::<u64>() {
        Ok(VERSION) => Ok(()),
        Ok(version) if version > VERSION => {
            Err(Error::LaterVersion { name: file.name().to_owned(), version: version.to_string() })
        }
        _ => Err(Error::Metadata {
            name: file.name().to_owned(),
            field: "version".to_owned(),
            found: format!("\"{}\"", shorten(text)),
            expected: "\"1\"".to_owned(),
            advice: "Write the file again.",
        }),
    }
}

/// The tensor with the gates, and the quantity that they are.
fn find_gates(file: &TensorFile) -> Result<(TensorInfo, GateKind), Error> {
    let kind = metadata::gate_kind(file, &GateKind::ALL)?;
    let (gates, frequency) = (file.get("gates"), file.get("frequency"));
    let found = match (kind, gates, frequency) {
        (Some(GateKind::SelectionFrequency), gates, frequency) => {
            frequency.or(gates).map(|tensor| (tensor, GateKind::SelectionFrequency))
        }
        (Some(kind), gates, _) => gates.map(|tensor| (tensor, kind)),
        (None, Some(gates), _) => Some((gates, GateKind::SoftmaxMean)),
        (None, None, frequency) => frequency.map(|tensor| (tensor, GateKind::SelectionFrequency)),
    };
    match found {
        Some((tensor, kind)) => Ok((tensor.clone(), kind)),
        None => Err(Error::Format {
            name: file.name().to_owned(),
            part: format!("{} header", file.container),
            found: "no tensor `gates`".to_owned(),
            expected: "`gates` [samples, layers, experts], or `frequency` where only expert ids are known"
                .to_owned(),
            advice: "Write the mean routing weights of each sample under that name.",
        }),
    }
}

async fn read_loss(
    file: &TensorFile,
    count: usize,
    warnings: &mut Vec<String>,
) -> Result<Option<Vec<f32>>, Error> {
    let Some(tensor) = file.get("loss") else { return Ok(None) };
    if tensor.shape != [count as u64] || !tensor.dtype.is_float() {
        return Err(file.wrong(
            tensor,
            format!("F32 {}, one mean loss per sample", shape_text(&[count as u64])),
            "Write the loss of every sample in the order of `gates`, NaN where there is none.",
        ));
    }
    let loss = file.floats(tensor, 0..count as u64).await?;
    let missing = loss.iter().filter(|loss| !loss.is_finite()).count();
    if missing > 0 {
        warnings.push(format!(
            "{}: the loss of {missing} of {count} samples is not a finite number; those never count as memorized.",
            file.name()
        ));
    }
    Ok(Some(loss))
}

async fn read_token_counts(file: &TensorFile, count: usize) -> Result<Option<Vec<u32>>, Error> {
    let Some(tensor) = file.get("n_tokens") else { return Ok(None) };
    if tensor.shape != [count as u64] || !tensor.dtype.is_integer() {
        return Err(file.wrong(
            tensor,
            format!("I32 {}, the real tokens of each sample", shape_text(&[count as u64])),
            "Write one count per sample, in the order of `gates`.",
        ));
    }
    let raw = file.integers(tensor, 0..count as u64).await?;
    let counts: Option<Vec<u32>> = raw.iter().map(|&n| u32::try_from(n).ok()).collect();
    match counts {
        Some(counts) => Ok(Some(counts)),
        None => {
            let bad = raw.iter().position(|&n| u32::try_from(n).is_err()).unwrap_or(0);
            Err(Error::Tensor {
                name: file.name().to_owned(),
                tensor: tensor.name.clone(),
                found: format!("{} tokens for sample {bad}", raw.get(bad).copied().unwrap_or(0)),
                expected: "a count from 0 to 4294967295".to_owned(),
                advice: "Count the real tokens of each sample, without padding.",
            })
        }
    }
}

fn find_topk(file: &TensorFile, layers: usize, experts: usize) -> Result<Option<TensorInfo>, Error> {
    let Some(tensor) = file.get("topk_ids") else { return Ok(None) };
    let fits = matches!(*tensor.shape, [_, l, k] if l == layers as u64 && (1..=experts as u64).contains(&k));
    if !fits || !tensor.dtype.is_integer() {
        return Err(file.wrong(
            tensor,
            format!("integers [tokens of all samples, {layers}, k] with k from 1 to {experts}"),
            "Write the selected experts of every real token, samples in order, or leave the tensor out.",
        ));
    }
    Ok(Some(tensor.clone()))
}

/// The token offsets of the samples: from `offsets`, or else from the token counts; a single sample
/// has all tokens.
async fn read_offsets(
    file: &TensorFile,
    topk: &TensorInfo,
    count: usize,
    n_tokens: Option<&[u32]>,
    warnings: &mut Vec<String>,
) -> Result<Option<Vec<u64>>, Error> {
    let tokens = topk.shape.first().copied().unwrap_or(0);
    let Some(tensor) = file.get("offsets") else {
        if count == 1 {
            return Ok(Some(vec![0, tokens]));
        }
        let Some(n_tokens) = n_tokens else { return Ok(None) };
        let offsets = offsets_of(n_tokens);
        let sum = offsets.last().copied().unwrap_or(0);
        if sum != tokens {
            warnings.push(format!(
                "{}: `topk_ids` has {tokens} tokens, but `n_tokens` sums to {sum}: the selections cannot be \
                 assigned to samples and are left out. Write `offsets` [{}].",
                file.name(),
                count + 1
            ));
            return Ok(None);
        }
        return Ok(Some(offsets));
    };
    let wrong = |found: String| Error::Tensor {
        name: file.name().to_owned(),
        tensor: tensor.name.clone(),
        found,
        expected: format!("{} offsets from 0 up to {tokens}, the tokens of `topk_ids`", count + 1),
        advice: "Write the running sum of the samples' token counts, beginning with 0.",
    };
    if tensor.shape != [count as u64 + 1] || !tensor.dtype.is_integer() {
        return Err(wrong(format!("{} {}", tensor.dtype, tensor.shape_text())));
    }
    let raw = file.integers(tensor, 0..count as u64 + 1).await?;
    let mut offsets: Vec<u64> = Vec::with_capacity(raw.len());
    for (i, &offset) in raw.iter().enumerate() {
        let before = offsets.last().copied().unwrap_or(0);
        match u64::try_from(offset) {
            Ok(offset) if offset >= before && offset <= tokens && (i > 0 || offset == 0) => {
                offsets.push(offset);
            }
            _ => return Err(wrong(format!("{offset} at place {i}, after {before}"))),
        }
    }
    if offsets.last() != Some(&tokens) {
        return Err(wrong(format!("a last offset of {}", offsets.last().copied().unwrap_or(0))));
    }
    if n_tokens.is_some_and(|n_tokens| offsets_of(n_tokens) != offsets) {
        warnings.push(format!(
            "{}: `n_tokens` and `offsets` do not agree; selections are read by `offsets`.",
            file.name()
        ));
    }
    Ok(Some(offsets))
}

fn counts_of(offsets: &[u64]) -> Vec<u32> {
    offsets
        .windows(2)
        .map(|pair| if let [start, end] = pair { u32::try_from(end - start).unwrap_or(u32::MAX) } else { 0 })
        .collect()
}
