//! Writes Grokscope's trace file. Equal traces give equal bytes.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::{
    error::Error,
    format::grokscope,
    model::{GateKind, Router, RouterTrace},
    numeric::numbers::narrow_f16,
};

/// The type of stored gates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum GateDtype {
    /// 32 bits: the reference.
    #[default]
    F32,
    /// 16 bits: half the bytes, and single pathways may change (`docs/metrics.md#mean-gates`).
    F16,
}

/// One tensor to be written.
struct Tensor {
    name: &'static str,
    dtype: &'static str,
    shape: Vec<usize>,
    bytes: Vec<u8>,
}

#[derive(Serialize)]
struct Entry {
    dtype: &'static str,
    shape: Vec<usize>,
    data_offsets: [usize; 2],
}

#[derive(Serialize)]
struct Sample<'a> {
    id: &'a str,
    domain: &'a str,
}

#[derive(Serialize)]
struct Header<'a> {
    #[serde(rename = "__metadata__")]
    metadata: BTreeMap<&'static str, String>,
    #[serde(flatten)]
    tensors: BTreeMap<&'a str, Entry>,
}

/// The bytes of the trace file of one checkpoint.
///
/// # Errors
/// Those of [`RouterTrace::check`].
pub fn write_trace(trace: &RouterTrace, gates: GateDtype) -> Result<Vec<u8>, Error> {
    trace.check("trace to be written")?;
    let tensors = tensors(trace, gates);
    let mut entries = BTreeMap::new();
    let mut at = 0;
    for tensor in &tensors {
        let end = at + tensor.bytes.len();
        let entry = Entry { dtype: tensor.dtype, shape: tensor.shape.clone(), data_offsets: [at, end] };
        entries.insert(tensor.name, entry);
        at = end;
    }
    let header = Header { metadata: metadata(trace)?, tensors: entries };
    let mut header = serde_json::to_vec(&header).map_err(|error| unwritable(&error))?;
    // Tensors start at a multiple of eight and are sorted by descending size of values, so that all
    // are aligned.
    while header.len() % 8 != 0 {
        header.push(b' ');
    }
    let mut bytes = Vec::with_capacity(8 + header.len() + at);
    bytes.extend((header.len() as u64).to_le_bytes());
    bytes.extend(header);
    for tensor in tensors {
        bytes.extend(tensor.bytes);
    }
    Ok(bytes)
}

fn unwritable(error: &serde_json::Error) -> Error {
    Error::Format {
        name: "trace to be written".to_owned(),
        part: "header".to_owned(),
        found: error.to_string(),
        expected: "text that JSON can hold".to_owned(),
        advice: "This is a bug in Grokscope; please report it.",
    }
}

fn metadata(trace: &RouterTrace) -> Result<BTreeMap<&'static str, String>, Error> {
    let mut lines = BTreeMap::from([
        ("format", grokscope::TAG.to_owned()),
        ("version", grokscope::VERSION.to_string()),
        ("gate_kind", trace.gate_kind.name().to_owned()),
    ]);
    if let Some(model) = &trace.model {
        lines.insert("model", model.clone());
    }
    if let Some(step) = trace.step {
        lines.insert("step", step.to_string());
    }
    if let Some(tokens) = trace.tokens {
        lines.insert("tokens", tokens.to_string());
    }
    if trace.topk.is_some() && !trace.topk_ordered {
        lines.insert("topk_order", "id".to_owned());
    }
    if let Some(samples) = &trace.samples {
        let list: Vec<Sample<'_>> =
            samples.iter().map(|sample| Sample { id: &sample.id, domain: &sample.domain }).collect();
        lines.insert("samples", serde_json::to_string(&list).map_err(|error| unwritable(&error))?);
    }
    Ok(lines)
}

fn f32_bytes(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

/// Sorts by descending size of values.
fn tensors(trace: &RouterTrace, gates: GateDtype) -> Vec<Tensor> {
    let (samples, layers, experts) = (trace.len(), trace.layers, trace.experts);
    let mut tensors = Vec::new();
    if let Some(topk) = &trace.topk {
        let bytes = topk.offsets.iter().flat_map(|&offset| (offset as i64).to_le_bytes()).collect();
        tensors.push(Tensor { name: "offsets", dtype: "I64", shape: vec![samples + 1], bytes });
    }
    match &trace.router {
        Some(Router::Gram { values, .. }) => {
            let bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
            let shape = vec![2 * layers - 1, experts, experts];
            tensors.push(Tensor { name: "router_gram", dtype: "F64", shape, bytes });
        }
        Some(Router::Weights { width, values, .. }) => {
            let shape = vec![layers, experts, *width];
            tensors.push(Tensor { name: "router_weight", dtype: "F32", shape, bytes: f32_bytes(values) });
        }
        None => {}
    }
    if let Some(loss) = &trace.loss {
        tensors.push(Tensor { name: "loss", dtype: "F32", shape: vec![samples], bytes: f32_bytes(loss) });
    }
    if let Some(n_tokens) = &trace.n_tokens {
        let bytes = n_tokens.iter().flat_map(|&count| count.to_le_bytes()).collect();
        tensors.push(Tensor { name: "n_tokens", dtype: "I32", shape: vec![samples], bytes });
    }
    let name = if trace.gate_kind == GateKind::SelectionFrequency { "frequency" } else { "gates" };
    let shape = vec![samples, layers, experts];
    tensors.push(match gates {
        GateDtype::F32 => Tensor { name, dtype: "F32", shape, bytes: f32_bytes(&trace.gates) },
        GateDtype::F16 => {
            let bytes = trace.gates.iter().flat_map(|&gate| narrow_f16(gate).to_le_bytes()).collect();
            Tensor { name, dtype: "F16", shape, bytes }
        }
    });
    if let Some(topk) = &trace.topk {
        let tokens = topk.offsets.last().copied().unwrap_or(0);
        let shape = vec![tokens, layers, topk.k];
        tensors.push(if experts <= 256 {
            let bytes = topk.ids.iter().map(|&id| id as u8).collect();
            Tensor { name: "topk_ids", dtype: "U8", shape, bytes }
        } else {
            let bytes = topk.ids.iter().flat_map(|id| id.to_le_bytes()).collect();
            Tensor { name: "topk_ids", dtype: "U16", shape, bytes }
        });
    }
    // A stable sort by size keeps every combination of types aligned.
    tensors.sort_by_key(|tensor| match tensor.dtype {
        "I64" | "F64" => 0,
        "F32" | "I32" => 1,
        "F16" | "U16" => 2,
        _ => 3,
    });
    tensors
}
