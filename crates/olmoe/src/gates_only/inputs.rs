//! Files of recorded router inputs.

use std::{collections::BTreeMap, ops::Range};

use serde::Deserialize;
use trace::{SampleMeta, Source, TensorFile, TensorInfo, gate_inputs_layer, open_tensors, step_from_name};

use crate::error::Error;

/// Router inputs of one checkpoint, in a file whose values are read later.
#[derive(Debug)]
pub struct GateInputs {
    pub(super) file: TensorFile,
    /// Inputs by layer number, each `[T,d]`.
    pub(super) layers: BTreeMap<usize, TensorInfo>,
    /// Rows of each sample, `[S]`.
    pub(super) spans: Vec<Range<usize>>,
    /// Id and domain of each sample, `[S]`; none without the metadata `samples`.
    pub(super) samples: Option<Vec<SampleMeta>>,
    /// Mean loss of each sample, `[S]`; none without the tensor `loss`.
    pub(super) loss: Option<Vec<f32>>,
    /// Training step from the metadata or the file's name.
    pub step: Option<u64>,
}

#[derive(Deserialize)]
struct RawSample {
    id: String,
    domain: Option<String>,
}

impl GateInputs {
    /// Opens a safetensors or npz file of router inputs, recorded after the norm: floats `[T,d]`
    /// named `gate_inputs.{layer}` or `hidden_states.{layer}`.
    ///
    /// Optional are `offsets` `[S+1]` (without it, all rows are one sample), `loss` `[S]`, and the
    /// metadata `samples` and `step` of Grokscope's trace format.
    ///
    /// # Errors
    /// [`Error::File`] if the file cannot be read or a tensor has a wrong type or shape,
    /// [`Error::Input`] if it has no router inputs, or if `offsets` or `samples` do not fit them.
    pub async fn open(source: Source) -> Result<Self, Error> {
        let file = open_tensors(source).await?;
        let mut layers: BTreeMap<usize, TensorInfo> = BTreeMap::new();
        for name in file.names() {
            let Some(layer) = gate_inputs_layer(name) else { continue };
            let Some(tensor) = file.get(name) else { continue };
            if layers.insert(layer, tensor.clone()).is_some() {
                let expected = format!("one tensor of layer {layer}");
                return Err(file
                    .wrong(tensor, expected, "Keep either `gate_inputs` or `hidden_states`.")
                    .into());
            }
        }
        let Some(first) = layers.values().next() else {
            return Err(input_error(
                &file,
                "no tensor `gate_inputs.0`".to_owned(),
                "`gate_inputs.{layer}` or `hidden_states.{layer}`, floats [tokens, hidden size]".to_owned(),
                "Record the input of each router, after the norm.",
            ));
        };
        let tokens = match *first.shape {
            [tokens, width] if tokens > 0 && width > 0 => tokens,
            _ => {
                let advice = "Concatenate the tokens of all samples, without padding.";
                return Err(file.wrong(first, "floats [tokens, hidden size]", advice).into());
            }
        };
        for tensor in layers.values() {
            if tensor.shape != first.shape || !tensor.dtype.is_float() {
                let expected = format!("floats {}, as in `{}`", first.shape_text(), first.name);
                return Err(file.wrong(tensor, expected, "Record the same tokens in every layer.").into());
            }
        }
        let spans = spans(&file, tokens as usize).await?;
        let loss = match file.get("loss") {
            None => None,
            Some(tensor) if tensor.shape == [spans.len() as u64] => {
                Some(file.floats(tensor, 0..tensor.values()).await?)
            }
            Some(tensor) => {
                let expected = format!("floats [{}], one mean loss per sample", spans.len());
                return Err(file.wrong(tensor, expected, "Use NaN for samples without a loss.").into());
            }
        };
        let samples = samples(&file, spans.len())?;
        let step = file.metadata("step").and_then(|step| step.trim().parse().ok());
        let step = step.or_else(|| step_from_name(file.name()).map(|named| named.step));
        Ok(Self { file, layers, spans, samples, loss, step })
    }

    /// Number of samples.
    #[must_use]
    pub fn len(&self) -> usize {
        self.spans.len()
    }

    /// Whether there are no samples. Never true, since a file has at least one sample.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    /// Number of tokens of all samples.
    #[must_use]
    pub fn tokens(&self) -> usize {
        self.spans.last().map_or(0, |span| span.end)
    }
}

/// Error for a file of router inputs.
pub fn input_error(file: &TensorFile, found: String, expected: String, advice: &'static str) -> Error {
    Error::Input { what: "gate inputs", id: file.name().to_owned(), found, expected, advice }
}

/// Reads the rows of each sample from `offsets`; without it, all rows are one sample.
async fn spans(file: &TensorFile, tokens: usize) -> Result<Vec<Range<usize>>, Error> {
    let whole = 0..tokens;
    let Some(tensor) = file.get("offsets") else { return Ok(vec![whole]) };
    let wrong = |found: String| {
        let expected = format!("ascending from 0 to {tokens} tokens, at least one per sample");
        let advice = "List the first row of each sample, then the number of rows.";
        input_error(file, found, expected, advice)
    };
    if !matches!(*tensor.shape, [count] if count >= 2) {
        return Err(wrong(format!("`offsets` of shape {}", tensor.shape_text())));
    }
    let offsets = file.integers(tensor, 0..tensor.values()).await?;
    let ends = (offsets.first().copied(), offsets.last().copied());
    if ends != (Some(0), i64::try_from(tokens).ok()) {
        return Err(wrong(format!("`offsets` from {} to {}", ends.0.unwrap_or(0), ends.1.unwrap_or(0))));
    }
    let pairs = offsets.iter().zip(offsets.iter().skip(1)).enumerate();
    pairs
        .map(|(sample, (&start, &end))| match (usize::try_from(start), usize::try_from(end)) {
            (Ok(start), Ok(end)) if start < end => Ok(start..end),
            _ => Err(wrong(format!("`offsets` with rows {start} to {end} for sample {sample}"))),
        })
        .collect()
}

/// Ids and domains from the metadata `samples`; none without it.
fn samples(file: &TensorFile, count: usize) -> Result<Option<Vec<SampleMeta>>, Error> {
    let Some(text) = file.metadata("samples") else { return Ok(None) };
    let wrong = |found: String| {
        let expected = format!("a JSON list of {count} objects with `id` and `domain`, one per sample");
        let found = format!("metadata `samples`: {found}");
        input_error(file, found, expected, "Correct the metadata `samples`, or leave it out.")
    };
    let raw: Vec<RawSample> = serde_json::from_str(text).map_err(|error| wrong(error.to_string()))?;
    if raw.len() != count {
        return Err(wrong(format!("a list of {} samples", raw.len())));
    }
    let domain = |domain: Option<String>| domain.unwrap_or_else(|| "all".to_owned());
    Ok(Some(
        raw.into_iter().map(|sample| SampleMeta { id: sample.id, domain: domain(sample.domain) }).collect(),
    ))
}
