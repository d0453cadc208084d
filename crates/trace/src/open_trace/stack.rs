//! Files with one layer each as one trace.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
    rc::Rc,
};

use crate::{
    error::Error,
    model::{RouterTrace, TopK},
    open_trace::{
        bad_samples::BadSample,
        parts::{Body, OpenTrace, Rule},
    },
};

impl OpenTrace {
    /// Makes one trace of the layers of one checkpoint, each from a file of its own, ascending by their
    /// numbers. A sample that is bad in one layer leaves all of them.
    ///
    /// # Errors
    /// [`Error::Mismatch`] when a number comes twice, or files have other samples, experts or gates than the first.
    pub fn stack(mut parts: Vec<Self>) -> Result<Self, Error> {
        parts.sort_by_key(|part| part.info.layer);
        let left_out = without_bad_samples(&mut parts);
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
            match &part.body {
                Body::Memory(layer) => layers.push(Rc::clone(layer)),
                // A layer without some of its samples.
                Body::Joined(_) if !left_out.is_empty() => {}
                _ => return Err(wrong("a layer that cannot be stacked".to_owned(), first.name.clone())),
            }
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
        }
        let (count, experts, depth) = (first.samples.len(), first.experts, parts.len());
        let given = !left_out.is_empty() || parts.iter().any(|part| matches!(part.rule, Rule::Given(_)));
        let gates = if given {
            vec![0.0; count * depth * experts]
        } else {
            let stored: Vec<&[f32]> = layers.iter().map(|layer| layer.gates.as_slice()).collect();
            interleave(&stored, count, experts).unwrap_or_default()
        };
        let topk = topk(&layers).filter(|topk| topk.layers == depth);
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
        whole.info.bytes = parts.iter().map(|part| part.info.bytes).sum();
        // Layers whose rule another file states are folded by it when gates are first read.
        if given {
            whole.rule = Rule::OfLayers(parts.into());
        }
        if !left_out.is_empty() {
            whole.set_left_out(left_out);
        }
        Ok(whole)
    }
}

/// Leaves the samples that cannot be used in some layer out of all layers, and returns them.
fn without_bad_samples(parts: &mut [OpenTrace]) -> Vec<BadSample> {
    let mut bad: BTreeMap<usize, BadSample> = BTreeMap::new();
    for of_layer in parts.iter().flat_map(OpenTrace::left_out) {
        bad.entry(of_layer.row).or_insert_with(|| of_layer.clone());
    }
    let same =
        |part: &OpenTrace| Some(part.samples_in_file()) == parts.first().map(OpenTrace::samples_in_file);
    // Layers of other samples are reported as such.
    if bad.is_empty() || !parts.iter().all(same) {
        return Vec::new();
    }
    for part in parts {
        let rows = part.rows_in_file();
        let gone = rows.iter().enumerate().filter(|(_, row)| bad.contains_key(row));
        let gone: BTreeSet<usize> = gone.map(|(at, _)| at).collect();
        if !gone.is_empty() {
            *part = part.without(&gone);
        }
    }
    bad.into_values().collect()
}

/// Gates of a range of samples, each layer's by its own rule.
pub(super) async fn gates(layers: &[OpenTrace], samples: &Range<usize>) -> Result<Vec<f32>, Error> {
    let mut all = Vec::with_capacity(layers.len());
    for layer in layers {
        // The whole is checked later, where its layers have their numbers.
        all.push(Box::pin(layer.gates_and_bad_samples(samples.clone())).await?.0);
    }
    let all: Vec<&[f32]> = all.iter().map(Vec::as_slice).collect();
    let experts = layers.first().map_or(0, |layer| layer.info.experts);
    Ok(interleave(&all, samples.len(), experts).unwrap_or_default())
}

fn topk(layers: &[Rc<RouterTrace>]) -> Option<TopK> {
    let first = layers.first()?.topk.as_ref()?;
    let tokens = first.offsets.last().copied()?;
    let alike = |layer: &Rc<RouterTrace>| {
        layer.topk.as_ref().is_some_and(|topk| (topk.k, &topk.offsets) == (first.k, &first.offsets))
    };
    let ids = layers.iter().all(alike).then(|| {
        let ids: Option<Vec<&[u16]>> =
            layers.iter().map(|layer| Some(layer.topk.as_ref()?.ids.as_slice())).collect();
        interleave(&ids?, tokens, first.k)
    })??;
    Some(TopK { k: first.k, layers: layers.len(), ids, offsets: first.offsets.clone() })
}

/// The rows `[n,width]` of every layer as `[n,L,width]`.
fn interleave<T: Copy>(layers: &[&[T]], n: usize, width: usize) -> Option<Vec<T>> {
    let mut all = Vec::with_capacity(n * width * layers.len());
    for i in 0..n {
        for layer in layers {
            all.extend_from_slice(layer.get(i * width..(i + 1) * width)?);
        }
    }
    Some(all)
}
