//! An open trace: its metadata is known, and its large tensors are read by ranges of samples on
//! request.

pub mod bad_samples;
pub mod check;
mod counts;
mod edit;
mod endless;
mod join;
mod left_out;
pub mod logits;
pub mod order;
mod parts;
mod read;
mod read_all;
mod recorded;
pub mod router;
pub mod rule;
mod stack;

pub(crate) use crate::open_trace::{
    edit::not_so_many,
    parts::{Body, FileBody, Rule},
};
pub use crate::open_trace::{
    join::Joined,
    parts::OpenTrace,
    recorded::{GatesFound, RecordedIds},
};
