//! Files with one layer each as one trace.

use std::{ops::Range, rc::Rc};

use crate::{
    error::Error,
    model::{RouterTrace, TopK},
    open_trace::{Body, OpenTrace, rule::Rule},
};

impl OpenTrace {
    /// Makes one trace of the layers of one checkpoint, each from a file of its own, ascending by their numbers.
    ///
    /// # Errors
    /// [`Error::Mismatch`] when a number comes twice, or files have other samples, experts or gates than the first.
    pub fn stack(mut parts: Vec<Self>) -> Result<Self, Error> {
        parts.sort_by_key(|part| part.info.layer);
        let mut layers: Vec<Rc<RouterTrace>> = Vec::with_capacity(parts.len());
        let Some(first) = parts.first().map(|part| part.info.clone()) else {
            return Err(Error::Empty { name: "no file".to_owned() });
        };
        for (i, part) in parts.iter().enumerate() {
            let wrong = |given: String, has: String| Error::Mismatch {
                name: part.info.name.clone(),
                given,
                has,
                advice: "Write every layer of the same samples into the folder of the step, once.",
            };
            let Body::Memory(layer) = &part.body else {
                return Err(wrong("a layer that cannot be stacked".to_owned(), first.name.clone()));
            };
            if i > 0 && parts.get(i - 1).is_some_and(|before| before.info.layer == part.info.layer) {
                let number = part.info.layer.unwrap_or(0);
                return Err(wrong(format!("layer {number} comes twice"), "one file per layer".to_owned()));
            }
            let shape = |info: &crate::model::TraceInfo| (info.samples.len(), info.experts, info.gate_kind);
            if shape(&part.info) != shape(&first) || part.info.n_tokens != first.n_tokens {
                return Err(wrong(
                    format!("{} samples and {} experts", part.info.samples.len(), part.info.experts),
                    format!(
                        "{} samples and {} experts in {}",
                        first.samples.len(),
                        first.experts,
                        first.name
                    ),
                ));
            }
            layers.push(Rc::clone(layer));
        }
        let (count, experts, depth) = (first.samples.len(), first.experts, layers.len());
        let gates = interleave(&layers, count, experts, |layer| Some(&layer.gates)).unwrap_or_default();
        let topk = topk(&layers);
        let (model, loss) = (first.model.clone(), first.loss.clone());
        let trace = RouterTrace {
            model,
            step: first.step,
            tokens: first.tokens,
            samples: first.labelled.then(|| first.samples.clone()),
            layers: depth,
            experts,
            gate_kind: first.gate_kind,
            gates,
            loss,
            n_tokens: first.n_tokens.clone(),
            router: None,
            topk,
            topk_ordered: first.topk_ordered,
        };
        let mut whole = Self::from_memory(&first.name, first.format, trace)?;
        whole.info.step_from = first.step_from;
        whole.info.half_precision = first.half_precision;
        whole.info.top_k = first.top_k;
        if parts.iter().any(|part| matches!(part.rule, Rule::Given(_))) {
            whole.rule = Rule::OfLayers(parts.as_slice().into());
        }
        whole.info.bytes = parts.iter().map(|part| part.info.bytes).sum();
        Ok(whole)
    }
}

/// Gates of a range of samples, each layer's by its own rule.
pub(super) async fn gates(layers: &[OpenTrace], samples: &Range<usize>) -> Result<Vec<f32>, Error> {
    let mut all = Vec::with_capacity(layers.len());
    for layer in layers {
        all.push((layer.info.experts, Box::pin(layer.gates(samples.clone())).await?));
    }
    let mut values = Vec::with_capacity(all.iter().map(|(_, gates)| gates.len()).sum());
    for i in 0..samples.len() {
        for (experts, gates) in &all {
            values.extend_from_slice(gates.get(i * experts..(i + 1) * experts).unwrap_or_default());
        }
    }
    Ok(values)
}

fn topk(layers: &[Rc<RouterTrace>]) -> Option<TopK> {
    let first = layers.first()?.topk.as_ref()?;
    let tokens = first.offsets.last().copied()?;
    let alike = |layer: &Rc<RouterTrace>| {
        layer.topk.as_ref().is_some_and(|topk| (topk.k, &topk.offsets) == (first.k, &first.offsets))
    };
    let ids = layers
        .iter()
        .all(alike)
        .then(|| interleave(layers, tokens, first.k, |layer| layer.topk.as_ref().map(|topk| &topk.ids)))??;
    Some(TopK { k: first.k, layers: layers.len(), ids, offsets: first.offsets.clone() })
}

/// The rows `[n,width]` of every layer as `[n,L,width]`.
fn interleave<T: Copy>(
    layers: &[Rc<RouterTrace>],
    n: usize,
    width: usize,
    values: impl Fn(&RouterTrace) -> Option<&Vec<T>>,
) -> Option<Vec<T>> {
    let mut all = Vec::with_capacity(n * width * layers.len());
    for i in 0..n {
        for layer in layers {
            all.extend_from_slice(values(layer)?.get(i * width..(i + 1) * width)?);
        }
    }
    Some(all)
}
