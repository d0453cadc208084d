//! The report: plain data, versioned, complete. Everything that has one figure per checkpoint is a
//! [`Course`], in long form; `None` means "undefined here", never zero.

mod claim;
mod shortened;

use serde::{Deserialize, Serialize};

pub use self::claim::{Claim, ClaimKind, Why};
pub use self::shortened::Shortened;
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
    /// Test of exchanged domains, per metric and group; empty without accuracies.
    #[serde(default)]
    pub exchange: Vec<Exchange>,
    /// Claims that the verdict can make, computed from the figures above.
    #[serde(default)]
    pub claims: Vec<Claim>,
    /// Warnings and remarks on the figures.
    pub notes: Vec<Note>,
    /// What a shortened link left out; absent in other reports.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shortened: Option<Shortened>,
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

/// Properties of the run: model, sizes, kind of gates.
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
    /// Memorized samples by the setting [`OnsetRule`](crate::OnsetRule): declared by the last
    /// checkpoint, or `t*` before it; the same samples at every checkpoint.
    Memorized,
}

/// One domain: its size and its results that are not courses.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
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
    /// State at each checkpoint, from the data up to it, `[C]`; empty without losses.
    #[serde(default)]
    pub states: Vec<State>,
    /// Selections of every expert, one entry per checkpoint; empty if the traces have no expert
    /// ids.
    pub expert_selections: Vec<Option<ExpertSelections>>,
    /// The strongest co-activations at the last checkpoint, one list per layer.
    pub coactivation: Vec<Vec<CoactivationPair>>,
    /// Pairing of memorization groups with generalization groups.
    pub delays: Option<Delays>,
    /// Correlations of courses with accuracy (paper, table 1).
    pub correlations: Vec<Correlation>,
    /// Pearson's r of the clock `log(step + s0)` with accuracy
    /// (docs/metrics.md#does-it-follow-accuracy): what any course that only rises would reach.
    #[serde(default)]
    pub clock: Option<f64>,
    /// Changes of pathway distances from the onset to the last checkpoint, one per group.
    #[serde(default)]
    pub changes: Vec<Change>,
}

/// Memorization of a domain's samples by both rules (docs/metrics.md#memorization-step,
/// docs/metrics.md#causal-memorization-step).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Memorization {
    /// Loss threshold of `t*`, nats; `None` if no threshold of the grid qualifies.
    pub eps: Option<f64>,
    /// Whether the user set the threshold, which then holds for both rules.
    pub eps_set_by_user: bool,
    /// Samples whose `t*` is each checkpoint, `[C]`; those of the last checkpoint are unconfirmed.
    pub t_star: Vec<usize>,
    /// Samples with `t*` before the last checkpoint.
    pub memorized: usize,
    /// Samples without any `t*`.
    pub never: usize,
    /// Loss threshold of `t°`, nats; `None` if no checkpoint fixes one.
    #[serde(default)]
    pub causal_eps: Option<f64>,
    /// The samples by `t°`.
    #[serde(default)]
    pub causal: CausalSteps,
    /// Samples with a `t°` whose loss there is at most half of their first finite loss, and less than
    /// it.
    #[serde(default)]
    pub fallen: usize,
}

/// Generalization of a domain's benchmark items by both rules
/// (docs/metrics.md#generalization-step, docs/metrics.md#causal-generalization-step).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Generalization {
    /// Items whose `t#` is each checkpoint, `[C]`; those of the last checkpoint with a result rest on one
    /// observation.
    pub t_sharp: Vec<usize>,
    /// Items without any `t#`.
    pub never: usize,
    /// The items by `t°#`.
    #[serde(default)]
    pub causal: CausalSteps,
}

/// Samples by their causal memorization step `t°`, or items by their causal generalization step
/// `t°#`. No count depends on later checkpoints, except those of `first`: a step is known some
/// checkpoints after it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CausalSteps {
    /// Members whose step is each checkpoint, `[C]`.
    pub first: Vec<usize>,
    /// Members declared at each checkpoint, `[C]`: the first at which their step was known.
    pub declared: Vec<usize>,
    /// Declared members that relapsed for the first time at each checkpoint, `[C]`.
    pub relapses: Vec<usize>,
    /// Members not declared by the last checkpoint.
    pub never: usize,
    /// Index of the checkpoint by which half of the declared members have reached their step.
    pub half: Option<usize>,
}

/// State of a domain at one checkpoint, from the data up to it (docs/metrics.md#state-of-a-domain).
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// Phase of the training.
    pub phase: Phase,
    /// Index `r` of the checkpoint by which half of the samples declared so far were declared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<usize>,
    /// Number `k` of this look at the distance, from 1; `None` if the distance was not tested.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub look: Option<u64>,
    /// Level of this look's one-sided bounds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level: Option<f64>,
    /// Distance of the samples declared so far, now over at the reference, minus 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change: Option<f64>,
    /// Standard error of `change` over the choice of samples.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub se: Option<f64>,
    /// Lower one-sided bound of `change`; above 0 at two looks in a row, the domain is diverging.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lower: Option<f64>,
    /// Upper one-sided bound of `change`; below 0 at two looks in a row, it is structuring.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upper: Option<f64>,
}

/// Phase of a domain's training (docs/metrics.md#state-of-a-domain).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// Less than a fifth of the samples are declared memorized.
    #[default]
    Learning,
    /// A fifth or more are, and their distance has not changed.
    Memorized,
    /// The distance of the memorized samples has fallen.
    Structuring,
    /// The distance of the memorized samples has risen.
    Diverging,
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
    /// Share of shuffled pairings whose best total is at least `total`: the larger of the shares
    /// with shuffled samples and with shuffled items.
    #[serde(default)]
    pub null_share: Option<f64>,
    /// Shuffled pairings behind `null_share`; 0 without it.
    #[serde(default)]
    pub null_draws: u64,
    /// Whether these are all arrangements of the members.
    #[serde(default)]
    pub null_exact: bool,
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

/// Relation of one course to accuracy: coefficients that describe it, and tests that ask whether it
/// follows accuracy (docs/metrics.md#correlation-with-accuracy,
/// docs/metrics.md#does-it-follow-accuracy).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Correlation {
    /// [`Metric::id`](crate::Metric::id) of the course.
    pub metric: String,
    /// Group of the course.
    pub group: Group,
    /// Number of checkpoints in the window at which both are defined.
    pub n: usize,
    /// Pearson's r over the checkpoints of the window; undefined if either has a gap there.
    pub pearson: Option<f64>,
    /// Spearman's rho over the checkpoints of the window.
    pub spearman: Option<f64>,
    /// Why there are no coefficients.
    pub undefined: Option<String>,
    /// Pearson's r over the `n` checkpoints at which both are defined: equals `pearson` without
    /// gaps. The tests below are about this coefficient.
    pub increments_r: Option<f64>,
    /// Test A: two-sided p of `increments_r` among courses with the increments in another order.
    pub increments_p: Option<f64>,
    /// Test A': the same for `partial`, with both courses adjusted for the clock.
    pub increments_clock_p: Option<f64>,
    /// Orders of the increments tried: `(n - 1)!` if all were tried, else the number of random
    /// ones; 0 without test A.
    pub increments_orders: u64,
    /// Whether all orders of the increments were tried.
    pub increments_exact: bool,
    /// Why there is no test A.
    pub increments_undefined: Option<String>,
    /// Partial correlation of the course with accuracy given the clock, over the `n` checkpoints.
    pub partial: Option<f64>,
    /// Two-sided p of `pearson` among permutations of the checkpoints. Checkpoints of a training
    /// course are not exchangeable, so it is no evidence. `None` in the report of a link.
    pub checkpoint_permutation_p: Option<f64>,
    /// Two-sided p of `spearman` among permutations of the checkpoints; no evidence either.
    pub checkpoint_permutation_p_spearman: Option<f64>,
    /// Permutations tried: n! if all were tried, else the number of random ones; 0 if none were.
    pub checkpoint_permutation_orders: u64,
    /// Whether all permutations were tried.
    pub checkpoint_permutation_exact: bool,
}

/// Change of a mean over pairs of samples between two checkpoints
/// (docs/metrics.md#change-between-two-checkpoints). The same samples and pairs are measured at
/// both, so the interval is that of the ratio.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// [`Metric::id`](crate::Metric::id) of the course.
    pub metric: String,
    /// Group of the course.
    pub group: Group,
    /// Index of the earlier checkpoint.
    pub from: usize,
    /// Index of the later checkpoint.
    pub to: usize,
    /// The mean at `to` over the mean at `from`: 1 for no change.
    pub ratio: f64,
    /// Standard error of the ratio, by delete-one over samples. It covers the choice of samples,
    /// not another run of the training.
    pub se_ratio: f64,
    /// Half width of the 95 % interval of the ratio: the t quantile with `n - 1` degrees of freedom
    /// times `se_ratio`.
    pub half_width: f64,
    /// Number of samples.
    pub n: usize,
    /// Whether the user asked for these two checkpoints. No claim rests on such a change.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub requested: bool,
}

/// Test B of one metric over all domains: whether each domain's course follows its own accuracy
/// better than another domain's (docs/metrics.md#domains-exchanged).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Exchange {
    /// [`Metric::id`](crate::Metric::id) of the courses.
    pub metric: String,
    /// Group of the courses.
    pub group: Group,
    /// Sum over domains of Pearson's r of the course with the domain's own accuracy.
    pub statistic: Option<f64>,
    /// Share of the assignments of courses to accuracies whose sum is as extreme in the metric's
    /// expected direction.
    pub p: Option<f64>,
    /// Assignments tried: `domains!` if all were tried, else the number of random ones.
    pub assignments: u64,
    /// Whether all assignments were tried.
    pub exact: bool,
    /// Domains that have both courses.
    pub domains: usize,
    /// Why there is no p.
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
