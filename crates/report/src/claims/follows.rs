//! Whether a course follows accuracy (docs/metrics.md#does-it-follow-accuracy).

use super::{values::defined, window};
use crate::{
    Better, Claim, ClaimKind, Correlation, Domain, GateKind, Group, Report, Why,
    derive::{LEVEL, follows},
};

/// Courses of all samples whose coefficients are given beside those of the claim.
const CONTROLS: [(&str, &str); 3] = [("loss", "loss_r"), ("entropy", "entropy_r"), ("load_cv", "load_cv_r")];

/// Consistency is unstable above this share of undefined samples.
const MOST_UNDEFINED: f64 = 0.05;

/// Fewest layers with a consistency (docs/metrics.md#pathway-consistency).
const FEWEST_LAYERS: usize = 3;

/// The claim `follows` of a metric: the expected sign, and both tests of increments.
pub(super) fn claim(report: &Report, domain: &Domain, metric: &str, group: Group) -> Claim {
    let claim = Claim::of(ClaimKind::Follows, domain).about(metric, group);
    let Some(accuracy) = report.course(&domain.name, "accuracy", Group::All) else {
        return claim.undecided(Why::NoAccuracy);
    };
    let Some(course) = report.course(&domain.name, metric, group) else {
        return claim.undecided(Why::NotMeasured);
    };
    let of = |metric: &str, group: Group| {
        domain.correlations.iter().find(|found| found.metric == metric && found.group == group)
    };
    let Some(found) = of(metric, group) else { return claim.undecided(Why::NotComputed) };
    let mut claim = claim
        .with("n", found.n as f64)
        .with("r", found.increments_r)
        .with("rho", found.spearman)
        .with("partial_r", found.partial)
        .with("p_increments", found.increments_p)
        .with("p_given_clock", found.increments_clock_p)
        .with("orders", found.increments_orders as f64)
        .with("clock_r", domain.clock);
    for (control, name) in CONTROLS {
        claim = claim.with(name, of(control, Group::All).and_then(|found| found.pearson));
    }
    decide(claim, found, || window::reason(report, &course.values, &accuracy.values))
}

/// Decides the claim; `undefined` says why there is no coefficient.
fn decide(claim: Claim, found: &Correlation, undefined: impl FnOnce() -> Why) -> Claim {
    let (Some(r), Some(p)) = (claim.figure("r"), claim.figure("p_increments")) else {
        return claim.undecided(undefined());
    };
    // Only the observed order is sure to hit, so fewer orders cannot be significant.
    if found.increments_exact && 1.0 / found.increments_orders.max(1) as f64 >= LEVEL {
        return claim.undecided(Why::TooFewCheckpoints);
    }
    if follows(found) == Some(true) {
        return claim.holds(true);
    }
    if p >= LEVEL {
        return claim.fails(Why::Chance);
    }
    let rises = crate::metric(&found.metric).is_none_or(|metric| metric.better != Better::Lower);
    if (r > 0.0) != rises {
        return claim.fails(Why::OppositeSign);
    }
    if claim.figure("p_given_clock").is_none() {
        return claim.undecided(Why::NotComputed);
    }
    claim.fails(Why::Clock)
}

/// The claim `follows` of the consistency, which is undecided where consistency is unstable.
pub(super) fn consistency(report: &Report, domain: &Domain, group: Group) -> Claim {
    let course = |metric: &str| report.course(&domain.name, metric, group).map(|course| &course.values);
    let claim = claim(report, domain, "consistency", group);
    if course("consistency").is_none() {
        return claim.undecided(if report.shortened.is_some() {
            // A shortened link leaves consistency out, whether or not it was measured.
            Why::NotMeasured
        } else if report.run.layers < FEWEST_LAYERS {
            Why::TooFewLayers
        } else if report.run.gate_kind == GateKind::SelectionFrequency {
            Why::NoWeights
        } else {
            Why::NoRouters
        });
    }
    let values = |metric: &str| course(metric).map(|values| defined(report, values)).unwrap_or_default();
    let undefined = values("consistency_undefined").into_iter().map(|(_, share)| share).reduce(f64::max);
    if let Some(most) = undefined.filter(|most| *most > MOST_UNDEFINED) {
        return claim.with("undefined_share", most).undecided(Why::UndefinedSamples);
    }
    let medians = values("consistency");
    let extent = medians.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), &(_, median)| {
        (low.min(median), high.max(median))
    });
    let at = |metric: &str, at: usize| course(metric)?.get(at).copied().flatten();
    let mut spreads: Vec<f64> = medians
        .iter()
        .filter_map(|&(place, _)| Some(at("consistency_upper", place)? - at("consistency_lower", place)?))
        .collect();
    spreads.sort_by(f64::total_cmp);
    let change = extent.1 - extent.0;
    match spreads.get(spreads.len() / 2) {
        Some(&typical) if medians.len() > 1 && typical > change => {
            claim.with("spread", typical).with("change", change).undecided(Why::Spread)
        }
        _ => claim,
    }
}
