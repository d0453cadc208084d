//! Charts, tables and the verdict of a [`report::Report`], as plain data.
//!
//! - [`timeline()`], [`layers()`], [`experts()`], [`coactivation()`], [`delays()`] and [`sweep()`] make [`Figure`]s: a Vega-Lite 6 specification
//!   with its data inside, the same numbers as a [`Table`], and a summary for screen readers.
//! - [`flow()`] draws how gate mass passes between layers, which needs traces.
//! - [`tokens()`] draws the experts of single tokens and [`expert_tokens()`] the tokens of an expert; they need traces too.
//! - [`tables()`] writes every number of the report as a [`NamedTable`].
//! - [`compare()`] overlays two reports and lists their differences.
//! - [`html()`] writes a report as one page without scripts.
//! - [`runs()`] lists several reports in one table.
//! - [`geometry()`] writes tables and charts of routers without samples, from a [`report::Geometry`].
//! - [`map_sheet()`] describes a frame of the distance matrix.
//! - [`verdict()`] states in sentences what the numbers show, and what they do not; [`domain_lines()`] and [`brief()`] are its short forms.
//! - [`tour()`] leads through a report in up to six steps, each with what it shows and what it does not show.
//! - [`definition()`] explains a metric: formula, what raises and lowers it, what it does not show.
//!
//! Nothing here depends on a browser, so everything is tested natively. Names given by users (domains, titles) only
//! become values in a specification; the fields that a specification refers to have fixed names.

// `json!` recurses once per token.
#![recursion_limit = "512"]

mod axis;
mod chart;
mod checkpoints;
mod compare;
mod definitions;
mod delays;
mod expert_tokens;
mod experts;
mod figure;
mod flow;
mod geometry;
mod html;
mod layers;
mod lines;
mod map;
pub mod number;
pub mod onset;
pub mod palette;
mod published;
mod runs;
mod series;
mod share;
mod sparkline;
mod sweep;
mod table;
mod tables;
mod theme;
mod timeline;
mod tokens;
mod tour;
mod verdict;

pub use axis::{Axis, Scale};
pub use compare::{Comparison, compare, matched_experts};
pub use definitions::{Definition, definition};
pub use delays::{certainty, delays};
pub use expert_tokens::expert_tokens;
pub use experts::{ExpertOrder, coactivation, experts};
pub use figure::{ChartOptions, Figure};
pub use flow::{LEAST_LINKS, flow};
pub use geometry::{GeometryChart, GeometrySheet, geometry};
pub use html::html;
pub use layers::{LayerMeasure, layers};
pub use map::{MapSheet, map_sheet};
pub use runs::runs;
pub use share::{Short, share, short};
pub use sweep::sweep;
pub use table::{Cell, Column, NamedTable, Table};
pub use tables::tables;
pub use theme::Theme;
pub use timeline::{TimelineOptions, timeline};
pub use tokens::{TOKENS_SHOWN, tokens};
pub use tour::{Tour, TourStep, tour};
pub use verdict::{DomainLine, TOP_LINES, brief, domain_lines, requested_changes, verdict};
