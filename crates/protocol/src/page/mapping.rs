//! The mapping dialog: what the tensors of a file are.

use serde::{Deserialize, Serialize};
use trace::{Axis, Role};

/// The proposed mapping of a file's tensors.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MappingSheet {
    /// Row of the file in the file table.
    pub id: usize,
    /// Path of the file.
    pub path: String,
    /// Reasons for the proposal, in whole sentences.
    pub reasons: Vec<String>,
    /// One row per tensor, or per group of tensors that differ only in their layer.
    pub rows: Vec<MappingRow>,
    /// Training step from the file's name, if there is one.
    pub step: Option<u64>,
    /// Number of other files with the same tensors.
    pub others: usize,
}

/// A tensor, or a group of tensors with one per layer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MappingRow {
    /// Name of the first tensor.
    pub name: String,
    /// Number of tensors.
    pub tensors: usize,
    /// Type of their values.
    pub dtype: String,
    /// Shape of each, the last axis varying fastest.
    pub shape: Vec<u64>,
    /// The proposed choice.
    pub choice: MappingChoice,
}

/// The role of a tensor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MappingChoice {
    /// None if the tensor is not used.
    pub role: Option<Role>,
    /// What each axis counts, in the tensor's order.
    pub axes: Vec<Axis>,
}
