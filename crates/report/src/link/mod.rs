//! A report as a URL fragment: `#r=1d.` and about two thousand characters.
//!
//! 1. `parts` removes the optional parts that a link leaves out. Derived figures (moving averages, structure, intervals,
//!    coefficients, claims) are never included: the reader computes them with the functions of the analysis.
//! 2. `tree` codes everything except figures, as JSON of any shape. `path` is its learned state; `related` replaces
//!    counts by differences from their expected values, `states` moves figures to courses, `headers` leaves out the
//!    courses that a domain shares with the first one.
//! 3. `courses` and `scale` convert figures to integers; `column` predicts them from figures coded earlier. `counts`
//!    codes lists of steps likewise, `outside` figures of pairings and changes, `hits` the p of tests.
//! 4. `numbers`, `text` and `coder` convert the residuals to bits.
//! 5. `shorten` makes smaller reports for QR codes, and restores their tests in a reader.
//! 6. `frame` adds length and checksum, and encodes the bytes as text.

mod coder;
mod column;
mod counts;
mod courses;
mod frame;
mod headers;
mod hits;
mod numbers;
mod outside;
mod parts;
mod path;
mod related;
mod scale;
mod shorten;
mod states;
mod text;
mod tree;

pub use frame::{FRAGMENT, fragment_of};
pub use parts::{BITS, FEWEST_BITS, LinkOptions, MOST_BITS, Parts};
pub use shorten::{Cut, Order, shorten};

use std::collections::BTreeSet;

use serde_json::Value;

use coder::Coder;
use numbers::Numbers;
use outside::Decimals;
use tree::Codec;

use crate::{Course, Error, Metric, Need, Report, Settings, claims, derive};

/// Target lengths of a link in characters, each with the fewest bits tried for it: first the limit
/// of messages and QR codes, then that of all browsers and most programs.
const TARGETS: [(usize, u8); 2] = [(2_000, 8), (8_000, FEWEST_BITS)];

/// Bits of a main figure if no target can be met.
const BITS_AT_LENGTH: u8 = 8;

/// Most figures with correlations per link, so that it opens within seconds.
const MOST_CORRELATED: usize = 40_000;

/// A report without figures, with which both sides train their models. It is part of link version
/// 1.
const PROTOTYPE: &str = include_str!("prototype-v1.json");

/// A link and its report.
#[derive(Clone, Debug)]
pub struct Link {
    /// `#r=1d.` and the data: only letters, digits, `-` and `_`.
    pub text: String,
    /// Bits of a main figure.
    pub bits: u8,
    /// Non-empty parts of the report that are not in the link.
    pub left_out: Parts,
    /// The report that [`decode`] returns for this link.
    pub seen: Report,
}

/// Encodes a report as `#r=1d.…`.
///
/// Counts, steps, tokens and settings are exact. Figures are rounded: all courses of one metric
/// share one step of at most `(largest - smallest) / (2^b - 1)`, so the error is at most half a
/// step. `b` is [`LinkOptions::bits`] less
/// [`LinkPrecision::fewer_bits`](crate::metrics::LinkPrecision::fewer_bits) of the metric; two less
/// for courses of single layers, other thresholds, single memorization steps and pairs of domains;
/// five less for standard errors; at least three. Shares of a known number of samples or items stay
/// exact if that costs no more. Cosines and probabilities outside of courses have three decimals.
/// Derived figures are computed from the rounded ones.
///
/// # Errors
/// The report is inconsistent ([`Report::check`]) or exceeds the limits of a link.
pub fn encode(report: &Report, options: &LinkOptions) -> Result<String, Error> {
    Ok(write(report, options)?.text)
}

/// [`encode`] with the report that a reader sees.
///
/// # Errors
/// Same as [`encode`].
pub fn write(report: &Report, options: &LinkOptions) -> Result<Link, Error> {
    report.check()?;
    let mut carried = report.clone();
    let left_out = parts::leave_out(&mut carried, options.parts);
    prepare(&mut carried);
    let (text, mut seen, bits) = fitting(&Written { carried, exact: report, left_out }, options.bits)?;
    conclude(&mut seen, left_out)?;
    Ok(Link { text, bits, left_out, seen })
}

/// Content of a link at any precision.
struct Written<'r> {
    /// The report without what a link leaves out or a reader computes.
    carried: Report,
    /// The report as it is.
    exact: &'r Report,
    left_out: Parts,
}

/// The most precise link that meets a target, with its report before the claims.
fn fitting(report: &Written<'_>, bits: Option<u8>) -> Result<(String, Report, u8), Error> {
    if let Some(bits) = bits {
        return write_with(report, bits.clamp(FEWEST_BITS, MOST_BITS));
    }
    for (most, fewest) in TARGETS {
        let mut found = write_with(report, fewest)?;
        if found.0.len() > most {
            continue;
        }
        // Fewer bits give shorter links, so bisection finds the largest number that fits.
        let (mut fits, mut too_many) = (fewest, BITS + 1);
        while too_many - fits > 1 {
            let middle = fits.midpoint(too_many);
            let link = write_with(report, middle)?;
            if link.0.len() <= most {
                (fits, found) = (middle, link);
            } else {
                too_many = middle;
            }
        }
        return Ok(found);
    }
    write_with(report, BITS_AT_LENGTH)
}

fn write_with(written: &Written<'_>, bits: u8) -> Result<(String, Report, u8), Error> {
    let (report, mut left_out) = (&written.carried, written.left_out);
    let scales = courses::scales(report, bits)?;
    let mut seen = report.clone();
    round(&mut seen, bits);
    outside::clear(&mut seen);
    hits::clear(&mut seen);
    for course in &mut seen.courses {
        course.values.clear();
        course.se.iter_mut().for_each(Vec::clear);
    }
    related::subtract(&mut seen)?;
    let alike = headers::take(&mut seen);
    let lists = counts::take(&mut seen);
    let invalid = |error: serde_json::Error| Error::NotAReport { message: error.to_string() };
    let mut tree = serde_json::to_value(&seen).map_err(invalid)?;
    let prototype = prototype()?;
    leave_out_defaults(&mut tree, &prototype, &serde_json::to_value(Settings::default()).map_err(invalid)?);
    let mut codec = Codec::new(Coder::writer(), &prototype)?;
    codec.coder.plain(4, u64::from(bits))?;
    for left in left_out.all_mut() {
        codec.coder.plain(1, u64::from(*left))?;
    }
    codec.value(Some(&tree))?;
    let mut numbers = Numbers::new();
    headers::code(&mut codec, &mut seen, Some(&alike))?;
    counts::code(&mut codec, &mut numbers, &mut seen, Some(lists))?;
    related::add(&mut seen);
    for (course, exact) in seen.courses.iter_mut().zip(&report.courses) {
        (course.values, course.se) = (exact.values.clone(), exact.se.clone());
    }
    courses::code(&mut codec, &mut numbers, &mut seen, Some(scales), bits)?;
    outside::code(&mut codec, &mut numbers, &mut seen, Some(report), decimals(bits))?;
    complete(&mut seen, bits)?;
    hits::code(&mut codec, &mut seen, Some(written.exact), bits > BITS)?;
    Ok((frame::to_text(&codec.coder.finish()), seen, bits))
}

/// Decodes the report of a link: an address, its fragment, or the data alone.
///
/// # Errors
/// The text is not a link, has a later version, is cut or not valid, or exceeds the limits of a
/// link.
pub fn decode(text: &str) -> Result<Report, Error> {
    let bytes = frame::from_text(text)?;
    let mut codec = Codec::new(Coder::reader(&bytes), &prototype()?)?;
    let bits = codec.coder.plain(4, 0)? as u8;
    let mut left_out = Parts::NONE;
    for left in left_out.all_mut() {
        *left = codec.coder.plain(1, 0)? == 1;
    }
    let tree = codec.value(None)?;
    let invalid = |place| Error::LinkInvalid { place };
    let mut report: Report =
        serde_json::from_str(&tree).map_err(|_| invalid("its fields are not those of a report"))?;
    let mut numbers = Numbers::new();
    headers::code(&mut codec, &mut report, None)?;
    counts::code(&mut codec, &mut numbers, &mut report, None)?;
    related::add(&mut report);
    courses::code(&mut codec, &mut numbers, &mut report, None, bits)?;
    outside::code(&mut codec, &mut numbers, &mut report, None, decimals(bits))?;
    complete(&mut report, bits)?;
    hits::code(&mut codec, &mut report, None, bits > BITS)?;
    if !codec.coder.at_end() {
        return Err(invalid("extra data after the report"));
    }
    conclude(&mut report, left_out)?;
    Ok(report)
}

/// The prototype as JSON.
fn prototype() -> Result<Value, Error> {
    serde_json::from_str(PROTOTYPE)
        .map_err(|_| Error::LinkInvalid { place: "the prototype of this version is not JSON" })
}

/// Removes settings that have their default and are newer than the prototype: they would lengthen
/// every link, and a page that does not know them would refuse it.
fn leave_out_defaults(report: &mut Value, prototype: &Value, defaults: &Value) {
    if let Some(settings) = report.get_mut("settings").and_then(Value::as_object_mut) {
        settings
            .retain(|id, value| prototype["settings"].get(id).is_some() || defaults.get(id) != Some(value));
    }
}

/// Removes derived figures, which the reader computes. Figures of the load over all layers stay
/// where the selections that they follow from are left out.
fn prepare(report: &mut Report) {
    report.rounded_to_bits = None;
    let without = report.domains.iter().filter(|domain| domain.expert_selections.is_empty());
    let without: BTreeSet<&str> = without.map(|domain| domain.name.as_str()).collect();
    let stays = |course: &Course| {
        let of_load = || course.layer.is_none() && without.contains(course.domain.as_str());
        let keep =
            |metric: &Metric| metric.derived.is_none() || (metric.needs.contains(&Need::Ids) && of_load());
        course.definition().is_none_or(keep)
    };
    report.courses.retain(stays);
    report.exchange.clear();
    report.claims.clear();
    states::take(report);
    report.sort_courses();
    for domain in &mut report.domains {
        domain.correlations.clear();
        domain.clock = None;
        domain.changes.iter_mut().for_each(|change| change.half_width = 0.0);
    }
}

/// Decimals of the figures outside courses.
fn decimals(bits: u8) -> Decimals {
    Decimals::new(bits > BITS)
}

/// Rounds the figures outside courses that are coded with the tree.
fn round(report: &mut Report, bits: u8) {
    let decimals = decimals(bits);
    for domain in &mut report.domains {
        domain.coactivation.iter_mut().flatten().for_each(|pair| decimals.round(&mut pair.probability));
        if let Some(delays) = &mut domain.delays {
            delays.scores.iter_mut().flatten().for_each(|score| decimals.round(score));
        }
    }
}

/// Computes the derived figures except what needs the p of tests.
fn complete(report: &mut Report, bits: u8) -> Result<(), Error> {
    report.rounded_to_bits = Some(bits);
    states::restore(report);
    report.check()?;
    derive::complete(report);
    let correlated =
        report.courses.iter().filter(|course| course.definition().is_some_and(|metric| metric.correlates));
    let figures: usize = correlated.map(|course| course.values.len()).sum();
    if figures > MOST_CORRELATED {
        let (found, most) = (figures as u64, MOST_CORRELATED as u64);
        return Err(Error::LinkTooLarge { what: "figures in correlations", found, most });
    }
    for change in report.domains.iter_mut().flat_map(|domain| &mut domain.changes) {
        change.half_width = derive::half_width(change);
    }
    derive::relate_without_tests(report);
    Ok(())
}

/// Makes the claims, and notes that the report came from a link.
fn conclude(report: &mut Report, left_out: Parts) -> Result<(), Error> {
    shorten::restore(report);
    report.claims = claims::claims(report);
    shorten::restore_claims(report);
    parts::add_notice(report, left_out);
    report.check()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::leave_out_defaults;

    #[test]
    fn only_settings_that_are_new_and_have_their_default_are_left_out() {
        let prototype = json!({ "settings": { "old": 1 } });
        let defaults = json!({ "old": 1, "new": 2, "changed": 3 });
        let mut report = json!({ "settings": { "old": 1, "new": 2, "changed": 4 }, "new": 2 });
        leave_out_defaults(&mut report, &prototype, &defaults);
        assert_eq!(report, json!({ "settings": { "old": 1, "changed": 4 }, "new": 2 }));
    }
}
