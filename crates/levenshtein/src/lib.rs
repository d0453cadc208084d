//! Exact edit distances of many integer sequences.

mod sequences;

pub use sequences::Sequences;
