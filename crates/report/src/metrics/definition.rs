//! Definition of a metric: what a row of the table states.

use crate::{
    model::{Course, Domain, Report},
    settings::Unit,
};

/// Definition of a metric, and how it is shown, checked, exported and encoded in links.
#[derive(Clone, Copy, Debug)]
pub struct Metric {
    /// Name in the JSON, in tables and in links: lower case with underscores.
    pub id: &'static str,
    /// Name on the page, in sentence case without unit.
    pub name: &'static str,
    /// One sentence: what the figure is.
    pub summary: &'static str,
    /// Unit of the values and their standard errors.
    pub unit: MetricUnit,
    /// Anchor of its section in `docs/metrics.md`.
    pub section: &'static str,
    /// Allowed courses.
    pub scope: Scope,
    /// Direction that is usually better.
    pub better: Better,
    /// Whether its courses are correlated with accuracy.
    pub correlates: bool,
    /// Where the page shows it.
    pub shown: Shown,
    /// Other metrics that bound it from below and above at each checkpoint.
    pub band: Band,
    /// [`Metric::id`] of a reference metric, drawn in the same chart.
    pub reference: Option<&'static str>,
    /// Bounds of its values.
    pub bounds: Bounds,
    /// Precision in links.
    pub link: LinkPrecision,
    /// Required inputs, all of them.
    pub needs: &'static [Need],
    /// Computes its courses of a domain from other courses and counts of the report, for metrics
    /// that follow from those: see [`derive::complete`](crate::derive::complete). A link does not
    /// carry such a metric.
    pub derived: Option<fn(&Report, &Domain) -> Vec<Course>>,
}

/// Unit of a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetricUnit {
    /// The unit of pathway distances, [`Settings::unit`](crate::Settings::unit).
    Pathway,
    /// Symbols of a pathway, whatever the settings.
    Symbols,
    /// Natural units of information.
    Nats,
    /// A share, in `[0, 1]`.
    Share,
    /// A number of experts.
    Experts,
    /// No unit.
    Dimensionless,
}

impl MetricUnit {
    /// Name of the unit in tables, given the unit of pathway distances; empty without unit.
    #[must_use]
    pub fn name(self, pathway: Unit) -> &'static str {
        match (self, pathway) {
            (Self::Pathway, Unit::Character) => "characters",
            (Self::Pathway, Unit::Symbol) | (Self::Symbols, _) => "symbols",
            (Self::Nats, _) => "nats",
            (Self::Share, _) => "share",
            (Self::Experts, _) => "experts",
            (Self::Dimensionless, _) => "",
        }
    }
}

/// Allowed courses of a metric: of a domain's samples or items, unless they are of the whole run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "independent columns of the table")]
pub struct Scope {
    /// Whether there are also courses of the memorized samples alone.
    pub groups: bool,
    /// Whether there are courses of single layers.
    pub layers: Layers,
    /// Whether the metric depends on the pathway threshold, so that each course has a `tau`.
    pub threshold: bool,
    /// Whether there are also courses of the samples of single memorization steps.
    pub t_star: bool,
    /// Whether there are also courses between two domains.
    pub domain_pairs: bool,
    /// Whether the courses are of the whole run instead of a domain: [`Course::domain`] is then
    /// empty.
    pub whole_run: bool,
}

/// Whether a metric has figures of single layers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layers {
    /// Over all layers only.
    Never,
    /// Over all layers and of each.
    Also,
    /// Of each layer only.
    Only,
}

/// Direction of a metric that is usually better.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Better {
    /// Higher values.
    Higher,
    /// Lower values.
    Lower,
    /// Neither.
    Neither,
}

/// Place of a metric on the page; every metric is in tables and files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// In a chart of the timeline, and in the row of figures at the cursor.
    Chart,
    /// In a chart of the timeline.
    Timeline,
    /// In the row of figures at the cursor.
    Cursor,
    /// In tables and files only.
    Tables,
}

/// Metrics that form the band of another, by [`Metric::id`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Band {
    /// No band.
    None,
    /// Half width of the 95 % confidence interval.
    HalfWidth(&'static str),
    /// Lower and upper quartile over samples.
    Quartiles(&'static str, &'static str),
}

/// Bounds of the values of a metric.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Bounds {
    /// No known bound.
    None,
    /// A lower bound.
    From(f64),
    /// A lower and an upper bound.
    Between(f64, f64),
    /// From 0 to `ln E`, in nats.
    EntropyOfExperts,
}

/// Precision of a metric in links. All of its values in a report share one step of at most their
/// range over `2^b - 1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkPrecision {
    /// `b` is this much less than the bits of the link's main figures, but at least 3.
    pub fewer_bits: u8,
    /// Quantity that is divided into equal steps.
    pub scale: Scale,
    /// Whether a link contains the metric only with the part [`Parts::further`](crate::Parts).
    pub further: bool,
}

/// `b` of standard errors is this much less than the bits of a link's main figures.
pub const SE_FEWER_BITS: u8 = 5;

/// Quantity that a link divides into equal steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    /// The values.
    Linear,
    /// The square roots of their magnitudes, with the sign, which keeps more digits of small
    /// values.
    SquareRoot,
}

/// Required input of a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// Mean gates, or expert ids that give selection frequencies in their place.
    Routing,
    /// Gates of single tokens.
    TokenGates,
    /// The selected expert ids of single tokens.
    Ids,
    /// Router weight matrices or their Gram blocks.
    RouterWeights,
    /// Training losses of the samples.
    Losses,
    /// Benchmark results.
    Results,
}
