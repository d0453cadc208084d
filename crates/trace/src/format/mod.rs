//! One file or folder per format, a table of them, and what they share.

pub mod benchmark_items;
pub mod embeddings;
pub mod expert_ids;
pub mod extra_gates;
pub mod flame_moe;
pub mod gate_inputs;
pub mod grokscope;
pub mod hf_logits;
pub mod kind;
pub mod mapped;
pub mod metadata;
pub mod model_config;
pub mod probe;
pub mod results;
pub mod samples;
pub mod table;
pub mod unsupported;
