//! The browser workers: jobs in, progress and reports out.
//!
//! One wasm binary plays two parts. The *analyst* owns the run: it reads files, folds traces, asks a pool of
//! *calculators* for distances and posts [`Event`]s to the page. What goes over the border is in [`protocol`].

pub mod protocol;

pub use protocol::{Alignment, Event, FileRow, FileState, Job, PairChoice, Progress, SampleRef, WorkUnit};
