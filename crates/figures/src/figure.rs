//! One figure, and what every figure can be asked to look like.

use report::Group;
use serde::Serialize;

use crate::{axis::Axis, table::Table, theme::Theme};

/// One chart with everything that must accompany it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Figure {
    /// Stable identifier, letters and dashes: `distance`, `layers-entropy`.
    pub id: String,
    /// The title, as it also stands in the chart.
    pub title: String,
    /// Vega-Lite 6 specification with its data inside, as JSON; it loads nothing and runs under `vega-interpreter`.
    pub spec: String,
    /// The same numbers as a table.
    pub table: Table,
    /// One or two sentences for those who do not see the chart.
    pub summary: String,
}

/// What a figure of one domain looks like.
#[derive(Clone, Debug, PartialEq)]
pub struct ChartOptions {
    /// What the horizontal axis measures.
    pub axis: Axis,
    /// Light or dark ground.
    pub theme: Theme,
    /// Which samples of the domain, where a measure knows both groups.
    pub group: Group,
    /// Type of 1.6 times the size, for a projector.
    pub present: bool,
    /// Width in pixels; the container's width when absent.
    pub width: Option<u32>,
}

impl Default for ChartOptions {
    fn default() -> Self {
        Self { axis: Axis::Step, theme: Theme::Light, group: Group::Memorized, present: false, width: None }
    }
}
