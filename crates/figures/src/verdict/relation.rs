//! How a metric correlates with accuracy, from the report's correlations.

use report::{Better, Correlation, Domain, Group, Report};

use crate::number;

/// Smallest `|r|` of a strong correlation: half of the variance is shared.
const STRONG: f64 = 0.7;

/// Smallest `|r|` of a weak correlation.
const WEAK: f64 = 0.5;

/// Significance level.
const SIGNIFICANCE: f64 = 0.05;

/// Fewer checkpoints cannot reach [`SIGNIFICANCE`].
const FEWEST: usize = 4;

/// How a metric relates to accuracy.
pub(super) enum Relation<'a> {
    /// The report lacks this correlation or the accuracy.
    Absent,
    /// Undefined, with the reason.
    Undefined(&'a str),
    /// Too few checkpoints.
    TooFew(usize),
    /// A defined correlation.
    Measured { strength: Strength, r: f64, p: f64, n: usize },
}

/// Strength and direction of a correlation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Strength {
    /// In the expected direction, `|r| >= 0.7` and p < 0.05.
    Strong,
    /// In the expected direction, `0.5 <= |r| < 0.7` and p < 0.05.
    Weak,
    /// Against the expected direction, `|r| >= 0.5` and p < 0.05.
    Opposite,
    /// Small or not significant.
    None,
}

impl<'a> Relation<'a> {
    /// The relation of a domain's metric. A metric that is better when lower is expected to fall where accuracy rises.
    pub fn of(report: &Report, domain: &'a Domain, metric: &str, group: Group) -> Self {
        if report.course(&domain.name, "accuracy", Group::All).is_none() {
            return Self::Absent;
        }
        let expected = match report::metric(metric).map(|metric| metric.better) {
            Some(Better::Lower) => -1.0,
            _ => 1.0,
        };
        let found = domain.correlations.iter().find(|found| found.metric == metric && found.group == group);
        found.map_or(Self::Absent, |found| Self::classify(found, expected))
    }

    fn classify(found: &'a Correlation, expected: f64) -> Self {
        let finite = |value: Option<f64>| value.filter(|value| value.is_finite());
        let (Some(r), Some(p)) = (finite(found.pearson), finite(found.checkpoint_permutation_p)) else {
            return Self::Undefined(found.undefined.as_deref().unwrap_or("no value"));
        };
        if found.n < FEWEST {
            return Self::TooFew(found.n);
        }
        let strength = match r.abs() {
            size if size < WEAK || p >= SIGNIFICANCE => Strength::None,
            _ if r * expected < 0.0 => Strength::Opposite,
            size if size < STRONG => Strength::Weak,
            _ => Strength::Strong,
        };
        Self::Measured { strength, r, p, n: found.n }
    }
}

/// How the distance correlates with accuracy, in a sentence without a full stop.
pub(super) fn distance_sentence(report: &Report, domain: &Domain, group: Group) -> Option<String> {
    match Relation::of(report, domain, "distance", group) {
        Relation::Absent => None,
        Relation::Undefined(why) => {
            Some(format!("Correlation with accuracy undefined: {}", why.trim_end_matches('.')))
        }
        Relation::TooFew(n) => Some(format!("{n} checkpoints are too few for a correlation with accuracy")),
        Relation::Measured { strength, r, p, n } => {
            let words = match strength {
                Strength::Strong => "Strong negative correlation with accuracy",
                Strength::Weak => "Weak negative correlation with accuracy",
                Strength::Opposite => "Contrary to the paper, positive correlation with accuracy",
                Strength::None => "No correlation with accuracy",
            };
            Some(format!("{words} over {n} checkpoints ({})", figures(r, p)))
        }
    }
}

/// `r = −0.84, p < 0.001`.
pub(super) fn figures(r: f64, p: f64) -> String {
    format!("r = {}, {}", number::fixed(r, 2), number::p_phrase(p))
}
