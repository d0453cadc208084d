//! Test B: whether each domain's course follows its own accuracy better than other domains'
//! (docs/metrics.md#domains-exchanged).

use crate::clock::pearson;
use crate::draw::{Rng, shuffle_with};
use crate::hits::p_of_hits;

/// Fewest domains whose test can reach p < .05: three have six assignments.
pub const FEWEST_EXCHANGED: usize = 4;

/// Up to this many domains, all assignments are tried.
const MOST_EXACT: usize = 8;

/// Random assignments tried with more than eight domains.
pub const RANDOM_ASSIGNMENTS: u64 = 9_999;

/// Tolerance of a hit: equal sums must count although they round differently.
const SLACK: f64 = 1e-12;

/// Result of test B.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ExchangeTest {
    /// Sum over domains of the course's r with its own accuracy; undefined if an r is.
    pub statistic: Option<f64>,
    /// Assignments whose sum is at least as extreme in the expected direction; with all
    /// assignments tried, the observed one counts.
    pub hits: Option<u64>,
    /// Assignments tried; 0 without a test.
    pub assignments: u64,
    /// Whether all assignments were tried.
    pub exact: bool,
}

impl ExchangeTest {
    /// One-sided p.
    #[must_use]
    pub fn p(&self) -> Option<f64> {
        Some(p_of_hits(self.hits?, self.assignments, self.exact))
    }
}

/// Computes test B from the courses of a metric and the accuracies of the same domains
/// (docs/metrics.md#domains-exchanged).
///
/// `rising` says whether the metric is expected to rise with accuracy. Every r uses the checkpoints
/// at which its course and its accuracy are defined. Without [`FEWEST_EXCHANGED`] domains there is
/// a statistic but no p. Up to eight domains, all assignments are tried, otherwise `draws` seeded
/// ones.
#[must_use]
pub fn test_exchange(
    courses: &[&[Option<f64>]],
    accuracies: &[&[Option<f64>]],
    rising: bool,
    draws: u64,
    seed: u64,
) -> ExchangeTest {
    let Some((r, observed)) = observe(courses, accuracies, rising, draws) else {
        return ExchangeTest::default();
    };
    if observed.assignments == 0 {
        return observed;
    }
    let mut order: Vec<usize> = (0..r.len()).collect();
    let bound = total(&r, &order) - SLACK;
    let mut hits = 0;
    let mut count = |order: &[usize]| hits += u64::from(total(&r, order) >= bound);
    if observed.exact {
        every_order(&mut order, 0, &mut count);
    } else {
        let mut rng = Rng::new(seed);
        for _ in 0..observed.assignments {
            shuffle_with(&mut order, &mut rng);
            count(&order);
        }
    }
    ExchangeTest { hits: Some(hits), ..observed }
}

/// Computes the result of [`test_exchange`] except the hits, so that no assignment is tried
/// (docs/metrics.md#domains-exchanged).
#[must_use]
pub fn observe_exchange(
    courses: &[&[Option<f64>]],
    accuracies: &[&[Option<f64>]],
    rising: bool,
    draws: u64,
) -> ExchangeTest {
    observe(courses, accuracies, rising, draws).map(|(_, observed)| observed).unwrap_or_default()
}

/// Coefficients of every course with every accuracy, `[D,D]`, negative where the metric is expected
/// to fall, and the result without hits; `None` if a coefficient is undefined.
fn observe(
    courses: &[&[Option<f64>]],
    accuracies: &[&[Option<f64>]],
    rising: bool,
    draws: u64,
) -> Option<(Vec<Vec<f64>>, ExchangeTest)> {
    let domains = courses.len().min(accuracies.len());
    let sign = if rising { 1.0 } else { -1.0 };
    let row = |course: &&[Option<f64>]| -> Option<Vec<f64>> {
        let accuracies = accuracies.iter().take(domains);
        accuracies.map(|accuracy| Some(sign * pearson(course, accuracy)?)).collect()
    };
    let r: Vec<Vec<f64>> = courses.iter().take(domains).map(row).collect::<Option<_>>()?;
    if domains == 0 {
        return None;
    }
    let own: Vec<usize> = (0..domains).collect();
    let (exact, tested) = (domains <= MOST_EXACT, domains >= FEWEST_EXCHANGED);
    let tried = if exact { (1..=domains as u64).product() } else { draws };
    let observed = ExchangeTest {
        statistic: Some(sign * total(&r, &own)),
        hits: None,
        assignments: if tested { tried } else { 0 },
        exact: exact && tested,
    };
    Some((r, observed))
}

/// Sum of `r[course][order[course]]`, in the order of the courses.
fn total(r: &[Vec<f64>], order: &[usize]) -> f64 {
    r.iter().zip(order).filter_map(|(row, &accuracy)| row.get(accuracy)).sum()
}

/// Calls `f` with every order of `order[from..]`.
fn every_order(order: &mut [usize], from: usize, f: &mut impl FnMut(&[usize])) {
    if from + 1 >= order.len() {
        return f(order);
    }
    for place in from..order.len() {
        order.swap(from, place);
        every_order(order, from + 1, f);
        order.swap(from, place);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Courses that each follow their own accuracy alone: a peak at another place.
    fn peaks(domains: usize, height: f64) -> Vec<Vec<Option<f64>>> {
        let peak = |domain: usize| {
            let value = move |at: usize| if at == domain { height } else { 0.01 * (at % 3) as f64 };
            (0..domains.max(3)).map(|at| Some(value(at))).collect()
        };
        (0..domains).map(peak).collect()
    }

    fn test(courses: &[Vec<Option<f64>>], accuracies: &[Vec<Option<f64>>], rising: bool) -> ExchangeTest {
        let of = |all: &'_ [Vec<Option<f64>>]| all.to_vec();
        let (courses, accuracies) = (of(courses), of(accuracies));
        let courses: Vec<&[Option<f64>]> = courses.iter().map(|course| &course[..]).collect();
        let accuracies: Vec<&[Option<f64>]> = accuracies.iter().map(|course| &course[..]).collect();
        test_exchange(&courses, &accuracies, rising, 999, 1)
    }

    #[test]
    fn own_accuracies_are_the_best_assignment() {
        let found = test(&peaks(5, 1.0), &peaks(5, 1.0), true);
        assert_eq!((found.hits, found.assignments, found.exact), (Some(1), 120, true));
        assert_eq!(found.p(), Some(1.0 / 120.0));
        let falling = test(&peaks(5, -1.0), &peaks(5, 1.0), false);
        assert_eq!(falling.p(), Some(1.0 / 120.0));
        assert!(falling.statistic.unwrap() < -4.9);
        assert_eq!(test(&peaks(5, 1.0), &peaks(5, 1.0), false).p(), Some(1.0));
    }

    #[test]
    fn many_domains_are_drawn() {
        let found = test(&peaks(9, 1.0), &peaks(9, 1.0), true);
        assert_eq!((found.assignments, found.exact), (999, false));
        assert!(found.p().unwrap() <= 2.0 / 1_000.0);
    }

    #[test]
    fn three_domains_have_a_statistic_alone() {
        let found = test(&peaks(3, 1.0), &peaks(3, 1.0), true);
        assert!((found.statistic.unwrap() - 3.0).abs() < 1e-9);
        assert_eq!((found.p(), found.assignments), (None, 0));
        let mut constant = peaks(4, 1.0);
        constant[2] = vec![Some(1.0); 4];
        assert_eq!(test(&constant, &peaks(4, 1.0), true), ExchangeTest::default());
        assert_eq!(test(&[], &[], true), ExchangeTest::default());
    }
}
