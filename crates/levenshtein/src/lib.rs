//! Exact Levenshtein distances (insert, delete and substitute cost 1) of many sequences of `u16` symbols.
//!
//! One bit of a vector register is one pair of sequences, so one pass of six or eight logical instructions fills one
//! cell of the dynamic programme for 64, 128, 256 or 512 pairs at once. The crate's README explains the algorithm.

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
mod library;
mod pairs;
mod sequences;
mod single;

pub use all_pairs::all_pairs;
pub use error::Error;
pub use instruction_set::InstructionSet;
pub use pairs::{Prepared, pairs};
pub use sequences::Sequences;
pub use single::distance;
