//! Traces that are text and hold the ids of the chosen experts, token by token, but no weights: what servers return and
//! training frameworks record. All that can be had from them is how often each expert was chosen (METRICS 2).
//!
//! # From a line to a trace
//! - [`lines`] hands out a file line by line, in chunks of some MiB.
//! - [`scan`] goes over the JSON of a line; [`block`] and [`packed`] read its ids as lists or base64.
//! - [`vllm`], [`sglang`], [`olmoe`] know the fields of their records ([`record`]), [`megatron`] and [`table`] their files.
//! - [`fold`] counts and lets the ids go; [`body`] reads them again when single tokens are asked for.
//!
//! In memory are one record, its ids at two bytes each, and the counts.

mod block;
mod body;
mod fold;
mod lines;
pub mod megatron;
mod megatron_steps;
mod olmoe;
mod opened;
mod packed;
mod read;
mod record;
pub mod records;
mod scan;
mod sglang;
mod shape;
pub mod table;
mod vllm;
