//! Traces from recorded router inputs: only the gating layers are computed.
//!
//! Hidden states that a hook in front of each router recorded need no forward pass. Only the router
//! matrices are read from the shards, and `config.json` for the number of experts per token.

mod inputs;

use std::ops::Range;

use burn::tensor::{Tensor, TensorData};
use trace::{
    CheckpointFiles, CheckpointRouters, GateKind, Router, RouterTrace, Source, TensorInfo, TopK, read_routers,
};

pub use self::inputs::GateInputs;
use self::inputs::input_error;
use crate::{
    config::{Config, USE_MATCHING_CONFIG},
    device::{Processor, floats},
    error::Error,
    routing::{Routing, route},
};

/// Rows per matrix product: 32 MiB for a model of width 2048.
const BATCH_ROWS: usize = 4096;

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
