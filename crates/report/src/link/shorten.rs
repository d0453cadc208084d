//! Shorter reports for QR codes: fewer checkpoints and domains, and main figures only.
//!
//! Checkpoints that figures of claims name are kept, so the verdict states the same steps. Tests
//! over all checkpoints are carried as results ([`Shortened`]).

use std::collections::{BTreeSet, BinaryHeap};

use crate::{
    Claim, ClaimKind, Correlation, Domain, Group, Metric, OnsetRule, Report, Shortened, claims, derive,
    metrics,
};

/// Metrics of a shortened report, the most important first.
const MAIN: [&str; 3] = ["distance", "accuracy", "loss"];

/// What a shortened report keeps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cut {
    /// Indices of the kept checkpoints, ascending.
    pub checkpoints: Vec<usize>,
    /// Number of kept domains, the first ones.
    pub domains: usize,
    /// Whether the training loss is kept, besides accuracy and pathway distance.
    pub loss: bool,
}

/// Checkpoints by importance, and how many of them the claims about the first domains need.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// Indices of all checkpoints, the most important first.
    pub checkpoints: Vec<usize>,
    /// Number of checkpoints that the claims need.
    pub needed: usize,
}

impl Order {
    /// Orders the checkpoints of a report: first, last and those that claims name; then those beside
    /// the onsets; then each time the middle of the widest gap.
    #[must_use]
    pub fn of(report: &Report, domains: usize) -> Self {
        let number = report.checkpoints.len();
        let mut seen = BTreeSet::new();
        let mut order = Vec::new();
        let mut add = |at: usize, order: &mut Vec<usize>| {
            if at < number && seen.insert(at) {
                order.push(at);
            }
        };
        let last = number.saturating_sub(1);
        add(0, &mut order);
        add(last, &mut order);
        // By the paper's rule, samples of the last checkpoint are not confirmed.
        add(last.saturating_sub(usize::from(report.settings.onset_rule == OnsetRule::Paper)), &mut order);
        let index = |step: f64| report.steps().position(|other| (other as f64).to_bits() == step.to_bits());
        let named = |onsets: bool| {
            let of_claim =
                |claim: &Claim| claim.domain.as_deref().is_some_and(|name| is_kept(report, domains, name));
            let claims = report.claims.iter().filter(move |claim| of_claim(claim));
            let figures = claims.flat_map(|claim| &claim.figures);
            figures
                .filter(move |(name, _)| {
                    let carried = STARTS.contains(&name.as_str());
                    name.ends_with("_step") && !carried && (!onsets || ONSETS.contains(&name.as_str()))
                })
                .filter_map(|(_, step)| index(*step))
                .collect::<BTreeSet<usize>>()
        };
        for at in named(false) {
            add(at, &mut order);
        }
        let needed = order.len();
        for at in named(true) {
            add(at.saturating_sub(1), &mut order);
            add(at + 1, &mut order);
        }
        let mut placed = order.clone();
        placed.sort_unstable();
        // The earlier of two gaps of the same width first.
        let gap = |from: usize, to: usize| (to - from, std::cmp::Reverse(from));
        let mut gaps: BinaryHeap<_> = placed.windows(2).map(|pair| gap(pair[0], pair[1])).collect();
        while let Some((width, std::cmp::Reverse(from))) = gaps.pop().filter(|(width, _)| *width > 1) {
            let middle = from + width / 2;
            order.push(middle);
            gaps.extend([gap(from, middle), gap(middle, from + width)]);
        }
        Self { checkpoints: order, needed }
    }

    /// The `number` most important checkpoints, ascending.
    #[must_use]
    pub fn first(&self, number: usize) -> Vec<usize> {
        let mut kept: Vec<usize> = self.checkpoints.iter().take(number).copied().collect();
        kept.sort_unstable();
        kept
    }
}

/// Figures of the claim that the sign of a change depends on its start, which a shortened report
/// carries: that claim rests on the errors of all checkpoints.
const STARTS: [&str; 4] = ["rise_from_step", "rise", "fall_from_step", "fall"];

/// Figures of claims that are onsets.
const ONSETS: [&str; 3] = ["half_step", "memorized_step", "generalized_step"];

fn is_kept(report: &Report, domains: usize, name: &str) -> bool {
    report.domains.iter().take(domains).any(|domain| domain.name == name)
}

/// Shortens a report: its main courses at some checkpoints, of its first domains.
#[must_use]
pub fn shorten(report: &Report, cut: &Cut) -> Report {
    let before = report.shortened.clone().unwrap_or_default();
    let mut shorter = report.clone();
    shorter.domains.truncate(cut.domains);
    let mut shortened = Shortened {
        checkpoints: report.checkpoints.len().max(before.checkpoints),
        domains: report.domains.len().max(before.domains),
        ..Shortened::default()
    };
    let fewer = shortened.checkpoints > cut.checkpoints.len();
    if fewer {
        carry_tests(report, cut.domains, &mut shortened);
    }
    shortened.starts = shorter.domains.iter().map(|domain| starts(report, domain)).collect();
    shorter.shortened = Some(shortened);
    shorter.run.model = None;
    shorter.checkpoints = at(&report.checkpoints, &cut.checkpoints);
    shorter.checkpoints.iter_mut().for_each(|checkpoint| checkpoint.tokens = None);
    let groups: Vec<Group> =
        shorter.domains.iter().map(|domain| claims::main_group(report, domain)).collect();
    shorter.courses.retain(|course| {
        let domain = shorter.domains.iter().position(|domain| domain.name == course.domain);
        let group = domain.and_then(|domain| groups.get(domain)).copied().unwrap_or_default();
        let of_groups = course.definition().is_some_and(|metric: &Metric| metric.scope.groups);
        domain.is_some()
            && MAIN.contains(&course.metric.as_str())
            && (cut.loss || course.metric != "loss" || course.values.iter().all(Option::is_none))
            && course.is_whole()
            && course.other_domain.is_none()
            && course.tau.is_none_or(|tau| tau.to_bits() == report.settings.tau.to_bits())
            && (!of_groups || course.group == group)
    });
    for course in &mut shorter.courses {
        course.values = at(&course.values, &cut.checkpoints);
        (course.se, course.pairs) = (None, None);
    }
    let rule = report.settings.onset_rule;
    for (domain, group) in shorter.domains.iter_mut().zip(groups) {
        shorten_domain(domain, group, cut, rule);
        if fewer {
            domain.correlations.clear();
            domain.clock = None;
        }
    }
    if fewer || shorter.domains.len() < report.domains.len() {
        shorter.exchange.clear();
    }
    shorter
}

/// The elements at some indices.
fn at<T: Clone>(list: &[T], kept: &[usize]) -> Vec<T> {
    kept.iter().filter_map(|at| list.get(*at).cloned()).collect()
}

fn shorten_domain(domain: &mut Domain, group: Group, cut: &Cut, rule: OnsetRule) {
    domain.states.clear();
    domain.expert_selections.clear();
    domain.coactivation.clear();
    domain.delays = None;
    let place = |checkpoint: usize| cut.checkpoints.binary_search(&checkpoint).ok();
    domain.changes.retain_mut(|change| {
        let claimed = change.metric == "distance" && change.group == group && !change.requested;
        let ends = place(change.from).zip(place(change.to));
        (change.from, change.to) = ends.unwrap_or_default();
        claimed && ends.is_some()
    });
    let samples = &mut domain.memorization;
    // The verdict prints three decimals.
    for eps in [&mut samples.eps, &mut samples.causal_eps].into_iter().flatten() {
        *eps = (*eps * 1e3).round() / 1e3;
    }
    let mut lists = vec![&mut samples.t_star, &mut samples.causal.first];
    samples.causal.declared.clear();
    samples.causal.relapses.clear();
    samples.causal.half = samples.causal.half.and_then(place);
    if let Some(items) = &mut domain.generalization {
        lists.extend([&mut items.t_sharp, &mut items.causal.first]);
        items.causal.declared.clear();
        items.causal.relapses.clear();
        items.causal.half = items.causal.half.and_then(place);
    }
    for list in lists {
        *list = gathered(list, &cut.checkpoints);
    }
    if rule == OnsetRule::Causal {
        // Steps of the other rule would claim that samples of the last checkpoint are confirmed.
        samples.t_star.clear();
    }
}

/// Counts by checkpoint, each at the next kept checkpoint: "by then" stays true.
fn gathered(counts: &[usize], kept: &[usize]) -> Vec<usize> {
    if counts.is_empty() {
        return Vec::new();
    }
    let mut from = 0;
    let sum = |to: &usize| {
        let part = counts.get(from..=*to).unwrap_or_default();
        from = to + 1;
        part.iter().fold(0_usize, |sum, count| sum.saturating_add(*count))
    };
    kept.iter().map(sum).collect()
}

/// Adds the tests that the claims of the first domains state, as finely as the verdict prints them.
fn carry_tests(report: &Report, domains: usize, shortened: &mut Shortened) {
    for domain in report.domains.iter().take(domains) {
        let claim = report.claims.iter().find(|claim| {
            claim.kind == ClaimKind::Follows
                && claim.metric.as_deref() == Some("distance")
                && claim.domain.as_ref() == Some(&domain.name)
        });
        let decided = claim.filter(|claim| claim.holds.is_some());
        let figure = |name: &str| decided.and_then(|claim| claim.figure(name));
        shortened.n.push(figure("n").unwrap_or(0.0) as usize);
        shortened.r.push(figure("r").map(|r| rounded(r, 1e2)));
        shortened.p.push(figure("p_increments").map(rounded_p));
        // The verdict needs it only if the first test rejects chance.
        let significant = figure("p_increments").is_some_and(|p| p < derive::LEVEL);
        shortened.q.push(figure("p_given_clock").filter(|_| significant).map(rounded_p));
        shortened.clock.push(figure("clock_r").map(|r| rounded(r, 1e2)));
    }
}

/// The claim that the sign of a domain's change depends on its start.
fn starts(report: &Report, domain: &Domain) -> Option<[i64; 4]> {
    let claim = report.claims.iter().find(|claim| {
        claim.kind == ClaimKind::SignDependsOnStart
            && claim.domain.as_ref() == Some(&domain.name)
            && claim.holds == Some(true)
    })?;
    let [rise_from, rise, fall_from, fall] = STARTS.map(|name| claim.figure(name));
    let thousandths = |change: f64| (change * 1e3).round() as i64;
    Some([rise_from? as i64, thousandths(rise?), fall_from? as i64, thousandths(fall?)])
}

/// Makes the claims of a shortened report that rest on figures it does not have.
pub(super) fn restore_claims(report: &mut Report) {
    let Some(shortened) = &report.shortened else { return };
    for (domain, starts) in report.domains.iter().zip(&shortened.starts) {
        let claim = report.claims.iter_mut().find(|claim| {
            claim.kind == ClaimKind::SignDependsOnStart && claim.domain.as_ref() == Some(&domain.name)
        });
        if let (Some(claim), Some(figures)) = (claim, starts) {
            let with = |claim: Claim, (name, figure): (&str, &i64)| {
                claim.with(name, *figure as f64 / if name.ends_with("_step") { 1.0 } else { 1e3 })
            };
            *claim = STARTS.into_iter().zip(figures).fold(claim.clone(), with).holds(true);
        }
    }
}

/// Rounds to whole parts of 1; keeps a figure that would become 0, because its sign counts.
fn rounded(figure: f64, parts: f64) -> f64 {
    let rounded = (figure * parts).round() / parts;
    if rounded.abs() > 0.0 { rounded } else { figure }
}

/// A p with the decimals that the verdict prints, on the same side of the level.
fn rounded_p(p: f64) -> f64 {
    let rounded = rounded(p, if p < 0.01 { 1e5 } else { 1e3 });
    if (rounded < derive::LEVEL) == (p < derive::LEVEL) { rounded } else { p }
}

/// Puts the tests over all checkpoints into a shortened report, which a reader cannot repeat.
pub(super) fn restore(report: &mut Report) {
    let Some(shortened) = &report.shortened else { return };
    let fewer_checkpoints = shortened.checkpoints > report.checkpoints.len();
    if fewer_checkpoints || shortened.domains > report.domains.len() {
        report.exchange.clear();
    }
    if !fewer_checkpoints {
        return;
    }
    let groups: Vec<Group> = report.domains.iter().map(|domain| claims::main_group(report, domain)).collect();
    for ((at, domain), group) in (0..).zip(&mut report.domains).zip(groups) {
        domain.correlations.clear();
        domain.clock = shortened.clock.get(at).copied().flatten();
        let figure = |list: &[Option<f64>]| list.get(at).copied().flatten();
        let n = shortened.n.get(at).copied().unwrap_or(0).min(shortened.checkpoints);
        if let Some(r) = figure(&shortened.r) {
            domain.correlations.push(Correlation {
                metric: "distance".to_owned(),
                group,
                n,
                increments_r: Some(r),
                increments_p: figure(&shortened.p),
                increments_clock_p: figure(&shortened.q),
                undefined: Some("A shortened link has only the tests of increments.".to_owned()),
                ..Correlation::default()
            });
        }
    }
}

/// What a shortened report left out, in a sentence; none if nothing.
pub(super) fn notice(report: &Report) -> Option<String> {
    let shortened = report.shortened.as_ref()?;
    let part =
        |kept: usize, of: usize, what: &str| (kept < of).then(|| format!("{} of the {of} {what}", of - kept));
    let parts = [
        part(report.checkpoints.len(), shortened.checkpoints, "checkpoints"),
        part(report.domains.len(), shortened.domains, "domains"),
        Some(format!("all metrics but {}", names(report))),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    Some(match parts.split_last() {
        Some((last, first)) if !first.is_empty() => format!("{} and {last}", first.join(", ")),
        _ => parts.concat(),
    })
}

/// Names of the metrics of a shortened report.
fn names(report: &Report) -> String {
    let has = |id: &str| report.courses.iter().any(|course| course.metric == id);
    let found = MAIN.into_iter().filter(|id| has(id)).filter_map(metrics::metric);
    let names: Vec<String> = found.map(|metric| metric.name.to_lowercase()).collect();
    match names.split_last() {
        Some((last, first)) if !first.is_empty() => format!("{} and {last}", first.join(", ")),
        _ => names.concat(),
    }
}

#[cfg(test)]
mod tests {
    use super::gathered;

    #[test]
    fn counts_move_to_the_next_kept_checkpoint() {
        assert_eq!(gathered(&[1, 2, 3, 4, 5], &[0, 2, 4]), [1, 5, 9]);
        assert_eq!(gathered(&[], &[0, 2]), [0; 0]);
    }
}
