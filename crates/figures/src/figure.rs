//! Figures and their options.

use report::Group;
use serde::{Deserialize, Serialize};

use crate::{axis::Axis, table::Table, theme::Theme};

/// One chart with its title, table and summary.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Figure {
    /// Stable identifier, letters and dashes: `distance`, `layers-entropy`.
    pub id: String,
    /// The title, also shown in the chart.
    pub title: String,
    /// Vega-Lite 6 specification with inline data, as JSON; it loads nothing and runs under `vega-interpreter`.
    pub spec: String,
    /// The numbers of the chart as a table.
    pub table: Table,
    /// One or two sentences for screen readers.
    pub summary: String,
}

/// Options of a figure of one domain.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ChartOptions {
    /// Quantity on the horizontal axis.
    pub axis: Axis,
    /// Light or dark background.
    pub theme: Theme,
    /// Samples of the domain, for metrics that have figures of both groups.
    pub group: Group,
    /// Text at 1.6 times the size, for presenting.
    pub present: bool,
    /// Width in pixels; the container's width when absent.
    pub width: Option<u32>,
}

impl Default for ChartOptions {
    fn default() -> Self {
        Self { axis: Axis::Step, theme: Theme::Light, group: Group::Memorized, present: false, width: None }
    }
}
