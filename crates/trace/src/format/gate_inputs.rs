//! Precomputed inputs of a checkpoint's routers: `gate_inputs.{layer}` or `hidden_states.{layer}`
//! `[T,d]`. They are only recognized here; `olmoe` reads them.

use crate::{
    format::{
        kind::{FileKind, Format, Match, Opened},
        metadata,
        probe::Probe,
    },
    text::step_name::step_from_name,
};

/// Names of tensors of inputs, before `.{layer}`.
const NAMES: [&str; 2] = ["gate_inputs", "hidden_states"];

/// The MoE layer whose router inputs a tensor of this name holds.
#[must_use]
pub fn gate_inputs_layer(tensor: &str) -> Option<usize> {
    let (name, layer) = tensor.split_once('.')?;
    let digits = layer.bytes().all(|byte| byte.is_ascii_digit());
    if NAMES.contains(&name) && digits { layer.parse().ok() } else { None }
}

/// Files of router inputs.
pub const FORMAT: Format = Format {
    endings: &["safetensors", "npz"],
    in_tensors: true,
    content: "inputs of routers (`gate_inputs.0`, `gate_inputs.1`, …)",
    entry: None,
    probe,
};

fn probe(probe: &Probe) -> Option<Match<'_>> {
    let file = probe.tensors.as_ref()?;
    if !file.names().any(|name| gate_inputs_layer(name).is_some()) {
        return None;
    }
    Some(Box::pin(async move {
        let mut warnings = Vec::new();
        let step = metadata::number(file, "step", &mut warnings)
            .or_else(|| step_from_name(file.name()).map(|named| named.step));
        Ok(Opened { what: FileKind::GateInputs { step }, warnings })
    }))
}
