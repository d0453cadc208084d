//! Links whose verdict reads like that of the report.

mod rounding;
mod short;

use report::{Claim, ClaimKind, Error, LinkOptions, Report, Why, link, link::Link};

use crate::verdict::{domain_lines, verdict};

use rounding::with_rounded_changes;
pub use short::{Short, short};

/// Encodes a report as a link. Rounding must not move a figure that the verdict prints: without a requested precision,
/// the link gets the fewest bits from the usual ones on with which a reader sees the same sentences about the domains. If
/// even the most bits print another figure, the link has the usual ones.
///
/// # Errors
/// Same as [`link::write`].
pub fn share(report: &Report, options: &LinkOptions) -> Result<Link, Error> {
    let rounded = with_rounded_changes(report.clone());
    let usual = link::write(&rounded, options)?;
    if options.bits.is_some() {
        return Ok(usual);
    }
    refined(report, &rounded, options, usual)
}

/// The link of a report with rounded changes that has the fewest bits, from those of a given link on, with which it says the
/// same as the exact report.
fn refined(exact: &Report, rounded: &Report, options: &LinkOptions, given: Link) -> Result<Link, Error> {
    if says_the_same(exact, &given.seen) {
        return Ok(given);
    }
    for bits in given.bits + 1..=link::MOST_BITS {
        let finer = link::write(rounded, &LinkOptions { bits: Some(bits), ..*options })?;
        if says_the_same(exact, &finer.seen) {
            return Ok(finer);
        }
    }
    Ok(given)
}

/// Whether the report of a shorter link prints no other figures about a domain than the report, makes the same claims about
/// it, and has the same headline.
fn says_no_other(report: &Report, seen: &Report) -> bool {
    let figures = |said: &str| -> Vec<String> {
        let words = said.split([' ', ',', ';', '(', ')']).map(|word| word.trim_end_matches('.').to_owned());
        words.filter(|word| word.contains(|letter: char| letter.is_ascii_digit())).collect()
    };
    let about = |report: &Report, name: &str| -> Vec<String> {
        let start = format!("{name}: ");
        let sentences = verdict(report).into_iter().find(|line| line.starts_with(&start));
        let line = short_form(report).into_iter().find(|(domain, ..)| domain == name);
        let (_, _, delay, change) = line.unwrap_or_default();
        [sentences, delay, change].iter().flatten().flat_map(|said| figures(said)).collect()
    };
    let headline = |report: &Report| verdict(report).into_iter().next();
    let fewer = seen.domains.len() < report.domains.len();
    (fewer || headline(report) == headline(seen) || seen.domains.len() < 2)
        && seen.domains.iter().all(|domain| {
            let known = about(report, &domain.name);
            about(seen, &domain.name).iter().all(|word| known.contains(word))
        })
        && claims_no_other(report, seen)
}

/// Whether each claim about a domain of a shorter link's report holds as in the report, for the same reason. Claims about
/// courses that the link leaves out are not made.
fn claims_no_other(report: &Report, seen: &Report) -> bool {
    let is_made = |claim: &Claim| {
        claim.domain.as_ref().is_some_and(|domain| {
            let in_course = |metric: &String| {
                seen.courses.iter().any(|course| course.domain == *domain && course.metric == *metric)
            };
            claim.metric.as_ref().is_none_or(in_course)
        })
    };
    // A sign that does not depend on the start has no sentence, whether it is known or not: a link leaves out what decides.
    let outcome = |claim: &Claim| match claim.kind {
        ClaimKind::SignDependsOnStart => (Some(claim.holds == Some(true)), Why::Figures),
        _ => (claim.holds, claim.why),
    };
    let is_same = |claim: &Claim, sent: &Claim| {
        (claim.kind, &claim.domain, &claim.metric, claim.group)
            == (sent.kind, &sent.domain, &sent.metric, sent.group)
            && outcome(claim) == outcome(sent)
    };
    let mut made = seen.claims.iter().filter(|claim| is_made(claim));
    made.all(|claim| report.claims.iter().any(|sent| is_same(claim, sent)))
}

/// Name, state, delay and change of each domain, as its line prints them.
fn short_form(report: &Report) -> Vec<(String, String, Option<String>, Option<String>)> {
    let lines = domain_lines(report).into_iter();
    lines.map(|line| (line.name, line.state, line.delay, line.change)).collect()
}

/// Whether two reports print the same sentences and the same line about each domain. The caveats after them may differ: a
/// link leaves notes out.
fn says_the_same(report: &Report, seen: &Report) -> bool {
    let about_domains = |report: &Report| -> Vec<String> {
        let of_domain = |line: &String| {
            report.domains.iter().any(|domain| line.starts_with(&format!("{}: ", domain.name)))
        };
        verdict(report).into_iter().filter(of_domain).collect()
    };
    about_domains(report) == about_domains(seen) && short_form(report) == short_form(seen)
}

#[cfg(test)]
mod tests {
    use report::{Claim, ClaimKind, LinkOptions, Report, link};

    use super::{refined, says_no_other, says_the_same, share};

    fn run_a() -> Report {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fixtures/reports/run-a.json");
        report::parse_json(&std::fs::read_to_string(path).unwrap()).unwrap()
    }

    #[test]
    fn a_reader_sees_the_same_sentences() {
        let report = run_a();
        let shared = share(&report, &LinkOptions::default()).unwrap();
        let seen = report::decode(&shared.text).unwrap();
        assert!(says_the_same(&report, &seen));
        let lines = |report: &Report| crate::brief(report);
        assert_eq!(lines(&report), lines(&seen), "the short form of the verdict");
    }

    #[test]
    fn a_claim_that_turns_around_is_another_verdict_although_its_figures_stay() {
        let report = run_a();
        assert!(says_no_other(&report, &report));
        let mut seen = report.clone();
        let is_rise = |claim: &&mut Claim| {
            claim.metric.as_deref() == Some("accuracy")
                && matches!(claim.kind, ClaimKind::Rises | ClaimKind::Falls)
        };
        let both: Vec<_> = seen.claims.iter_mut().filter(is_rise).take(2).collect();
        assert!(both.iter().any(|claim| claim.holds == Some(true)), "accuracy rises or falls");
        for claim in both {
            claim.holds = claim.holds.map(|holds| !holds);
        }
        assert!(!says_no_other(&report, &seen));
    }

    #[test]
    fn a_link_that_prints_another_figure_gets_more_bits() {
        let report = run_a();
        let options = LinkOptions::default();
        let coarse = link::write(&report, &LinkOptions { bits: Some(link::FEWEST_BITS), ..options }).unwrap();
        assert!(!says_the_same(&report, &coarse.seen));
        let finer = refined(&report, &report, &options, coarse).unwrap();
        assert!(finer.bits > link::FEWEST_BITS);
        assert!(says_the_same(&report, &report::decode(&finer.text).unwrap()));
    }
}
