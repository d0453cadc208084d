//! Traces from recorded router inputs: only the gating layers are computed.
//!
//! Hidden states that a hook in front of each router recorded need no forward pass. Only the router
//! matrices are read from the shards, and `config.json` for the number of experts per token.

use std::{collections::BTreeMap, ops::Range};

use burn::tensor::{Tensor, TensorData};
use serde::Deserialize;
use trace::{
    CheckpointFiles, CheckpointRouters, GateKind, Router, RouterTrace, SampleMeta, Source, TensorFile,
    TensorInfo, TopK, gate_inputs_layer, open_tensors, read_routers, step_from_name,
};

use crate::{
    config::{Config, USE_MATCHING_CONFIG},
    device::{Processor, floats},
    error::Error,
    routing::{Routing, route},
};

/// Rows per matrix product: 32 MiB for a model of width 2048.
const BATCH_ROWS: usize = 4096;

/// Router inputs of one checkpoint, in a file whose values are read later.
#[derive(Debug)]
pub struct GateInputs {
    file: TensorFile,
    /// Inputs by layer number, each `[T,d]`.
    layers: BTreeMap<usize, TensorInfo>,
    /// Rows of each sample, `[S]`.
    spans: Vec<Range<usize>>,
    /// Id and domain of each sample, `[S]`; none without the metadata `samples`.
    samples: Option<Vec<SampleMeta>>,
    /// Mean loss of each sample, `[S]`; none without the tensor `loss`.
    loss: Option<Vec<f32>>,
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
fn input_error(file: &TensorFile, found: String, expected: String, advice: &'static str) -> Error {
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

/// Computes the gating layers of a checkpoint on recorded inputs. Reads only `config.json` and the
/// routers.
///
/// # Errors
/// [`Error::Input`] for inputs that do not fit the model or are not finite, [`Error::Tensor`] for
/// routers that do not match the config, and the errors of [`Config::parse`] and of reading files.
pub async fn gates_only(
    folder: &str,
    files: &[Source],
    inputs: &GateInputs,
    processor: &Processor,
) -> Result<RouterTrace, Error> {
    let here = CheckpointFiles::new(folder, files);
    let config = here.find("config.json").ok_or_else(|| {
        here.missing(
            "config.json, which has the number of experts per token",
            "Add the whole folder of the checkpoint.",
        )
    })?;
    let config = Config::parse(config.name(), &here.json(config).await?)?;
    let routers = read_routers(folder, files).await?;
    check(folder, &config, &routers, inputs)?;
    let (layers, experts, k) = (routers.layers.len(), config.experts, config.top_k);
    let tokens = inputs.tokens();
    let mut gates = vec![0.0_f32; inputs.len() * layers * experts];
    let mut ids = vec![0_u16; tokens * layers * k];
    for (index, number) in routers.layers.iter().enumerate() {
        // Present, as `check` requires it.
        let Some(tensor) = inputs.layers.get(number) else { continue };
        let router = TensorData::new(routers.layer(index).to_vec(), [experts, config.hidden]);
        let router = Tensor::<2>::from_data(router, &processor.device).transpose();
        let mut means = SampleMeans::new(&inputs.spans, experts);
        for start in (0..tokens).step_by(BATCH_ROWS) {
            let rows = start..(start + BATCH_ROWS).min(tokens);
            let routing = route_rows(inputs, tensor, &rows, &router, &config, processor).await?;
            for (row, selected) in rows.clone().zip(routing.ids.chunks_exact(k)) {
                let to = (row * layers + index) * k;
                ids[to..to + k].copy_from_slice(selected);
            }
            for (row, of_token) in rows.zip(routing.gates.chunks_exact(experts)) {
                if let Some((sample, mean)) = means.add(row, of_token) {
                    gates[(sample * layers + index) * experts..][..experts].copy_from_slice(&mean);
                }
            }
        }
    }
    let mut offsets = vec![0];
    offsets.extend(inputs.spans.iter().map(|span| span.end));
    Ok(RouterTrace {
        model: Some(config.family.name().to_owned()),
        step: routers.step.or(inputs.step),
        tokens: routers.tokens,
        samples: inputs.samples.clone(),
        layers,
        experts,
        gate_kind: GateKind::SoftmaxMean,
        gates,
        loss: inputs.loss.clone(),
        n_tokens: Some(inputs.spans.iter().map(|span| span.len() as u32).collect()),
        router: Some(Router::Weights { layers, experts, width: config.hidden, values: routers.values }),
        topk: Some(TopK { k, layers, ids, offsets }),
        topk_ordered: true,
    })
}

/// Checks that config, routers and inputs have the same layers and sizes.
fn check(
    folder: &str,
    config: &Config,
    routers: &CheckpointRouters,
    inputs: &GateInputs,
) -> Result<(), Error> {
    let CheckpointRouters { layers, experts, width, .. } = routers;
    if (*experts, *width) != (config.experts, config.hidden) {
        return Err(Error::Tensor {
            folder: folder.to_owned(),
            tensor: config.family.router(layers.first().copied().unwrap_or(0)),
            found: format!("[{experts},{width}]"),
            expected: format!("[{},{}]", config.experts, config.hidden),
            advice: USE_MATCHING_CONFIG,
        });
    }
    let advice = "Record the inputs of every router of this model, after the norm, and of no other layer.";
    for layer in layers {
        let Some(tensor) = inputs.layers.get(layer) else {
            let found = format!("no tensor `gate_inputs.{layer}`");
            let expected = format!("the inputs of all {} routers", layers.len());
            return Err(input_error(&inputs.file, found, expected, advice));
        };
        if tensor.shape.last() != Some(&(*width as u64)) {
            let expected = format!("floats [tokens,{width}], as wide as the routers");
            return Err(inputs.file.wrong(tensor, expected, advice).into());
        }
    }
    match inputs.layers.keys().find(|layer| !layers.contains(layer)) {
        None => Ok(()),
        Some(other) => {
            let found = format!("inputs of layer {other}, which has no router");
            Err(input_error(&inputs.file, found, format!("inputs of layers {layers:?}"), advice))
        }
    }
}

/// Reads some rows of a layer's inputs and routes them. `router` is `[d,E]`.
async fn route_rows(
    inputs: &GateInputs,
    tensor: &TensorInfo,
    rows: &Range<usize>,
    router: &Tensor<2>,
    config: &Config,
    processor: &Processor,
) -> Result<Routing, Error> {
    let width = config.hidden;
    let values = (rows.start * width) as u64..(rows.end * width) as u64;
    let values = inputs.file.floats(tensor, values).await?;
    if let Some(at) = values.iter().position(|value| !value.is_finite()) {
        let row = rows.start + at / width;
        return Err(input_error(
            &inputs.file,
            format!("`{}`, row {row}: a value that is NaN or infinite", tensor.name),
            "finite numbers".to_owned(),
            "Leave out rows of padding, and check how the inputs were recorded.",
        ));
    }
    let values = Tensor::<2>::from_data(TensorData::new(values, [rows.len(), width]), &processor.device);
    let logits = floats(values.matmul(router.clone())).await?;
    if let Some(at) = logits.iter().position(|logit| !logit.is_finite()) {
        let row = rows.start + at / config.experts;
        return Err(input_error(
            &inputs.file,
            format!("`{}`, row {row}: the router logits are not finite", tensor.name),
            "finite router logits".to_owned(),
            "Check that the inputs were recorded after the norm, and the router for NaN and infinity.",
        ));
    }
    Ok(route(&logits, config))
}

/// Running mean gates of one sample after the other.
struct SampleMeans<'a> {
    spans: &'a [Range<usize>],
    /// Index of the current sample.
    sample: usize,
    sums: Vec<f64>,
}

impl<'a> SampleMeans<'a> {
    fn new(spans: &'a [Range<usize>], experts: usize) -> Self {
        Self { spans, sample: 0, sums: vec![0.0; experts] }
    }

    /// Adds the gates `[E]` of the next row. Returns the sample's index and mean gates `[E]` after
    /// its last row.
    fn add(&mut self, row: usize, gates: &[f32]) -> Option<(usize, Vec<f32>)> {
        for (sum, &gate) in self.sums.iter_mut().zip(gates) {
            *sum += f64::from(gate);
        }
        let span = self.spans.get(self.sample).filter(|span| span.end == row + 1)?;
        let mean = self.sums.iter().map(|sum| (sum / span.len() as f64) as f32).collect();
        self.sums.fill(0.0);
        self.sample += 1;
        Some((self.sample - 1, mean))
    }
}
