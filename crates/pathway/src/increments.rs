//! Tests A and A': whether a course follows accuracy more than courses with the same increments in
//! another order (docs/metrics.md#does-it-follow-accuracy).

use std::collections::BTreeMap;

use crate::correlation::Undefined;
use crate::hits::p_of_hits;
use crate::increment_orders::{Block, Found, Frame, LANES, all_orders, random_orders};

/// Up to this many increments, all orders are tried.
const MOST_EXACT: usize = 9;

/// Random orders tried with more than nine increments: p is at least 1/10,000.
pub const RANDOM_INCREMENT_ORDERS: u64 = 9_999;

/// Result of tests A and A' for one course.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct IncrementTest {
    /// Checkpoints at which the course and the accuracy are defined.
    pub n: usize,
    /// Pearson's r over these checkpoints, in `[-1, 1]`.
    pub r: Option<f64>,
    /// Partial correlation given the clock, in `[-1, 1]`; undefined without a clock, or if the
    /// course or the accuracy is the clock itself.
    pub partial: Option<f64>,
    /// Orders in which |r| is at least the observed one; with all orders tried, the observed order
    /// counts.
    pub hits: Option<u64>,
    /// Orders in which |partial| is at least the observed one.
    pub clock_hits: Option<u64>,
    /// Orders of the increments tried; 0 if the test is undefined.
    pub orders: u64,
    /// Whether all orders were tried.
    pub exact: bool,
    /// Why there is no test.
    pub undefined: Option<Undefined>,
}

impl IncrementTest {
    /// Two-sided p of test A.
    #[must_use]
    pub fn p(&self) -> Option<f64> {
        Some(p_of_hits(self.hits?, self.orders, self.exact))
    }

    /// Two-sided p of test A'.
    #[must_use]
    pub fn clock_p(&self) -> Option<f64> {
        Some(p_of_hits(self.clock_hits?, self.orders, self.exact))
    }
}

/// Computes tests A and A' of several courses against one accuracy
/// (docs/metrics.md#does-it-follow-accuracy).
///
/// Each test uses the checkpoints at which its course and the accuracy are defined and finite, in
/// order. `clock` has one value per checkpoint ([`crate::clock()`]); without it there is no test A'.
/// With up to nine increments, all orders are tried, otherwise `draws` seeded ones. Courses that
/// are defined at the same checkpoints share the orders, as do both tests.
#[must_use]
pub fn test_increments(
    courses: &[&[Option<f64>]],
    accuracy: &[Option<f64>],
    clock: Option<&[f64]>,
    draws: u64,
    seed: u64,
) -> Vec<IncrementTest> {
    let prepared: Vec<Result<Prepared, IncrementTest>> =
        courses.iter().map(|course| Prepared::new(course, accuracy, clock)).collect();
    let mut results: Vec<IncrementTest> =
        prepared.iter().map(|course| course.as_ref().err().copied().unwrap_or_default()).collect();
    let mut together: BTreeMap<&[usize], Vec<(usize, &Prepared)>> = BTreeMap::new();
    for (at, course) in prepared.iter().enumerate() {
        if let Ok(course) = course {
            together.entry(&course.places).or_default().push((at, course));
        }
    }
    for members in together.values() {
        let Some((_, first)) = members.first() else { continue };
        let courses: Vec<&[f64]> = members.iter().map(|(_, course)| &course.increments[..]).collect();
        let random = (!first.exact()).then_some((draws, seed));
        // A single course needs no lanes for others.
        let found = match courses.len() {
            1 => try_orders::<1>(&first.frame, &courses, random),
            _ => try_orders::<LANES>(&first.frame, &courses, random),
        };
        for ((at, course), found) in members.iter().zip(found) {
            let clock_hits = found.partial.map(|_| found.clock_hits);
            results[*at] =
                IncrementTest { hits: Some(found.hits), clock_hits, ..course.observed(&found, draws) };
        }
    }
    results
}

/// Computes the results of [`test_increments`] except the hits, so that no order is tried
/// (docs/metrics.md#does-it-follow-accuracy).
#[must_use]
pub fn observe_increments(
    courses: &[&[Option<f64>]],
    accuracy: &[Option<f64>],
    clock: Option<&[f64]>,
    draws: u64,
) -> Vec<IncrementTest> {
    let observe = |course: &&[Option<f64>]| match Prepared::new(course, accuracy, clock) {
        Ok(course) => {
            let found = Block::<1>::new(&course.frame, &[&course.increments]).results().next();
            found.map_or_else(IncrementTest::default, |found| course.observed(&found, draws))
        }
        Err(undefined) => undefined,
    };
    courses.iter().map(observe).collect()
}

/// A course with a test.
struct Prepared {
    /// Checkpoints at which the course and the accuracy are defined.
    places: Vec<usize>,
    frame: Frame,
    increments: Vec<f64>,
}

impl Prepared {
    /// The result says why there is no test.
    fn new(
        course: &[Option<f64>],
        accuracy: &[Option<f64>],
        clock: Option<&[f64]>,
    ) -> Result<Self, IncrementTest> {
        let finite = |value: &Option<f64>| value.is_some_and(f64::is_finite);
        let both = course.iter().zip(accuracy).enumerate();
        let places: Vec<usize> =
            both.filter(|(_, (x, y))| finite(x) && finite(y)).map(|(place, _)| place).collect();
        let n = places.len();
        let undefined = |reason| IncrementTest { n, undefined: Some(reason), ..IncrementTest::default() };
        if n < 3 {
            return Err(undefined(Undefined::TooFew { n }));
        }
        let pick = |values: &[Option<f64>]| -> Vec<f64> {
            places.iter().filter_map(|&place| values.get(place).copied().flatten()).collect()
        };
        let clock: Option<Vec<f64>> =
            clock.and_then(|clock| places.iter().map(|&place| clock.get(place).copied()).collect());
        let frame = Frame::new(&pick(accuracy), clock.as_deref());
        let frame = frame.ok_or_else(|| undefined(Undefined::AccuracyConstant))?;
        let increments = increments(&pick(course));
        let increments = increments.ok_or_else(|| undefined(Undefined::MetricConstant))?;
        Ok(Self { places, frame, increments })
    }

    /// Whether all orders are few enough to be tried.
    fn exact(&self) -> bool {
        self.increments.len() <= MOST_EXACT
    }

    /// The result without hits.
    fn observed(&self, found: &Found, draws: u64) -> IncrementTest {
        let n = self.places.len();
        let orders = if self.exact() { (1..n as u64).product() } else { draws };
        IncrementTest {
            n,
            r: Some(found.r.clamp(-1.0, 1.0)),
            partial: found.partial.map(|partial| partial.clamp(-1.0, 1.0)),
            orders,
            exact: self.exact(),
            ..IncrementTest::default()
        }
    }
}

/// Tries orders of the increments of courses that share a frame, in blocks of `N` courses: all
/// orders, or a number of random ones with a seed.
fn try_orders<const N: usize>(frame: &Frame, courses: &[&[f64]], random: Option<(u64, u64)>) -> Vec<Found> {
    let mut blocks: Vec<Block<N>> = courses.chunks(N).map(|courses| Block::new(frame, courses)).collect();
    match random {
        None => all_orders(frame, &mut blocks),
        Some((draws, seed)) => random_orders(frame, &mut blocks, draws, seed),
    }
    blocks.iter().flat_map(Block::results).collect()
}

/// Increments of a course, scaled so that the largest has magnitude 1; `None` if all are 0.
fn increments(course: &[f64]) -> Option<Vec<f64>> {
    let largest = |values: &[f64]| values.iter().fold(0.0_f64, |most, value| most.max(value.abs()));
    // Values are scaled first, so that no difference overflows.
    let scale = largest(course);
    let scaled: Vec<f64> = course.iter().map(|value| value / scale).collect();
    let steps: Vec<f64> = scaled.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let most = largest(&steps);
    (most > 0.0).then(|| steps.iter().map(|step| step / most).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn some(values: &[f64]) -> Vec<Option<f64>> {
        values.iter().copied().map(Some).collect()
    }

    fn one(x: &[Option<f64>], y: &[Option<f64>], clock: Option<&[f64]>) -> IncrementTest {
        test_increments(&[x], y, clock, 99, 1)[0]
    }

    #[test]
    fn undefined_tests_give_their_reason() {
        let y = some(&[0.1, 0.2, 0.4]);
        assert_eq!(one(&y[..2], &y, None).undefined, Some(Undefined::TooFew { n: 2 }));
        assert_eq!(one(&some(&[5.0; 3]), &y, None).undefined, Some(Undefined::MetricConstant));
        assert_eq!(one(&y, &some(&[5.0; 3]), None).undefined, Some(Undefined::AccuracyConstant));
        assert!(test_increments(&[], &y, None, 9, 1).is_empty());
    }

    #[test]
    fn observed_results_lack_only_the_hits() {
        let y = some(&[0.1, 0.3, 0.4, 0.8, 0.7, 0.9, 0.85, 0.95, 0.9, 1.0, 0.97, 0.99]);
        let falls = some(&[9.0, 8.5, 8.7, 6.0, 6.1, 5.0, 5.2, 4.0, 4.4, 3.0, 3.1, 2.9]);
        let gaps = [Some(3.0), None, Some(1.0), Some(2.5), None, Some(0.5), Some(0.1), Some(0.7)];
        let courses = [&falls[..], &gaps, &y[..2], &[Some(4.0); 12]];
        let times: Vec<f64> = (1..=12).map(|step| libm::log(f64::from(step))).collect();
        for clock in [None, Some(&times[..])] {
            let mut tested = test_increments(&courses, &y, clock, 99, 1);
            let hits: Vec<bool> = tested.iter().map(|test| test.hits.is_some()).collect();
            assert_eq!(hits, [true, true, false, false]);
            for test in &mut tested {
                (test.hits, test.clock_hits) = (None, None);
            }
            assert_eq!(observe_increments(&courses, &y, clock, 99), tested);
        }
    }

    #[test]
    fn extreme_values_stay_finite() {
        let y = some(&[0.1, 0.2, 0.4, 0.3]);
        for x in [[1e308, -1e308, 1e308, 0.0], [5e-324, 0.0, 1e-323, 0.0]] {
            let found = one(&some(&x), &y, Some(&[0.0, 1.0, 1.5, 2.0]));
            assert!(found.r.is_some_and(f64::is_finite) && found.p().is_some_and(|p| p > 0.0), "{found:?}");
        }
        let gap = [Some(1.0), Some(f64::NAN), Some(3.0), Some(2.0)];
        assert_eq!(one(&gap, &y, None).n, 3);
    }

    #[test]
    fn a_straight_course_is_the_same_in_every_order() {
        let y = some(&[0.1, 0.3, 0.4, 0.8, 0.7]);
        let found = one(&some(&[5.0, 4.0, 3.0, 2.0, 1.0]), &y, Some(&[1.0, 4.0, 5.0, 5.5, 6.0]));
        assert_eq!((found.hits, found.orders, found.exact), (Some(24), 24, true));
        assert_eq!((found.p(), found.clock_p()), (Some(1.0), Some(1.0)));
    }

    #[test]
    fn a_course_that_is_the_clock_has_no_second_test() {
        let clock = [1.0, 4.0, 5.0, 5.5, 6.0];
        let y = some(&[0.1, 0.3, 0.4, 0.8, 0.7]);
        let found = one(&some(&clock), &y, Some(&clock));
        assert!(found.p().is_some());
        assert_eq!((found.partial, found.clock_p()), (None, None));
        let found = one(&y, &some(&clock), Some(&clock));
        assert_eq!((found.partial, found.clock_p()), (None, None));
    }
}
