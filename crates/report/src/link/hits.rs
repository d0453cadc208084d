//! Codes the p of the tests of increments, exchanged domains and pairings, as numbers of hits.
//!
//! A reader computes coefficients, but tries no order. The p that claims state are exact. Of others,
//! the hits have [`PRECISION`] significant bits, and stay on the same side of [`LEVEL`].

use super::{
    coder::{AdaptiveModel, Coder},
    tree::Codec,
};
use crate::{
    Correlation, Delays, Error, Exchange, Group, Report,
    claims::{self, TESTED},
    derive::LEVEL,
};

/// Significant bits of the hits of tests that no claim states.
const PRECISION: u32 = 7;

/// Most significant bits of any hits.
const EXACT: u32 = 64;

/// Number of lengths of hits in bits.
const LENGTHS: usize = 65;

/// A test whose hits are coded.
#[derive(Clone, Copy)]
enum Test {
    Increments,
    Clock,
    Exchange,
    Pairing,
}

/// Orders or assignments of a test.
#[derive(Clone, Copy)]
struct Tried {
    number: u64,
    all: bool,
    /// Significant bits that are coded.
    bits: u32,
}

/// Adaptive models of hits.
struct Models {
    /// Whether a test has a p, by test.
    known: [AdaptiveModel; 4],
    /// Whether hits are shorter than a length, by test, by whether the p before was small, and by
    /// how many bits the length is below the largest one.
    shorter: [[[AdaptiveModel; LENGTHS]; 2]; 4],
}

/// Codes the p of all tests: takes them from `given`, or reads them, and stores them in the report,
/// which has everything else of the tests.
pub(super) fn code(
    codec: &mut Codec<'_>,
    report: &mut Report,
    given: Option<&Report>,
    exactly: bool,
) -> Result<(), Error> {
    let usual = AdaptiveModel::expecting(0.03, 8);
    let mut models =
        Models { known: [usual; 4], shorter: [[[AdaptiveModel::expecting(0.5, 6); LENGTHS]; 2]; 4] };
    let groups: Vec<Group> = report.domains.iter().map(|domain| claims::main_group(report, domain)).collect();
    let bits = |claimed: bool| if claimed || exactly { EXACT } else { PRECISION };
    for (domain, group) in report.domains.iter_mut().zip(groups) {
        let given = given.and_then(|given| given.domains.iter().find(|other| other.name == domain.name));
        let of_domain = given.map_or(&[][..], |given| &given.correlations);
        for found in &mut domain.correlations {
            if found.increments_r.is_none() {
                continue;
            }
            let same = |other: &&Correlation| other.metric == found.metric && other.group == found.group;
            let exact = of_domain.iter().find(same);
            let claimed = found.group == group && TESTED.contains(&found.metric.as_str());
            let (number, all) = (found.increments_orders, found.increments_exact);
            let tried = Tried { number, all, bits: bits(claimed) };
            let p =
                models.p(codec, Test::Increments, None, tried, exact.and_then(|exact| exact.increments_p))?;
            found.increments_p = p;
            if found.partial.is_some() {
                let clock_p = exact.and_then(|exact| exact.increments_clock_p);
                found.increments_clock_p = models.p(codec, Test::Clock, p, tried, clock_p)?;
            }
        }
    }
    for at in 0..report.domains.len() {
        let exact = given.and_then(|given| given.domains.get(at)?.delays.as_ref()?.null_share);
        let delays = report.domains[at].delays.as_mut().filter(|delays| is_coded(delays));
        if let Some(delays) = delays {
            let tried = Tried { number: delays.null_draws, all: delays.null_exact, bits: EXACT };
            delays.null_share = models.p(codec, Test::Pairing, None, tried, exact)?;
        }
    }
    let claimed = claims::exchanged(report).map(|found| found.group);
    for found in report.exchange.iter_mut().filter(|found| found.assignments > 0) {
        let same = |other: &&Exchange| other.metric == found.metric && other.group == found.group;
        let exact = given.and_then(|given| given.exchange.iter().find(same));
        let claimed = claimed == Some(found.group) && found.metric == "distance";
        let tried = Tried { number: found.assignments, all: found.exact, bits: bits(claimed) };
        found.p = models.p(codec, Test::Exchange, None, tried, exact.and_then(|exact| exact.p))?;
    }
    Ok(())
}

/// Whether the share of a pairing is coded here.
fn is_coded(delays: &Delays) -> bool {
    let drawn = u32::try_from(delays.null_draws).is_ok_and(|draws| draws > 0);
    drawn && delays.null_share.is_some_and(|share| share.to_bits() == 0)
}

/// Sets the shares of pairings that are coded here to 0; others stay in the tree.
pub(super) fn clear(report: &mut Report) {
    for delays in report.domains.iter_mut().filter_map(|domain| domain.delays.as_mut()) {
        let share = delays.null_share.filter(|share| (0.0..=1.0).contains(share));
        delays.null_share = share.map(|_| 0.0).or(delays.null_share);
        if !is_coded(delays) {
            delays.null_share = share.or(delays.null_share);
        }
    }
}

impl Models {
    /// Codes the p of a test, which may be missing; `before` is a p that it may resemble.
    fn p(
        &mut self,
        codec: &mut Codec<'_>,
        test: Test,
        before: Option<f64>,
        tried: Tried,
        given: Option<f64>,
    ) -> Result<Option<f64>, Error> {
        codec.spend(1)?;
        let coder = &mut codec.coder;
        let missing = !coder.bit(&mut self.known[test as usize], given.is_some())?;
        if missing {
            return Ok(None);
        }
        let hits = pathway::hits_of_p(given.unwrap_or(0.0), tried.number, tried.all);
        let small = before.is_some_and(|p| p < LEVEL);
        let models = &mut self.shorter[test as usize][usize::from(small)];
        let hits = code_hits(coder, models, tried, hits)?;
        Ok(Some(pathway::p_of_hits(hits, tried.number, tried.all)))
    }
}

/// Codes the length of the hits, then their place among the numbers of that length. Returns the
/// middle of the numbers that are coded alike.
fn code_hits(
    coder: &mut Coder<'_>,
    models: &mut [AdaptiveModel; LENGTHS],
    tried: Tried,
    hits: u64,
) -> Result<u64, Error> {
    let length_of = |hits: u64| u64::BITS - hits.leading_zeros();
    let mut length = length_of(tried.number);
    for model in models.iter_mut() {
        if length == 0 || !coder.bit(model, length_of(hits) < length)? {
            break;
        }
        length -= 1;
    }
    // The hits of this length.
    let from = if length == 0 { 0 } else { 1 << (length - 1) };
    let to = (2 * from).max(1).min(tried.number + 1);
    let shift = length.saturating_sub(tried.bits);
    let cells = ((to - from - 1) >> shift) + 1;
    let cell = coder.below(cells, hits.saturating_sub(from) >> shift)?;
    let mut from = from + (cell << shift);
    let mut to = to.min(from + (1 << shift));
    // The first hits that are not significant.
    let level = first_above(tried);
    if from < level && level < to {
        if coder.below(2, u64::from(hits >= level))? == 1 {
            from = level;
        } else {
            to = level;
        }
    }
    Ok(from.midpoint(to - 1))
}

/// Fewest hits whose p is not below [`LEVEL`].
fn first_above(tried: Tried) -> u64 {
    let near = pathway::hits_of_p(LEVEL, tried.number, tried.all);
    let significant = |hits: &u64| pathway::p_of_hits(*hits, tried.number, tried.all) < LEVEL;
    (near.saturating_sub(2)..near + 3).find(|hits| !significant(hits)).unwrap_or(near)
}
