//! The analysis: computes a [`Report`](crate::Report) from a [`Run`] and
//! [`Settings`](crate::Settings).
//!
//! 1. [`run`] assembles files to a run.
//! 2. [`plan`] chooses groups and pairs; memorization depends only on losses, so it is known before gates are read.
//! 3. [`pass`] reads each checkpoint's gates once and makes a [`digest`] of them, [`selections`] its experts of single tokens.
//! 4. [`measurements`] lists all measurements, [`looks`] those of the samples declared so far; [`measure`] gets their
//!    distances from the host.
//! 5. [`compose`] builds the report from the [`cache`], complete or not.
//!
//! [`map`] measures the distance matrix of a group for the view "Map"; the report does not need it.
//!
//! [`Analysis`] runs these steps as one future, which can be dropped at any await.

mod accumulators;
mod align;
mod block;
mod cache;
mod change;
mod change_between;
mod compose;
mod cosine_requests;
mod cosines;
mod digest;
mod draw;
mod driver;
mod expert_tokens;
mod fingerprint;
mod flow;
mod host;
mod items;
mod job;
mod look_results;
mod looks;
pub mod map;
mod measure;
mod measurements;
mod memorization;
mod pass;
mod plan;
mod ranked;
mod run;
mod selections;
mod tokens;
mod words;

pub use align::{AlignedPair, PairOfSamples};
pub use driver::Analysis;
pub use expert_tokens::{ExpertTokens, TokenCount};
pub use flow::GroupFlow;
pub use host::{CELLS_AT_ONCE, Direct, Distances, InlineDistances, NoProgress, Pairs, Pending, Stage, Watch};
pub use run::{Part, Run, Verdict, assemble, explain, traces};
pub use tokens::TokenExperts;
