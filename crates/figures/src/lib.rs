//! Everything that is drawn or said of a [`report::Report`], as plain data.
//!
//! - [`timeline()`], [`layers()`], [`experts()`], [`coactivation()`], [`delays()`] and [`sweep()`] make [`Figure`]s: a Vega-Lite 6 specification
//!   with its data inside, the same numbers as a [`Table`], and a summary for screen readers.
//! - [`tables()`] makes every other number of the report a [`NamedTable`].
//! - [`geometry()`] makes tables and charts of routers without any sample, of a [`report::Geometry`].
//! - [`map_sheet()`] says what a frame of a map of distances shows.
//! - [`verdict()`] says in careful sentences what the numbers carry, and what they do not.
//!
//! Nothing here knows a browser, so everything can be tested natively. What a user named (domains, titles) only
//! ever becomes a value in a specification; the fields that the specification refers to have fixed names.

// `json!` goes through a specification token by token.
#![recursion_limit = "512"]

mod axis;
mod chart;
mod checkpoints;
mod delays;
mod experts;
mod figure;
mod geometry;
mod layers;
mod lines;
mod map;
pub mod number;
pub mod onset;
pub mod palette;
mod published;
mod series;
mod sweep;
mod table;
mod tables;
mod theme;
mod timeline;
mod verdict;

pub use axis::Axis;
pub use delays::delays;
pub use experts::{ExpertOrder, coactivation, experts};
pub use figure::{ChartOptions, Figure};
pub use geometry::{GeometryChart, GeometrySheet, geometry, table_from_text, table_text};
pub use layers::{LayerMeasure, layers};
pub use map::{MapSheet, map_sheet};
pub use sweep::sweep;
pub use table::{Cell, Column, NamedTable, Table};
pub use tables::tables;
pub use theme::Theme;
pub use timeline::{TimelineOptions, timeline};
pub use verdict::verdict;
