//! Exact Levenshtein distances (insert, delete and substitute cost 1) of many sequences of `u16`
//! symbols.
//!
//! Each bit of a vector register belongs to one pair of sequences, so five to eight logical
//! instructions compute one cell of the dynamic programming table for 64, 128, 256 or 512 pairs at
//! once. The README explains the algorithm.

mod all_pairs;
mod alphabet;
mod band;
mod cost;
mod error;
#[cfg(feature = "gpu")]
pub mod gpu;
mod instruction_set;
mod kernel;
mod leftover;
mod pairs;
mod sequences;
mod single;

pub use all_pairs::all_pairs;
pub use error::Error;
pub use instruction_set::InstructionSet;
pub use pairs::{Prepared, pairs};
pub use sequences::Sequences;
pub use single::distance;
