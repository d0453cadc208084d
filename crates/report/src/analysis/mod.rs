//! The analysis: a [`Run`] and [`Settings`](crate::Settings) become a [`Report`](crate::Report).
//!
//! 1. [`run`] puts files together to a run.
//! 2. [`plan`] chooses groups and pairs (losses decide who is memorized, so they are known before any gate is read).
//! 3. [`digest`] reads each checkpoint's gates once and lets them go.
//! 4. [`measurements`] enumerates what is measured, [`measure`] asks the host for distances.
//! 5. [`compose`] writes the report from what is in the [`cache`], complete or not.
//!
//! [`map`] measures all pairs of a group, for a picture of them; the report does not need it.
//!
//! [`Analysis`] drives these steps as one future that can be dropped at any await.

mod align;
mod cache;
mod compose;
mod digest;
mod driver;
mod fingerprint;
mod host;
mod job;
pub mod map;
mod measure;
mod measurements;
mod plan;
mod run;

pub use align::{AlignedPair, PairOfSamples};
pub use driver::Analysis;
pub use host::{CELLS_AT_ONCE, Distances, InlineDistances, NoProgress, Pairs, Pending, Stage, Watch};
pub use run::{Part, Run, Verdict, assemble, traces};
