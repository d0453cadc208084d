//! The report: plain data, versioned, complete. Everything that has one figure per checkpoint is a [`Course`], in
//! long form; `None` means "undefined here", never zero.

use serde::{Deserialize, Serialize};

use crate::{
    metrics::{METRICS, Metric},
    settings::{Settings, Unit},
};

/// The `format` field of every report.
pub const FORMAT: &str = "grokscope.report";

/// The schema version that this code writes.
pub const VERSION: u32 = 1;

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
    /// One entry per domain, in the order in which the samples name them.
    pub domains: Vec<Domain>,
    /// Every course over the checkpoints, ordered by domain, then by the table [`METRICS`].
    pub courses: Vec<Course>,
    /// Warnings and remarks on the figures.
    pub notes: Vec<Note>,
}

/// One metric over the checkpoints: a row of the long form.
///
/// Domain, other domain, metric, group, layer, tau and `t_star` identify a course; no two courses share them all.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Course {
    /// [`Metric::id`] of a row of [`METRICS`].
    pub metric: String,
    /// Name of the domain; of the first of two for distances between domains.
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
    /// Samples that every checkpoint has, `S`.
    pub samples: usize,
    /// Benchmark items, 0 without results.
    pub items: usize,
    /// MoE layers, `L`.
    pub layers: usize,
    /// Experts per layer, `E`.
    pub experts: usize,
    /// Experts per token, `k`, where the traces state it.
    pub top_k: Option<usize>,
    /// Kind of the gates.
    pub gate_kind: GateKind,
    /// Whether any checkpoint's gates were stored in 16 bits, which changes single pathways (docs/metrics.md).
    pub half_precision: bool,
}

/// Quantity that stands for the routing weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GateKind {
    /// Softmax over all experts, averaged over a sample's tokens.
    SoftmaxMean,
    /// Sigmoid scores over their sum over all experts, averaged over a sample's tokens.
    SigmoidNormalizedMean,
    /// How often an expert was selected.
    SelectionFrequency,
}

/// One checkpoint of the run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// Training step.
    pub step: u64,
    /// Training tokens seen, where the trace tells.
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
    /// When the samples were memorized.
    pub memorization: Memorization,
    /// When the items were generalized, where results per item are given.
    pub generalization: Option<Generalization>,
    /// Selections of every expert, one entry per checkpoint; empty where the traces have no expert ids.
    pub expert_selections: Vec<Option<ExpertSelections>>,
    /// The strongest co-activations at the last checkpoint, one list per layer.
    pub coactivation: Vec<Vec<CoactivationPair>>,
    /// Memorization groups matched with generalization groups.
    pub delays: Option<Delays>,
    /// Correlations of courses with accuracy (paper, table 1).
    pub correlations: Vec<Correlation>,
}

/// Memorization of a domain's samples (docs/metrics.md#memorization-step).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Memorization {
    /// Loss threshold used, nats; `None` when no threshold of the grid qualifies.
    pub eps: Option<f64>,
    /// Whether the user set it.
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
    /// Items whose `t#` is each checkpoint, `[C]`; those of the last checkpoint rest on one observation.
    pub t_sharp: Vec<usize>,
    /// Items without any `t#`.
    pub never: usize,
}

/// One strong co-activation of a layer: how often `second` is selected where `first` is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CoactivationPair {
    /// The given expert.
    pub first: usize,
    /// The expert selected with it.
    pub second: usize,
    /// `P(second selected | first selected)`.
    pub probability: f64,
}

/// Memorization groups matched with generalization groups (docs/metrics.md#pairing-and-delay).
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
    /// Its total score.
    pub total: f64,
    /// The total of the best other assignment.
    pub second_best_total: Option<f64>,
}

/// A group of samples or items that share their step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Matched {
    /// Index of the checkpoint.
    pub checkpoint: usize,
    /// Members.
    pub count: usize,
}

/// One matched pair of groups.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Pair {
    /// Row of `scores`.
    pub train: usize,
    /// Column of `scores`.
    pub test: usize,
    /// `t# - t*` in steps; negative where the items were right before the samples settled.
    pub delay: i64,
    /// Mean cosine of the two groups.
    pub score: f64,
}

/// One course against accuracy (docs/metrics.md#correlation-with-accuracy).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Correlation {
    /// [`Metric::id`] of the course.
    pub metric: String,
    /// The group that the course is of.
    pub group: Group,
    /// Checkpoints that count: those of the window where both are defined.
    pub n: usize,
    /// Pearson's r.
    pub pearson: Option<f64>,
    /// Its two-sided permutation p.
    pub pearson_p: Option<f64>,
    /// Spearman's rho.
    pub spearman: Option<f64>,
    /// Its two-sided permutation p.
    pub spearman_p: Option<f64>,
    /// Orders that were tried: n! where all were, else the number of random ones.
    pub orders: u64,
    /// Whether all orders were tried.
    pub exact: bool,
    /// Why there is no figure.
    pub undefined: Option<String>,
}

/// A warning or remark on the figures.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Note {
    /// How much it matters.
    pub level: NoteLevel,
    /// Whole sentences.
    pub text: String,
}

/// How much a note matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NoteLevel {
    /// Information.
    Info,
    /// The figures may mislead a reader who does not know it.
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

    /// The word for the unit of its distances.
    #[must_use]
    pub fn unit_name(&self) -> &'static str {
        match self.settings.unit {
            Unit::Symbol => "symbols",
            Unit::Character => "characters",
        }
    }

    /// The course of a whole group of one domain at the settings' threshold: not of a single layer, another domain
    /// or one memorization step.
    #[must_use]
    pub fn course(&self, domain: &str, metric: &str, group: Group) -> Option<&Course> {
        self.course_at(domain, metric, group, self.settings.tau)
    }

    /// The same at another threshold.
    #[must_use]
    pub fn course_at(&self, domain: &str, metric: &str, group: Group, tau: f64) -> Option<&Course> {
        self.courses.iter().find(|course| {
            course.is(domain, metric, group)
                && course.is_whole()
                && course.tau.is_none_or(|at| at.to_bits() == tau.to_bits())
        })
    }

    /// The courses of single layers, by layer.
    #[must_use]
    pub fn layer_courses(&self, domain: &str, metric: &str, group: Group) -> Vec<&Course> {
        let of_layers =
            self.courses.iter().filter(|course| course.layer.is_some() && course.is(domain, metric, group));
        let mut courses: Vec<&Course> = of_layers.collect();
        courses.sort_by_key(|course| course.layer);
        courses
    }

    /// Sorts the courses by domain, metric (in the order of [`METRICS`]), group, layer, threshold, memorization step
    /// and second domain. Distances between two domains come last.
    pub fn sort_courses(&mut self) {
        let domain_at =
            |name: &str| self.domains.iter().position(|domain| domain.name == name).unwrap_or(usize::MAX);
        let metric_at = |id: &str| METRICS.iter().position(|metric| metric.id == id).unwrap_or(usize::MAX);
        self.courses.sort_by_cached_key(|course| {
            (
                course.other_domain.is_some(),
                domain_at(&course.domain),
                course.other_domain.as_deref().map(domain_at),
                metric_at(&course.metric),
                course.group,
                // Positive numbers have the order of their bits.
                (course.layer, course.tau.map(f64::to_bits), course.t_star),
            )
        });
    }
}

impl Course {
    /// The row of [`METRICS`]; `None` for a metric that this version does not know.
    #[must_use]
    pub fn definition(&self) -> Option<&'static Metric> {
        crate::metrics::metric(&self.metric)
    }

    /// Whether it is of this domain, metric and group, and not between two domains.
    #[must_use]
    pub fn is(&self, domain: &str, metric: &str, group: Group) -> bool {
        self.metric == metric && self.group == group && self.domain == domain && self.other_domain.is_none()
    }

    /// Whether it describes a whole group: not a single layer, nor the samples of one memorization step.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.layer.is_none() && self.t_star.is_none()
    }
}
