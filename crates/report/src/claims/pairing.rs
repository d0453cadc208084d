//! Whether the matching of memorization groups with generalization groups is distinctive.

use crate::{Claim, ClaimKind, Domain, Why, derive::LEVEL};

/// A matching is distinctive only if its total exceeds the second best by this share of the mean
/// score of a pair.
const MARGIN: f64 = 0.01;

/// The claim `distinctive-pairing` of a domain with a pairing.
pub(super) fn claim(domain: &Domain) -> Option<Claim> {
    let delays = domain.delays.as_ref()?;
    let pairs = delays.pairs.len();
    let margin = MARGIN * delays.total.abs() / pairs.max(1) as f64;
    let claim = Claim::of(ClaimKind::DistinctivePairing, domain)
        .with("pairs", pairs as f64)
        .with("total", delays.total)
        .with("second_best_total", delays.second_best_total)
        .with("margin", margin)
        .with("null_share", delays.null_share)
        .with("null_draws", delays.null_draws as f64);
    let Some(second) = claim.figure("second_best_total") else {
        return Some(claim.undecided(Why::NoOtherMatching));
    };
    Some(match claim.figure("null_share") {
        _ if delays.total - second < margin => claim.fails(Why::SecondBest),
        None => claim.undecided(Why::NotComputed),
        Some(share) if share >= LEVEL => claim.fails(Why::Shuffled),
        Some(_) => claim.holds(true),
    })
}
