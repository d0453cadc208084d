//! Benchmark results: `run.json` and CSV tables.

pub mod csv;
pub mod json;
