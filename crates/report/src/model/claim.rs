//! The form of a claim: what is claimed, whether it holds, why, and the figures it rests on.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Domain, Group};

/// One claim about a run or a domain (docs/metrics.md#claims).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Claim {
    /// Kind of the claim.
    pub kind: ClaimKind,
    /// Name of the domain; absent for claims about the run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub domain: Option<String>,
    /// [`Metric::id`](crate::Metric::id) of the course that the claim is about, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metric: Option<String>,
    /// Samples that the course describes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<Group>,
    /// Whether the claim holds; `None` if the report lacks what would decide it.
    pub holds: Option<bool>,
    /// Reason.
    pub why: Why,
    /// The figures that the claim rests on, by name; all finite.
    pub figures: BTreeMap<String, f64>,
}

/// Kind of the claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClaimKind {
    /// A fifth of the samples or more are memorized; by the causal rule, the losses of as many have
    /// also fallen to half of their first value.
    Memorized,
    /// The figure is smaller at the last checkpoint than at the first one compared, beyond the
    /// interval of the change.
    Falls,
    /// The figure is larger at the last checkpoint than at the first one compared, beyond the
    /// interval of the change.
    Rises,
    /// The change has both signs, beyond the intervals, depending on the checkpoint where it starts.
    SignDependsOnStart,
    /// The course follows accuracy more closely than chance and clock explain.
    Follows,
    /// Accuracy rises, and half of the generalizing items are generalized after half of the memorized
    /// samples are memorized, beyond both intervals.
    GeneralizedAfter,
    /// The matching of groups is clearly better than other matchings and than shuffled ones.
    DistinctivePairing,
    /// Each domain's course follows its own accuracy better than those of other domains.
    Exchanged,
    /// The model is small.
    SmallModel,
    /// A kind that this version does not know.
    #[serde(other)]
    Unknown,
}

/// Why a claim holds, does not hold or is undecided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Why {
    /// The figures decide: the claim holds or not as its kind says.
    Figures,
    /// The figure has the opposite sign.
    OppositeSign,
    /// Courses with the same increments in another order fit as well.
    Chance,
    /// Not beyond what the clock explains.
    Clock,
    /// The second best matching scores nearly as well.
    SecondBest,
    /// Shuffled members score as well.
    Shuffled,
    /// The traces have no losses.
    NoLosses,
    /// No loss threshold qualifies.
    NoThreshold,
    /// The report has no accuracy of the domain.
    NoAccuracy,
    /// The figure was not measured.
    NotMeasured,
    /// The analysis has not come to this yet, or cannot compute it.
    NotComputed,
    /// Too few checkpoints.
    TooFewCheckpoints,
    /// Consistency needs at least three layers.
    TooFewLayers,
    /// Consistency needs router matrices.
    NoRouters,
    /// Consistency needs routing weights, which traces of selected experts do not have.
    NoWeights,
    /// Too few domains.
    TooFewDomains,
    /// Too few samples.
    TooFewSamples,
    /// The number of items is not given.
    NoItems,
    /// The change has no interval.
    NoInterval,
    /// No sample is memorized before the last checkpoint.
    NoneMemorized,
    /// No item is generalized.
    NoneGeneralized,
    /// Accuracy does not rise beyond its interval.
    NoRise,
    /// The losses were low from the start.
    NotFallen,
    /// Some checkpoints of the window have no value.
    ValuesMissing,
    /// The accuracy has the same value at every checkpoint.
    AccuracyConstant,
    /// The figure has the same value at every checkpoint.
    MetricConstant,
    /// Too many samples have no value.
    UndefinedSamples,
    /// The samples differ more than the figure changes.
    Spread,
    /// There is no other matching.
    NoOtherMatching,
    /// A reason that this version does not know.
    #[serde(other)]
    Unknown,
}

impl Claim {
    /// A claim about the run, undecided.
    pub(crate) fn of_run(kind: ClaimKind) -> Self {
        let figures = BTreeMap::new();
        Self { kind, domain: None, metric: None, group: None, holds: None, why: Why::Figures, figures }
    }

    /// A claim about a domain, undecided.
    pub(crate) fn of(kind: ClaimKind, domain: &Domain) -> Self {
        Self { domain: Some(domain.name.clone()), ..Self::of_run(kind) }
    }

    /// Names the course that the claim is about.
    pub(crate) fn about(self, metric: &str, group: Group) -> Self {
        Self { metric: Some(metric.into()), group: Some(group), ..self }
    }

    /// Adds a figure, if it is finite.
    pub(crate) fn with(mut self, name: &str, figure: impl Into<Option<f64>>) -> Self {
        if let Some(figure) = figure.into().filter(|figure| figure.is_finite()) {
            self.figures.insert(name.into(), figure);
        }
        self
    }

    /// Decides the claim by its figures.
    pub(crate) fn holds(self, holds: bool) -> Self {
        Self { holds: Some(holds), why: Why::Figures, ..self }
    }

    /// The claim does not hold, for this reason.
    pub(crate) fn fails(self, why: Why) -> Self {
        Self { holds: Some(false), why, ..self }
    }

    /// The claim is undecided, for this reason.
    pub(crate) fn undecided(self, why: Why) -> Self {
        Self { holds: None, why, ..self }
    }

    /// A figure that the claim rests on.
    #[must_use]
    pub fn figure(&self, name: &str) -> Option<f64> {
        self.figures.get(name).copied()
    }
}
