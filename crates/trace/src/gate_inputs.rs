//! What enters the routers of a checkpoint, given by whoever has it already: `gate_inputs.{layer}` or
//! `hidden_states.{layer}` `[T,d]`. Whoever computes gating layers reads the values; here the file is only recognised.

use crate::{metadata, step_name::step_from_name, tensors::TensorFile};

/// The names that a layer's inputs may have before `.{layer}`.
const NAMES: [&str; 2] = ["gate_inputs", "hidden_states"];

/// The MoE layer whose router's inputs a tensor of this name holds, if it does.
#[must_use]
pub fn gate_inputs_layer(tensor: &str) -> Option<usize> {
    let (name, layer) = tensor.split_once('.')?;
    let digits = layer.bytes().all(|byte| byte.is_ascii_digit());
    if NAMES.contains(&name) && digits { layer.parse().ok() } else { None }
}

/// Why a file has no inputs of routers, if it has none.
pub fn declines(file: &TensorFile) -> Option<String> {
    if file.names().any(|name| gate_inputs_layer(name).is_some()) {
        None
    } else {
        Some("inputs of routers (`gate_inputs.0`, `gate_inputs.1`, …)".to_owned())
    }
}

/// The step that a file of inputs is of, from its metadata or its name.
pub fn step(file: &TensorFile, warnings: &mut Vec<String>) -> Option<u64> {
    metadata::number(file, "step", warnings).or_else(|| step_from_name(file.name()).map(|named| named.step))
}
