//! The report: plain data, versioned, complete. Every series has one entry a checkpoint, in training order;
//! `None` is "undefined here", never zero.

use serde::{Deserialize, Serialize};

use crate::settings::{Settings, Unit};

/// The `format` field of every report.
pub const FORMAT: &str = "grokscope.report";

/// The version of the report's own schema that this code writes.
pub const VERSION: u32 = 1;

/// One figure a checkpoint, `[C]`.
pub type Series = Vec<Option<f64>>;

/// Everything that is known of one run: the source of all charts, tables, links and exports.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Always [`FORMAT`].
    pub format: String,
    /// Schema version, [`VERSION`] when written by this code.
    pub version: u32,
    /// Program and version that computed the figures.
    pub made_by: String,
    /// What the user calls this run.
    pub title: String,
    /// Bits to which the figures were rounded when they came through a link; absent for exact figures.
    pub rounded_to_bits: Option<u8>,
    /// What the figures were made from.
    pub run: Run,
    /// The settings that made them.
    pub settings: Settings,
    /// Checkpoints in training order, `[C]`.
    pub checkpoints: Vec<Checkpoint>,
    /// One part a domain, in the order in which the samples name them.
    pub domains: Vec<Domain>,
    /// Distances between samples of different domains (paper, appendix E.4).
    pub cross: Vec<CrossDomain>,
    /// What a reader of the figures must know.
    pub notes: Vec<Note>,
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
    /// Experts a layer, `E`.
    pub experts: usize,
    /// Experts a token, `k`, where the traces tell.
    pub top_k: Option<usize>,
    /// What the gates are.
    pub gate_kind: GateKind,
    /// Whether any checkpoint's gates were stored in 16 bits, which changes single pathways (METRICS 1).
    pub half_precision: bool,
}

/// What stands in place of the routing weights (METRICS 2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GateKind {
    /// Softmax over all experts, averaged over a sample's tokens.
    SoftmaxMean,
    /// How often an expert was selected: another quantity, and labelled as such.
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

/// Which samples of a domain a figure is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Group {
    /// Every sample of the domain.
    All,
    /// Those memorized before the last checkpoint, the same at every checkpoint.
    Memorized,
}

/// All figures of one domain.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Domain {
    /// Its name.
    pub name: String,
    /// Samples in it.
    pub samples: usize,
    /// Benchmark items in it.
    pub items: usize,
    /// When its samples were memorized.
    pub memorization: Memorization,
    /// Mean training loss over all samples with a finite loss, nats a token.
    pub loss: Series,
    /// Trailing mean of up to three checkpoints of `loss`.
    pub loss_moving_average: Series,
    /// Validation loss where the results give it, nats a token.
    pub validation_loss: Option<Series>,
    /// Benchmark accuracy in `[0, 1]`, where results are given.
    pub accuracy: Option<Series>,
    /// When its items were generalized, where results an item are given.
    pub generalization: Option<Generalization>,
    /// Pathway distance at the settings' tau and unit, one entry a group.
    pub distance: Vec<Distance>,
    /// Mean distance between unrelated pathways of the same lengths, all samples (METRICS 3).
    pub null_distance: Series,
    /// `1 - distance / null` of all samples.
    pub structure: Series,
    /// Distance at the other thresholds, one entry a threshold and group.
    pub sweep: Vec<Sweep>,
    /// Mean distance of one layer's expert lists, all samples, `[C][L]`.
    pub distance_by_layer: Vec<Vec<Option<f64>>>,
    /// Distance inside the groups of equal memorization step.
    pub distance_by_t_star: Vec<TStarDistance>,
    /// Consistency of the pathways between layers, one entry a group; empty where no router matrix is given.
    pub consistency: Vec<Consistency>,
    /// Effective dimension of the gates, one entry a group.
    pub spectrum: Vec<Spectrum>,
    /// Entropy of the mean gates, mean over samples and layers, nats.
    pub entropy: Series,
    /// The same by layer, `[C][L]`.
    pub entropy_by_layer: Vec<Vec<Option<f64>>>,
    /// Mean entropy of single tokens' gates, where per-token gates are given, nats.
    pub token_entropy: Series,
    /// Load of the experts, one entry a checkpoint; empty where no selections are given.
    pub load: Vec<Option<Load>>,
    /// Agreement of the selections with the last checkpoint's, one entry a checkpoint.
    pub saturation: Vec<Option<Saturation>>,
    /// The strongest co-activations at the last checkpoint, one list a layer.
    pub coactivation: Vec<Vec<TopCoactivation>>,
    /// Memorization groups matched with generalization groups.
    pub delays: Option<Delays>,
    /// Does a course predict accuracy? (paper, table 1)
    pub correlations: Vec<Correlation>,
}

/// Memorization of a domain's samples (METRICS 5).
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

/// Generalization of a domain's benchmark items (METRICS 6).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Generalization {
    /// Items whose `t#` is each checkpoint, `[C]`; those of the last checkpoint rest on one observation.
    pub t_sharp: Vec<usize>,
    /// Items without any `t#`.
    pub never: usize,
}

/// A group's pathway distance over training (METRICS 3).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Distance {
    /// The group.
    pub group: Group,
    /// Samples in it.
    pub samples: usize,
    /// Pairs measured at each checkpoint.
    pub pairs: u64,
    /// Pairs that there are.
    pub all_pairs: u64,
    /// Mean distance, in the settings' unit.
    pub mean: Series,
    /// Its standard error.
    pub se: Series,
    /// Half width of its 95 % interval.
    pub ci: Series,
    /// Mean of distance / longer length, in `[0, 1]`.
    pub normalised: Series,
    /// Its standard error.
    pub normalised_se: Series,
    /// Mean pathway length, in the settings' unit.
    pub length: Series,
}

/// A group's distance at one other threshold (METRICS 9).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sweep {
    /// The threshold.
    pub tau: f64,
    /// The group.
    pub group: Group,
    /// Pairs measured at each checkpoint.
    pub pairs: u64,
    /// Mean distance, in the settings' unit.
    pub mean: Series,
    /// Its standard error.
    pub se: Series,
}

/// Distance inside one group of equal memorization step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TStarDistance {
    /// Index of the checkpoint that is their `t*`.
    pub checkpoint: usize,
    /// Samples in the group.
    pub samples: usize,
    /// Mean distance, in the settings' unit; undefined for a group of one.
    pub mean: Series,
}

/// Pathway consistency of a group (METRICS 4).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Consistency {
    /// The group.
    pub group: Group,
    /// Median of `1 - C_i` (higher is smoother).
    pub median: Series,
    /// Its lower quartile.
    pub lower: Series,
    /// Its upper quartile.
    pub upper: Series,
    /// Mean of `1 - C_i` over the samples where it is defined.
    pub mean: Series,
    /// Mean of `C_i` itself, the paper's quantity (lower is smoother).
    pub mean_c: Series,
    /// Mean of the bounded companion, the mean cosine between adjacent layers, in `[-1, 1]`.
    pub smoothness: Series,
    /// Share of samples where `C_i` is undefined, in `[0, 1]`.
    pub undefined: Series,
}

/// Effective dimension of a group's gates (METRICS 8).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Spectrum {
    /// The group.
    pub group: Group,
    /// Samples in it: the dimension is at most `min(S, E)`.
    pub samples: usize,
    /// Mean over layers.
    pub mean: Series,
    /// By layer, `[C][L]`.
    pub by_layer: Vec<Vec<Option<f64>>>,
}

/// How evenly the experts are used at one checkpoint (METRICS 9).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Load {
    /// One entry a layer.
    pub layers: Vec<LayerLoad>,
}

/// How evenly one layer's experts are used.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LayerLoad {
    /// Selections of each expert, `[E]`.
    pub counts: Vec<u64>,
    /// Busiest expert's share over the mean share.
    pub max_over_mean: Option<f64>,
    /// Coefficient of variation (population standard deviation over mean).
    pub cv: Option<f64>,
    /// Experts that no token selected.
    pub never_used: usize,
}

/// Router saturation at one checkpoint: the share of the last checkpoint's selections already made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Saturation {
    /// Over the k selected experts, mean over layers.
    pub k: f64,
    /// The same by layer, `[L]`.
    pub k_by_layer: Vec<f64>,
    /// Over the heaviest expert alone, where ids come ordered by weight.
    pub top1: Option<f64>,
    /// The same by layer, `[L]`.
    pub top1_by_layer: Option<Vec<f64>>,
}

/// One strong co-activation of a layer: how often `second` is selected where `first` is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TopCoactivation {
    /// The given expert.
    pub first: usize,
    /// The expert that goes with it.
    pub second: usize,
    /// `P(second selected | first selected)`.
    pub probability: f64,
}

/// Memorization groups matched with generalization groups (METRICS 6).
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

/// One course against accuracy (METRICS 7).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Correlation {
    /// `distance`, `distance_normalised`, `consistency` (median), `consistency_mean`, `smoothness`,
    /// `effective_dimension`, `entropy`, `loss`, `loss_moving_average`, `validation_loss`.
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

/// Distance between two domains (paper, appendix E.4).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CrossDomain {
    /// Name of the first domain.
    pub first: String,
    /// Name of the second domain.
    pub second: String,
    /// The group that both sides are of.
    pub group: Group,
    /// Pairs measured at each checkpoint.
    pub pairs: u64,
    /// Mean distance, in the settings' unit.
    pub mean: Series,
    /// Its standard error.
    pub se: Series,
}

/// Something that a reader of the figures must know.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Note {
    /// How much it matters.
    pub level: NoteLevel,
    /// What it says, in whole sentences.
    pub text: String,
}

/// How much a note matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NoteLevel {
    /// Good to know.
    Info,
    /// The figures may mislead whoever does not know it.
    Warning,
}

impl Report {
    /// The domain of that name.
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
}

impl Domain {
    /// The distances of a group.
    #[must_use]
    pub fn distance_of(&self, group: Group) -> Option<&Distance> {
        self.distance.iter().find(|distance| distance.group == group)
    }

    /// The consistency of a group.
    #[must_use]
    pub fn consistency_of(&self, group: Group) -> Option<&Consistency> {
        self.consistency.iter().find(|consistency| consistency.group == group)
    }

    /// The effective dimension of a group.
    #[must_use]
    pub fn spectrum_of(&self, group: Group) -> Option<&Spectrum> {
        self.spectrum.iter().find(|spectrum| spectrum.group == group)
    }
}
