//! Text traces with the ids of each token's selected experts but no weights, as servers return and
//! training frameworks record them. They only give selection frequencies
//! (`docs/metrics.md#mean-gates`).
//!
//! # From a line to a trace
//! - [`lines`] reads a file line by line, in chunks of some MiB.
//! - [`scan`] scans the JSON of a line; [`block`] and [`packed`] read its ids as lists or base64.
//! - [`read`] reads a [`record`], with the fields of [`writers`]; [`megatron`] and [`table`] read
//!   their own files.
//! - [`fold`] counts the ids and drops them; [`body`] reads them again when single tokens are
//!   requested.
//!
//! In memory are one record, its ids at two bytes each, and the counts.

mod block;
mod body;
pub mod fold;
mod lines;
pub mod megatron;
mod megatron_steps;
mod opened;
mod packed;
mod read;
mod record;
pub mod records;
mod scan;
mod shape;
pub mod table;
pub mod tokens;
mod writers;
