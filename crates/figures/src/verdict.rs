//! The verdict: what the numbers show, in sentences that claim nothing beyond their intervals.

mod accuracy;
mod consistency;
mod distance;
mod relation;

use report::{Domain, GateKind, Group, Report};

use crate::{chart, number, onset::Onsets};

use relation::{Relation, Strength};

/// A model with fewer experts over all layers is called small; OLMoE-1B-7B has 1,024.
const SMALL_MODEL: usize = 256;

/// The verdict: a headline if domains can be compared, one paragraph per domain, then caveats.
///
/// # How a change is judged
/// The same samples are followed through training, so the errors at two checkpoints are not independent, and the
/// report does not hold their covariance. The standard error of a difference is at most the sum of the two, however
/// they are correlated; that sum is used, so that a stated interval is never narrower than the true one. A change
/// inside it is "no change beyond its interval".
///
/// # Which checkpoints are compared
/// A fixed rule, because choosing the highest and the lowest point would find a decrease in noise: distance is compared
/// between the checkpoint by which half of the memorized samples are memorized ([`crate::onset`]) and the last one;
/// accuracy between the first and the last.
#[must_use]
pub fn verdict(report: &Report) -> Vec<String> {
    let mut lines = Vec::new();
    if report.checkpoints.is_empty() || report.domains.is_empty() {
        return vec!["The report has no checkpoints or no domains.".into()];
    }
    lines.extend(headline(report));
    lines.extend(report.domains.iter().map(|domain| paragraph(report, domain)));
    lines.extend(caveats(report));
    lines
}

/// The group that the verdict describes: the memorized samples, or all samples if none is memorized.
fn main_group(report: &Report, domain: &Domain) -> Group {
    let memorized = report.course(&domain.name, "distance", Group::Memorized);
    if memorized.is_some_and(|course| course.n.is_some_and(|n| n > 0)) {
        Group::Memorized
    } else {
        Group::All
    }
}

/// How distance and accuracy correlate in each domain, if there are several to compare.
fn headline(report: &Report) -> Option<String> {
    let relations: Vec<(&str, Strength)> = report
        .domains
        .iter()
        .filter_map(|domain| match Relation::of(report, domain, "distance", main_group(report, domain)) {
            Relation::Measured { strength, .. } => Some((domain.name.as_str(), strength)),
            _ => None,
        })
        .collect();
    if relations.len() < 2 {
        return None;
    }
    let having = |strength: Strength| -> Vec<&str> {
        relations.iter().filter(|(_, own)| *own == strength).map(|(name, _)| *name).collect()
    };
    let place = |adverb: &str, names: &[&str]| {
        (!names.is_empty()).then(|| format!("{adverb} in {}", enumerated(names)))
    };
    let strong = place("strongly", &having(Strength::Strong));
    let weak = place("weakly", &having(Strength::Weak));
    let follows: Vec<String> = strong.into_iter().chain(weak).collect();
    let not = having(Strength::None);
    let mut text = if follows.is_empty() {
        "Pathway distance correlates negatively with accuracy in no domain".to_owned()
    } else {
        let not = place(", not", &not).unwrap_or_default();
        format!("Pathway distance correlates negatively with accuracy: {}{not}", follows.join(", "))
    };
    let opposite = having(Strength::Opposite);
    if !opposite.is_empty() {
        text = format!("{text}; it correlates positively in {}", enumerated(&opposite));
    }
    Some(format!("{text}."))
}

fn paragraph(report: &Report, domain: &Domain) -> String {
    let group = main_group(report, domain);
    let mut sentences =
        vec![format!("{}; {}", memorization(report, domain), accuracy::clause(report, domain))];
    sentences.push(distance::sentence(report, domain, group));
    sentences.extend(relation::distance_sentence(report, domain, group));
    sentences.extend(consistency::sentence(report, domain, group));
    format!(
        "{}: {}",
        domain.name,
        sentences.iter().map(|sentence| format!("{sentence}.")).collect::<Vec<_>>().join(" ")
    )
}

fn memorization(report: &Report, domain: &Domain) -> String {
    let all = chart::counted(domain.samples as u64, "sample");
    let found = &domain.memorization;
    let Some(eps) = report.eps(domain) else {
        return format!(
            "no loss threshold qualifies (a fifth of the {all} must settle before the last checkpoint), so none counts as memorized"
        );
    };
    let below =
        format!("loss ≤ {}{}", trimmed(eps), if found.eps_set_by_user { ", set by the user" } else { "" });
    let memorized = report.memorized(domain);
    if memorized == 0 || domain.samples == 0 {
        return format!("none of {all} is memorized before the last checkpoint ({below})");
    }
    let share = number::percent((memorized as f64 / domain.samples as f64).min(1.0));
    let half = Onsets::of(report, domain)
        .memorization
        .and_then(|at| report.checkpoints.get(at))
        .map(|found| format!(", half of them by {}", chart::step_name(found.step)))
        .unwrap_or_default();
    format!("{share} of {all} memorized before the last checkpoint ({below}){half}")
}

/// Caveats that concern all domains.
fn caveats(report: &Report) -> Vec<String> {
    let mut lines = Vec::new();
    let checkpoints = report.checkpoints.len();
    if checkpoints < 4 {
        lines.push(format!(
            "Only {}: too few to distinguish a trend from chance (with 4, the smallest possible p is 1/24 for Pearson and 2/24 for Spearman).",
            chart::counted(checkpoints as u64, "checkpoint")
        ));
    } else if report.domains.iter().any(|domain| {
        matches!(
            Relation::of(report, domain, "distance", main_group(report, domain)),
            Relation::Measured { .. }
        )
    }) {
        lines.push(
            "Training curves are smooth: neighbouring checkpoints are not independent, so the permutation p of a correlation is optimistic."
                .into(),
        );
    }
    let given = |metric: &str| report.courses.iter().any(|course| course.metric == metric);
    if !given("accuracy") {
        lines.push("No benchmark results were given, so generalization is not measured.".into());
    }
    if report.run.gate_kind == GateKind::SigmoidNormalizedMean {
        lines.push(
            "The routers score by sigmoid: gates are sigmoid scores over their sum, not the softmax of the paper’s model."
                .into(),
        );
    }
    if chart::is_of_selections(report) {
        lines.push(
            "The traces have selected experts without weights: pathways are computed from selection frequency, not from mean gates as in the paper."
                .into(),
        );
    }
    if !given("consistency") {
        lines.push(if report.run.layers < 3 {
            "Consistency needs at least three layers.".into()
        } else if chart::is_of_selections(report) {
            "Consistency needs routing weights, which traces of selected experts do not have.".into()
        } else {
            "Consistency needs router matrices, and none were given.".into()
        });
    }
    let experts = report.run.layers.saturating_mul(report.run.experts);
    if experts > 0 && experts < SMALL_MODEL {
        lines.push(format!(
            "This is one small model ({} of {}): its results need not hold for others.",
            chart::counted(report.run.layers as u64, "layer"),
            chart::counted(report.run.experts as u64, "expert")
        ));
    }
    lines
}

/// `a`, `a and b`, `a, b and c`.
fn enumerated(names: &[&str]) -> String {
    match names {
        [] => String::new(),
        [only] => (*only).to_owned(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// A threshold without the noise of binary fractions.
fn trimmed(value: f64) -> String {
    let text = number::fixed(value, 3);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
