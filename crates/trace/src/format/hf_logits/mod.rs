//! Dumps of `router_logits` as transformers returns them (`output_router_logits=True`): one tensor
//! per sparse layer, `[batch * sequence, experts]`, batch-major and including padding. Nothing in
//! transformers writes such files, so common names are accepted: `router_logits.0`,
//! `router_logits_0`, `layers.0.router_logits`, `layer_0`, `arr_0`, or all layers in one
//! `router_logits`.
//!
//! transformers 5.0 to 5.5 return softmax probabilities under the name of logits. A dump in which
//! every row is a distribution is recognized as probabilities, and no softmax is applied.
//!
//! Families differ in the rule that makes gates of logits. The metadata `gate_kind` or `model_type`,
//! or a `config.json` in the same folder, states it; otherwise it is softmax.

mod axes;
mod fold;
mod layers;
mod rule;

use std::{cell::RefCell, rc::Rc};

use crate::{
    container::tensors::{TensorFile, TensorInfo, shape_text},
    error::Error,
    format::{
        hf_logits::{fold::Batch, layers::Layers, rule::Dump},
        kind::{Entry, FileKind, Format, Match, Opened},
        mapped::proposal,
        metadata,
        probe::Probe,
    },
    model::{GateKind, RouterRule, RouterTrace, SampleMeta},
    open_trace::{OpenTrace, Rule, bad_samples::BadSample, router, rule::no_selections},
};

/// Dumps of router logits.
pub const FORMAT: Format = Format {
    endings: &["safetensors", "npz"],
    in_tensors: true,
    content: "router logits of each layer (`router_logits.0`, `router_logits.1` and so on)",
    entry: Some(Entry {
        place: 20,
        name: "Hugging Face router logits",
        form: "`.safetensors` or `.npz`, logits or probabilities, with padding masks",
    }),
    probe,
};

fn probe(probe: &Probe) -> Option<Match<'_>> {
    let file = probe.tensors.as_ref().filter(|file| layers::names_layers(file))?;
    Some(Box::pin(async move {
        let mut warnings = Vec::new();
        let grid = batch_shape(file)?.map(|(_, grid)| grid);
        if let Some(tensor) = layers::unclear(file, grid)
            && let Some(proposal) = proposal::of_file(file).await?
        {
            warnings.push(format!(
                "{}: nothing in the file tells which axis of `{}` {} counts layers, and where samples end. Write \
                 `attention_mask` [samples, positions] beside it, or one tensor per layer.",
                file.name(),
                tensor.name,
                tensor.shape_text()
            ));
            return Ok(Opened { what: FileKind::Mappable(proposal), warnings });
        }
        let trace = open(file.clone(), &mut warnings).await?;
        Ok(Opened { what: FileKind::Trace(trace), warnings })
    }))
}

/// Reads a dump and folds it into mean gates, layer by layer and some rows at a time.
///
/// # Errors
/// [`Error::Tensor`] when layers, mask and losses do not fit together, or a logit is not finite.
async fn open(file: TensorFile, warnings: &mut Vec<String>) -> Result<OpenTrace, Error> {
    let batch_shape = batch_shape(&file)?;
    let layers = Layers::find(&file, batch_shape)?;
    let mut batch = batch(&file, &layers, batch_shape, warnings).await?;
    let empty: Vec<bool> = batch.token_counts().into_iter().map(|tokens| tokens == 0).collect();
    let top_k =
        ["top_k", "num_experts_per_tok"].iter().find_map(|key| metadata::number(&file, key, warnings));
    let top_k = top_k.map(|k| k as usize).filter(|k| (1..=layers.experts).contains(k));
    let stated = rule::stated(&file, warnings)?;
    let rule = stated.unwrap_or(RouterRule::SOFTMAX);
    if top_k.is_some() && !rule.by_rank {
        warnings.push(no_selections(file.name()));
    }
    let ranked = top_k.filter(|_| rule.by_rank);
    let (folded, mut bad) = fold::fold_usable(&file, &layers, &mut batch, ranked, rule.kind).await?;
    if file.metadata("gate_kind").is_none() {
        rule::check(&file, &layers, folded.probabilities, rule.kind)?;
    }
    if folded.probabilities && rule.kind == GateKind::SoftmaxMean {
        warnings.push(format!(
            "{}: the router logits are probabilities (every row is a distribution), as transformers 5.0 to 5.5 return \
             them. No softmax is applied.",
            file.name()
        ));
    } else if folded.probabilities {
        warnings.push(format!(
            "{}: what is stored as router logits sums to 1 in every row. The rows are used as they are, without another \
             sigmoid.",
            file.name()
        ));
    }
    if folded.scores {
        warnings.push(format!(
            "{}: all values lie between 0 and 1 and do not sum to 1, as sigmoid scores do; they are read as router logits. \
             Write the logits, before the sigmoid, if these are scores.",
            file.name()
        ));
    }
    let mut n_tokens = batch.token_counts();
    let mut samples = metadata::samples(&file, batch.count, warnings)?;
    let losses = losses(&file, &batch, warnings).await?;
    let mut loss = losses.clone().filter(|losses| losses.len() == batch.count);
    let kept: Vec<bool> = n_tokens.iter().map(|&n| n > 0).collect();
    let none = empty.iter().filter(|&&empty| empty).count();
    if none == batch.count {
        return Err(Error::Tensor {
            name: file.name().to_owned(),
            tensor: "attention_mask".to_owned(),
            found: "no real token in any sample".to_owned(),
            expected: "1 for real tokens, 0 for padding".to_owned(),
            advice: "Write the mask that the model was given.",
        });
    }
    for bad in &mut bad {
        if let Some(sample) = samples.as_ref().and_then(|samples| samples.get(bad.row)) {
            bad.id.clone_from(&sample.id);
        }
    }
    warnings.extend(BadSample::left_out(&bad));
    if none > 0 {
        warnings.push(format!(
            "{}: {none} of {} samples have no real token by `attention_mask` and are left out.",
            file.name(),
            batch.count
        ));
    }
    if kept.contains(&false) {
        keep(&mut n_tokens, &kept);
        samples = samples.map(|mut samples| {
            keep::<SampleMeta>(&mut samples, &kept);
            samples
        });
        loss = loss.map(|mut loss| {
            keep(&mut loss, &kept);
            loss
        });
    }
    let (step, step_from, named_tokens) = metadata::step_of(&file, warnings);
    let router = match router::find(&file, layers.layers.len(), layers.experts)? {
        Some(tensor) => Some(router::read(&file, &tensor, layers.layers.len(), layers.experts).await?),
        None => None,
    };
    let trace = RouterTrace {
        model: file.metadata("model").filter(|model| !model.is_empty()).map(str::to_owned),
        step,
        tokens: metadata::number(&file, "tokens", warnings).or(named_tokens),
        samples,
        layers: layers.layers.len(),
        experts: layers.experts,
        gate_kind: rule.kind,
        gates: folded.gates,
        loss,
        n_tokens: Some(n_tokens),
        router,
        topk: folded.topk,
        topk_ordered: true,
    };
    let mut open = OpenTrace::from_memory(file.name(), "Hugging Face router logits", trace)?;
    open.info.step_from = step_from;
    open.info.bytes = file.source.len();
    open.info.half_precision = layers.layers.iter().any(|layer| layer.tensor.dtype.is_half());
    open.info.top_k = top_k;
    open.info.layer = layers.only;
    // Rows count without samples that have no token.
    for bad in &mut bad {
        bad.row -= empty.iter().take(bad.row).filter(|&&empty| empty).count();
    }
    open.set_left_out(bad);
    let endless = batch.endless;
    let dump = Rc::new(Dump {
        file,
        layers,
        batch,
        probabilities: folded.probabilities,
        folded: RefCell::default(),
    });
    if endless {
        open.set_endless(Rc::<Dump>::clone(&dump), losses);
    }
    if stated.is_none() {
        open.rule = Rule::Unstated(dump);
    }
    Ok(open)
}

fn keep<T>(list: &mut Vec<T>, kept: &[bool]) {
    let mut kept = kept.iter().copied();
    list.retain(|_| kept.next().unwrap_or(true));
}

/// The shape `[B, positions]` of the mask, or else of the ids.
fn batch_shape(file: &TensorFile) -> Result<Option<(&TensorInfo, [usize; 2])>, Error> {
    for name in ["attention_mask", "input_ids"] {
        let Some(tensor) = file.get(name) else { continue };
        let axes: Option<Vec<usize>> = tensor.shape.iter().map(|&n| usize::try_from(n).ok()).collect();
        return match axes.as_deref() {
            Some(&[count, positions]) if count > 0 && positions > 0 => Ok(Some((tensor, [count, positions]))),
            // One sample without a batch axis.
            Some(&[positions]) if positions > 0 => Ok(Some((tensor, [1, positions]))),
            _ => Err(file.wrong(tensor, "[samples, positions]", "Write it as the model was given it.")),
        };
    }
    Ok(None)
}

async fn batch(
    file: &TensorFile,
    layers: &Layers,
    shape: Option<(&TensorInfo, [usize; 2])>,
    warnings: &mut Vec<String>,
) -> Result<Batch, Error> {
    let rows = layers.rows;
    let Some((tensor, [count, positions])) = shape else {
        if let Some([count, positions]) = layers.batch {
            warnings.push(format!(
                "{}: there is no `attention_mask`, so padding, if any, is counted. Write the mask beside the logits.",
                file.name()
            ));
            return Ok(Batch::grid(count, positions, None));
        }
        warnings.push(format!(
            "{}: there is neither `attention_mask` nor `input_ids`, so all {rows} rows are taken as one sample. \
             Write the mask [samples, positions] beside the logits, or add a list of the samples with their `tokens`, \
             which sum to {rows}.",
            file.name()
        ));
        return Ok(Batch::endless(rows));
    };
    if count.checked_mul(positions) != Some(rows) {
        let Some(layer) = layers.layers.first() else { return Ok(Batch::grid(count, positions, None)) };
        return Err(file.wrong(
            &layer.tensor,
            format!(
                "{} rows, one a position of `{}` {}",
                count.saturating_mul(positions),
                tensor.name,
                tensor.shape_text()
            ),
            "Write mask and logits of the same batch.",
        ));
    }
    if tensor.name != "attention_mask" {
        warnings.push(format!(
            "{}: there is no `attention_mask`, so every position counts, padding included. Write the mask beside the \
             logits if samples were padded.",
            file.name()
        ));
        return Ok(Batch::grid(count, positions, None));
    }
    let values: Vec<i64> = if tensor.dtype.is_float() {
        file.floats(tensor, 0..tensor.values()).await?.into_iter().map(|v| i64::from(v > 0.5)).collect()
    } else {
        file.integers(tensor, 0..tensor.values()).await?
    };
    if let Some(at) = values.iter().position(|value| !matches!(value, 0 | 1)) {
        return Err(Error::Tensor {
            name: file.name().to_owned(),
            tensor: tensor.name.clone(),
            found: format!(
                "{} in sample {}, position {}",
                values.get(at).copied().unwrap_or(0),
                at / positions,
                at % positions
            ),
            expected: "1 for real tokens, 0 for padding".to_owned(),
            advice: "Write the mask that the model was given.",
        });
    }
    Ok(Batch::grid(count, positions, Some(values.into_iter().map(|value| value == 1).collect())))
}

/// Losses of the samples, if the dump has them. Where nothing tells where samples end, these may be
/// of any number of samples.
async fn losses(
    file: &TensorFile,
    batch: &Batch,
    warnings: &mut Vec<String>,
) -> Result<Option<Vec<f32>>, Error> {
    let Some(tensor) = file.get("losses").or_else(|| file.get("loss")) else { return Ok(None) };
    let count = match tensor.shape.as_slice() {
        &[count] if batch.endless && count <= batch.positions as u64 => count as usize,
        _ => batch.count,
    };
    if tensor.values() == 1 && count > 1 {
        warnings.push(format!(
            "{}: `{}` is one number, the mean of the batch; it is left out, because memorization needs the loss of every \
             sample. Write a list of {count}.",
            file.name(),
            tensor.name
        ));
        return Ok(None);
    }
    if tensor.values() != count as u64 || !tensor.dtype.is_float() {
        return Err(file.wrong(
            tensor,
            format!("F32 {}, one mean loss per sample", shape_text(&[count as u64])),
            "Write the loss of every sample of the batch.",
        ));
    }
    file.floats(tensor, 0..count as u64).await.map(Some)
}
