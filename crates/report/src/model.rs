//! The report: plain data, versioned, complete. Everything that has one figure per checkpoint is a
//! [`Course`], in long form; `None` means "undefined here", never zero.

use serde::{Deserialize, Serialize};

use crate::settings::{Settings, Unit};

/// The `format` field of every report.
pub const FORMAT: &str = "grokscope.report";

/// The schema version that this code writes.
pub const VERSION: u32 = 1;

/// [`Course::domain`] of figures of the whole run.
pub const WHOLE_RUN: &str = "";

/// One figure per checkpoint, `[C]`.
pub type Series = Vec<Option<f64>>;

/// Selections of each expert at one checkpoint, `[L][E]`.
pub type ExpertSelections = Vec<Vec<u64>>;

/// All results of one run: the source of every chart, table, link and export.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Always [`FORMAT`].
    pub format: String,
    /// Schema version, [`VERSION`] when written by this code.
    pub version: u32,
    /// Program and version that computed the figures.
    pub made_by: String,
    /// Title that the user gave this run.
    pub title: String,
    /// Bits to which a link rounded the figures; absent for exact figures.
    pub rounded_to_bits: Option<u8>,
    /// The traces that the figures were computed from.
    pub run: Run,
    /// The settings that the figures were computed with.
    pub settings: Settings,
    /// Checkpoints in training order, `[C]`.
    pub checkpoints: Vec<Checkpoint>,
    /// One entry per domain, in the order of the samples.
    pub domains: Vec<Domain>,
    /// Every course over the checkpoints, ordered by domain, then by the table
    /// [`METRICS`](crate::METRICS).
    pub courses: Vec<Course>,
    /// Warnings and remarks on the figures.
    pub notes: Vec<Note>,
}

/// One metric over the checkpoints: a row of the long form.
///
/// Domain, other domain, metric, group, layer, tau and `t_star` identify a course; no two courses
/// share them all.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Course {
    /// [`Metric::id`](crate::Metric::id) of a row of [`METRICS`](crate::METRICS).
    pub metric: String,
    /// Name of the domain; of the first of two for distances between domains; empty for figures of
    /// the whole run ([`Scope::whole_run`](crate::metrics::Scope::whole_run)).
    pub domain: String,
    /// Name of the second domain, for distances between the samples of two domains.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub other_domain: Option<String>,
    /// Samples that the figures describe.
    pub group: Group,
    /// Layer index, for figures of a single layer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layer: Option<usize>,
    /// Pathway threshold, for metrics that depend on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tau: Option<f64>,
    /// Index of a checkpoint: the figures describe only the samples whose memorization step it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub t_star: Option<usize>,
    /// Samples, or benchmark items, behind the figures.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub n: Option<u64>,
    /// Pairs of samples measured per checkpoint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pairs: Option<u64>,
    /// The figures, `[C]`, in the metric's unit.
    pub values: Series,
    /// Standard errors, `[C]`, in the same unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub se: Option<Series>,
}

/// The traces behind a report.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// Model name as the traces give it.
    pub model: Option<String>,
    /// Number of samples common to all checkpoints, `S`.
    pub samples: usize,
    /// Number of benchmark items; 0 without results.
    pub items: usize,
    /// Number of MoE layers, `L`.
    pub layers: usize,
    /// Experts per layer, `E`.
    pub experts: usize,
    /// Experts per token, `k`, if the traces state it.
    pub top_k: Option<usize>,
    /// Kind of the gates.
    pub gate_kind: GateKind,
    /// Whether any checkpoint's gates were stored in 16 bits, which changes single pathways
    /// (docs/metrics.md).
    pub half_precision: bool,
}

/// Kind of routing weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GateKind {
    /// Softmax over all experts, averaged over a sample's tokens.
    SoftmaxMean,
    /// Sigmoid scores over their sum over all experts, averaged over a sample's tokens.
    SigmoidNormalizedMean,
    /// Selection frequency of each expert.
    SelectionFrequency,
}

/// One checkpoint of the run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// Training step.
    pub step: u64,
    /// Training tokens seen, if the trace states them.
    pub tokens: Option<u64>,
}

/// Samples of a domain that a figure describes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Group {
    /// Every sample of the domain.
    #[default]
    All,
    /// Samples memorized before the last checkpoint; the same samples at every checkpoint.
    Memorized,
}

/// One domain: its size and its results that are not courses.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Domain {
    /// Name, unique in the report.
    pub name: String,
    /// Number of samples.
    pub samples: usize,
    /// Number of benchmark items.
    pub items: usize,
    /// Memorization of the samples.
    pub memorization: Memorization,
    /// Generalization of the items, if there are results per item.
    pub generalization: Option<Generalization>,
    /// Selections of every expert, one entry per checkpoint; empty if the traces have no expert
    /// ids.
    pub expert_selections: Vec<Option<ExpertSelections>>,
    /// The strongest co-activations at the last checkpoint, one list per layer.
    pub coactivation: Vec<Vec<CoactivationPair>>,
    /// Pairing of memorization groups with generalization groups.
    pub delays: Option<Delays>,
    /// Correlations of courses with accuracy (paper, table 1).
    pub correlations: Vec<Correlation>,
}

/// Memorization of a domain's samples (docs/metrics.md#memorization-step).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Memorization {
    /// Loss threshold used, nats; `None` if no threshold of the grid qualifies.
    pub eps: Option<f64>,
    /// Whether the user set the threshold.
    pub eps_set_by_user: bool,
    /// Samples whose `t*` is each checkpoint, `[C]`; those of the last checkpoint are unconfirmed.
    pub t_star: Vec<usize>,
    /// Samples with `t*` before the last checkpoint.
    pub memorized: usize,
    /// Samples without any `t*`.
    pub never: usize,
}

/// Generalization of a domain's benchmark items (docs/metrics.md#generalization-step).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Generalization {
    /// Items whose `t#` is each checkpoint, `[C]`; those of the last checkpoint rest on one
    /// observation.
    pub t_sharp: Vec<usize>,
    /// Items without any `t#`.
    pub never: usize,
}

/// A strong co-activation of a layer: how often `second` is selected for tokens that select
/// `first`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CoactivationPair {
    /// The given expert.
    pub first: usize,
    /// The expert selected with it.
    pub second: usize,
    /// `P(second selected | first selected)`.
    pub probability: f64,
}

/// Pairing of memorization groups with generalization groups (docs/metrics.md#pairing-and-delay).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Delays {
    /// Whether the cosines are between mean gates because no text embeddings were given.
    pub from_gates: bool,
    /// Memorization groups, rows of `scores`.
    pub train: Vec<Matched>,
    /// Generalization groups, columns of `scores`.
    pub test: Vec<Matched>,
    /// Mean cosine of each train group with each test group, `[train][test]`.
    pub scores: Vec<Vec<f64>>,
    /// The best assignment.
    pub pairs: Vec<Pair>,
    /// Total score of the best assignment.
    pub total: f64,
    /// Total score of the second best assignment.
    pub second_best_total: Option<f64>,
}

/// A group of samples or items with the same step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Matched {
    /// Index of the checkpoint.
    pub checkpoint: usize,
    /// Number of members.
    pub count: usize,
}

/// One matched pair of groups.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Pair {
    /// Row of `scores`.
    pub train: usize,
    /// Column of `scores`.
    pub test: usize,
    /// `t# - t*` in steps; negative if the items were generalized before the samples were
    /// memorized.
    pub delay: i64,
    /// Mean cosine of the two groups.
    pub score: f64,
}

/// Correlation of one course with accuracy (docs/metrics.md#correlation-with-accuracy).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Correlation {
    /// [`Metric::id`](crate::Metric::id) of the course.
    pub metric: String,
    /// Group of the course.
    pub group: Group,
    /// Number of checkpoints in the window at which both are defined.
    pub n: usize,
    /// Pearson's r.
    pub pearson: Option<f64>,
    /// Two-sided permutation p of r.
    pub pearson_p: Option<f64>,
    /// Spearman's rho.
    pub spearman: Option<f64>,
    /// Two-sided permutation p of rho.
    pub spearman_p: Option<f64>,
    /// Number of orders tried: n! if all were tried, else the number of random ones.
    pub orders: u64,
    /// Whether all orders were tried.
    pub exact: bool,
    /// Why there are no coefficients.
    pub undefined: Option<String>,
}

/// A warning or remark on the figures.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Note {
    /// Level.
    pub level: NoteLevel,
    /// Text in complete sentences.
    pub text: String,
}

/// Level of a note.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NoteLevel {
    /// Information.
    Info,
    /// Without this note, the figures may be misleading.
    Warning,
}

impl Report {
    /// The domain with that name.
    #[must_use]
    pub fn domain(&self, name: &str) -> Option<&Domain> {
        self.domains.iter().find(|domain| domain.name == name)
    }

    /// Training steps, `[C]`.
    pub fn steps(&self) -> impl ExactSizeIterator<Item = u64> + '_ {
        self.checkpoints.iter().map(|checkpoint| checkpoint.step)
    }

    /// Name of the unit of its distances.
    #[must_use]
    pub fn unit_name(&self) -> &'static str {
        match self.settings.unit {
            Unit::Symbol => "symbols",
            Unit::Character => "characters",
        }
    }

    /// Course of a whole group of one domain at the threshold of the settings, over all layers.
    #[must_use]
    pub fn course(&self, domain: &str, metric: &str, group: Group) -> Option<&Course> {
        self.course_at(domain, metric, group, self.settings.tau)
    }

    /// Course of a whole group of one domain at another threshold.
    #[must_use]
    pub fn course_at(&self, domain: &str, metric: &str, group: Group, tau: f64) -> Option<&Course> {
        self.courses.iter().find(|course| {
            course.is(domain, metric, group)
                && course.is_whole()
                && course.tau.is_none_or(|at| at.to_bits() == tau.to_bits())
        })
    }

    /// Course of the whole run over all layers.
    #[must_use]
    pub fn run_course(&self, metric: &str) -> Option<&Course> {
        self.course(WHOLE_RUN, metric, Group::All)
    }

    /// Courses of single layers, ordered by layer.
    #[must_use]
    pub fn layer_courses(&self, domain: &str, metric: &str, group: Group) -> Vec<&Course> {
        let of_layers =
            self.courses.iter().filter(|course| course.layer.is_some() && course.is(domain, metric, group));
        let mut courses: Vec<&Course> = of_layers.collect();
        courses.sort_by_key(|course| course.layer);
        courses
    }
}

impl Course {
    /// Whether the course has this domain, metric and group, and is not between two domains.
    #[must_use]
    pub fn is(&self, domain: &str, metric: &str, group: Group) -> bool {
        self.metric == metric && self.group == group && self.domain == domain && self.other_domain.is_none()
    }

    /// Whether the course describes a whole group: neither a single layer nor one memorization
    /// step.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.layer.is_none() && self.t_star.is_none()
    }
}
