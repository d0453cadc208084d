//! Charts and tables that the analyst draws for the page. The page itself does without their code, which keeps it small.

use figures::{ChartOptions, ExpertOrder, Figure, NamedTable, TimelineOptions, Tour};
use serde::{Deserialize, Serialize};

use super::export::ReportText;

/// A request for charts or tables of the report that was last sent with [`Job::Hold`](super::job::Job::Hold).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Drawing {
    /// Every metric over training.
    Timeline {
        /// Options of the charts.
        options: TimelineOptions,
    },
    /// The report beside the second one.
    Compare {
        /// Id of the metric that is compared beside accuracy and distance; chosen by the comparison if absent or
        /// not in both reports.
        metric: Option<String>,
        /// Options of the charts.
        options: TimelineOptions,
    },
    /// A metric by layer and checkpoint.
    Layers {
        /// Name of the domain.
        domain: String,
        /// Identifier of the metric.
        measure: String,
        /// Options of the chart.
        options: ChartOptions,
    },
    /// Load of a layer's experts at a checkpoint.
    Experts {
        /// Name of the domain.
        domain: String,
        /// Index of the checkpoint.
        checkpoint: usize,
        /// Index of the layer.
        layer: usize,
        /// Order of the experts.
        order: ExpertOrder,
        /// Options of the chart.
        options: ChartOptions,
    },
    /// Experts of a layer that are selected together.
    Coactivation {
        /// Name of the domain.
        domain: String,
        /// Index of the layer.
        layer: usize,
        /// Options of the chart.
        options: ChartOptions,
    },
    /// Memorization groups matched with generalization groups.
    Delays {
        /// Name of the domain.
        domain: String,
        /// Options of the charts.
        options: ChartOptions,
    },
    /// Distances at every threshold tau.
    Sweep {
        /// Name of the domain.
        domain: String,
        /// Options of the chart.
        options: ChartOptions,
    },
    /// Flow of gate mass between layers at two checkpoints; it needs the run's traces.
    Flow {
        /// Name of the domain.
        domain: String,
        /// Indices of the checkpoints.
        checkpoints: [usize; 2],
        /// Least mass of a link, in uniform shares; chosen by the flow if absent.
        least: Option<f64>,
        /// Options of the charts.
        options: ChartOptions,
    },
    /// A table of several reports.
    Runs {
        /// The reports.
        reports: Vec<ReportText>,
    },
    /// Experts of a sample's tokens at two checkpoints, and the tokens of an expert at the second; they
    /// need the run's traces.
    Tokens {
        /// Name of the domain.
        domain: String,
        /// Index of the sample; the first one of the domain if absent or of another domain.
        sample: Option<usize>,
        /// First token shown.
        from: usize,
        /// Indices of the checkpoints.
        checkpoints: [usize; 2],
        /// Index of the layer of the expert.
        layer: usize,
        /// The expert; the one selected most if absent.
        expert: Option<usize>,
        /// Options of the charts.
        options: ChartOptions,
    },
    /// All tables of the report.
    Tables,
    /// The tour of the report.
    Tour {
        /// Whether the page has the run's traces, which the map needs.
        traces: bool,
    },
}

/// The response to a [`Drawing`]; empty if the report lacks the figures.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Drawn {
    /// Charts in reading order.
    pub figures: Vec<Figure>,
    /// Tables in reading order.
    pub tables: Vec<NamedTable>,
    /// What differs between two reports, one sentence each.
    pub differences: Vec<String>,
    /// Ids and names of the metrics by which two reports can be compared.
    #[serde(default)]
    pub metrics: Vec<(String, String)>,
    /// Id of the metric that is compared beside accuracy and distance.
    #[serde(default)]
    pub metric: String,
    /// Id of the sample whose tokens are drawn.
    #[serde(default)]
    pub sample: String,
    /// Why charts or parts of them are missing, one sentence each.
    #[serde(default)]
    pub notes: Vec<String>,
    /// The tour; without steps for other requests.
    #[serde(default)]
    pub tour: Tour,
}
