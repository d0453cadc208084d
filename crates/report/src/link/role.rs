//! What the figures and numbers of a report are: each role and slot learns its own habits.

use super::{column::Memory, scale::Kind};

/// A row of figures with its own habits: what is learnt of one column serves the next of the same role.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Loss,
    MovingAverage,
    ValidationLoss,
    Accuracy,
    TStar,
    TSharp,
    Length,
    Distance,
    DistanceError,
    Interval,
    Normalised,
    NormalisedError,
    Null,
    Structure,
    SweepDistance,
    SweepError,
    LayerDistance,
    TStarDistance,
    Median,
    Lower,
    Upper,
    Mean,
    Flipped,
    Smoothness,
    Undefined,
    Dimension,
    LayerDimension,
    Entropy,
    LayerEntropy,
    TokenEntropy,
    CrossDistance,
    CrossError,
    LoadCount,
    LoadMost,
    LoadVariation,
    Saturation,
    SaturationTop,
    SaturationLayer,
    SaturationTopLayer,
    Coactivation,
    Score,
    PairScore,
    Total,
    Second,
    Pearson,
    PearsonP,
    Spearman,
    SpearmanP,
}

/// The number of roles.
pub(super) const ROLES: usize = Role::SpearmanP as usize + 1;

impl Role {
    /// Whose step its figures share.
    pub(super) fn kind(self) -> Kind {
        match self {
            Self::Loss | Self::MovingAverage | Self::ValidationLoss => Kind::Loss,
            Self::Accuracy => Kind::Accuracy,
            Self::TStar | Self::TSharp | Self::LoadCount | Self::Undefined => Kind::Share,
            Self::Distance | Self::Null => Kind::Distance,
            Self::Length | Self::SweepDistance | Self::TStarDistance | Self::CrossDistance => {
                Kind::OtherDistance
            }
            Self::LayerDistance => Kind::LayerDistance,
            Self::DistanceError | Self::Interval | Self::SweepError | Self::CrossError => Kind::DistanceError,
            Self::Normalised => Kind::Normalised,
            Self::NormalisedError => Kind::NormalisedError,
            Self::Structure => Kind::Structure,
            Self::Median => Kind::Consistency,
            Self::Lower | Self::Upper => Kind::Quartile,
            Self::Mean => Kind::ConsistencyMean,
            Self::Flipped => Kind::ConsistencyFlipped,
            Self::Smoothness => Kind::Smoothness,
            Self::Dimension | Self::LayerDimension => Kind::Dimension,
            Self::Entropy | Self::LayerEntropy | Self::TokenEntropy => Kind::Entropy,
            Self::LoadMost | Self::LoadVariation => Kind::Evenness,
            Self::Saturation | Self::SaturationTop | Self::SaturationLayer | Self::SaturationTopLayer => {
                Kind::Saturation
            }
            Self::Coactivation => Kind::Probability,
            Self::Score | Self::PairScore => Kind::Cosine,
            Self::Total | Self::Second => Kind::Total,
            Self::Pearson | Self::Spearman => Kind::Coefficient,
            Self::PearsonP | Self::SpearmanP => Kind::Significance,
        }
    }

    /// What is expected of a role before its first column: size of a first value, size of a correction.
    pub(super) fn memory(self) -> Memory {
        match self {
            Self::TStar | Self::TSharp | Self::LoadCount => Memory::expecting(16.0, 8.0),
            Self::DistanceError | Self::NormalisedError | Self::SweepError | Self::CrossError => {
                Memory::expecting(100.0, 4.0)
            }
            _ => Memory::expecting(1_000.0, 24.0),
        }
    }
}

/// A whole number with its own habits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Slot {
    Options,
    TextLength,
    Samples,
    Items,
    Size,
    TopK,
    StepUnit,
    Step,
    Tokens,
    Seed,
    Budget,
    Window,
    Choice,
    Notes,
    Eps,
    Derived,
    Undefined,
    Groups,
    Pairs,
    AllPairs,
    Present,
    Gap,
    Sweeps,
    TStarGroup,
    TStarSamples,
    Coactivation,
    Load,
    Match,
    MatchCount,
    Assignment,
    Delay,
    Correlations,
    Metric,
    Checkpoints,
    Orders,
    CrossPairs,
}

/// The number of slots.
pub(super) const SLOTS: usize = Slot::CrossPairs as usize + 1;
