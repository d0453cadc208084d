//! Messages between the page, the analyst, the calculators and the engine.
//!
//! | From | To | Request | Response |
//! |---|---|---|---|
//! | page | analyst | [`Job`] | [`Event`] |
//! | analyst | calculator | `CalculatorRequest` | `CalculatorResponse` |
//! | analyst | engine | [`engine::EngineJob`] | [`engine::EngineEvent`] |
//!
//! The page starts calculators and engine for the analyst; the module `child` says why.
//!
//! Every message is plain data that serde converts to a JavaScript value. Files, blobs and large
//! typed arrays are not converted: they accompany a message as JavaScript objects, and the buffers
//! of arrays are transferred instead of copied. The modules say what accompanies which message.
//!
//! The engine depends on this crate without the feature `page`, and so not on `report` and `figures`.

#[cfg(target_arch = "wasm32")]
pub mod adapter;
#[cfg(feature = "page")]
pub mod addresses;
#[cfg(target_arch = "wasm32")]
pub mod calculator;
pub mod child;
pub mod engine;
#[cfg(feature = "page")]
mod page;
#[cfg(target_arch = "wasm32")]
pub mod scope;

pub use engine::{Backend, ProcessorInfo};
#[cfg(feature = "page")]
pub use page::{
    drawing::{Drawing, Drawn},
    event::{Event, Progress, WorkUnit},
    export::{Form, ReportText, Written},
    file_table::{FileRow, FileState, Question},
    job::Job,
    map::{MapFrame, MapRequest},
    mapping::{MappingChoice, MappingRow, MappingSheet},
    pathways::{AlignedCheckpoint, Alignment, PairChoice, SampleRef},
};
#[cfg(feature = "page")]
pub use trace::{Axis, Role};
