//! Options of the timeline, and the domains that they show.

use report::{Domain, Group, Report};
use serde::{Deserialize, Serialize};

use crate::{axis::Axis, theme::Theme};

/// Options of the timeline.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TimelineOptions {
    /// Quantity on the horizontal axis.
    pub axis: Axis,
    /// Light or dark background.
    pub theme: Theme,
    /// Samples of the metrics that have figures of both groups.
    pub group: Group,
    /// Names of hidden domains.
    pub hidden: Vec<String>,
    /// Text at 1.6 times the size, for presenting.
    pub present: bool,
    /// Width in pixels; the container's width when absent.
    pub width: Option<u32>,
    /// First and last position shown, in units of the axis; all checkpoints when absent.
    pub range: Option<(u64, u64)>,
    /// Checkpoints of the running mean that lines are drawn by; 1 for the values themselves. Tables keep the values.
    pub smooth: usize,
    /// Whether metrics that are positive and no shares have a logarithmic vertical axis.
    pub log: bool,
    /// Height of each plot of courses in pixels; a fixed one when absent.
    pub height: Option<u32>,
}

impl Default for TimelineOptions {
    fn default() -> Self {
        Self {
            axis: Axis::Step,
            theme: Theme::Light,
            group: Group::Memorized,
            hidden: Vec::new(),
            present: false,
            width: None,
            range: None,
            smooth: 1,
            log: false,
            height: None,
        }
    }
}

/// Visible domains with their index in the report.
pub(super) fn visible<'a>(
    report: &'a Report,
    options: &TimelineOptions,
) -> impl Iterator<Item = (usize, &'a Domain)> {
    report.domains.iter().enumerate().filter(|(_, domain)| !options.hidden.contains(&domain.name))
}
