//! What the domains show together.

use report::{Claim, ClaimKind, Why};

use super::said::{Said, count, enumerated};
use crate::number;

/// Above this number of domains, the headline counts them instead of naming them.
const NAMED: usize = 6;

/// In which domains the distance follows accuracy, if there are several to compare.
pub(crate) fn headline(said: Said<'_>) -> Option<String> {
    let claims = said.about(ClaimKind::Follows, "distance");
    let decided: Vec<&Claim> = claims.filter(|claim| claim.holds.is_some()).collect();
    if decided.len() < 2 || said.lacks_domains() {
        return None;
    }
    let having = |holds: bool, why: Why| -> Option<String> {
        let found = decided.iter().filter(|claim| claim.holds == Some(holds) && claim.why == why);
        let names: Vec<&str> = found.filter_map(|claim| claim.domain.as_deref()).collect();
        let many = decided.len() > NAMED;
        let counted = || format!("{} of {} domains", names.len(), decided.len());
        (!names.is_empty()).then(|| if many { counted() } else { enumerated(&names) })
    };
    let follows = having(true, Why::Figures).unwrap_or_else(|| "no domain".into());
    let rest = [
        having(false, Why::Clock).map(|names| format!("; in {names} no more than a clock would")),
        having(false, Why::OppositeSign).map(|names| format!("; in {names} it has the opposite sign")),
        having(false, Why::Chance)
            .map(|names| format!("; in {names} it cannot be told from chance{}", with_checkpoints(&decided))),
    ];
    let rest: String = rest.into_iter().flatten().collect();
    Some(format!("Pathway distance follows accuracy in {follows}{rest}."))
}

/// ` with 33 checkpoints`, if all claims rest on the same number.
fn with_checkpoints(claims: &[&Claim]) -> String {
    let mut numbers: Vec<u64> = claims.iter().map(|claim| count(claim, "n")).collect();
    numbers.dedup();
    match numbers[..] {
        [n] => format!(" with {} checkpoints", number::count(n)),
        _ => String::new(),
    }
}

/// Whether each domain's distance follows its own accuracy, if there are domains to exchange.
pub(crate) fn exchanged(said: Said<'_>) -> Option<String> {
    let claim = said.all(ClaimKind::Exchanged).next()?;
    let domains = count(claim, "domains");
    if claim.why == Why::TooFewDomains {
        return (domains > 1).then(|| {
            format!(
                "With {domains} domains, exchanging them cannot show that each follows its own accuracy; \
                 that needs at least four."
            )
        });
    }
    let holds = claim.holds?;
    let p = format!(
        "{} among {} assignments of distances to accuracies",
        number::p_phrase(claim.figure("p")?),
        number::count(count(claim, "assignments"))
    );
    Some(if holds {
        format!("Each domain’s distance follows its own accuracy better than those of other domains: {p}.")
    } else {
        format!(
            "That each domain’s distance follows its own accuracy rather than another’s cannot be told from \
             chance: {p}."
        )
    })
}
