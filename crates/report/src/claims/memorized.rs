//! Whether samples are memorized, and by when half of them are.

use super::{Claim, ClaimKind, Why, step};
use crate::{Domain, Report, onset::Onsets};

/// The claim `memorized` of a domain.
pub(super) fn claim(report: &Report, domain: &Domain) -> Claim {
    let found = &domain.memorization;
    let half = Onsets::of(report, domain).memorization.and_then(|at| step(report, at));
    let share = (domain.samples > 0).then(|| (found.memorized as f64 / domain.samples as f64).min(1.0));
    let claim = Claim::of(ClaimKind::Memorized, domain)
        .with("samples", domain.samples as f64)
        .with("memorized", found.memorized as f64)
        .with("share", share)
        .with("eps", found.eps)
        .with("eps_set_by_user", f64::from(u8::from(found.eps_set_by_user)))
        .with("half_step", half);
    if found.eps.is_none() {
        return claim.fails(Why::NoThreshold);
    }
    if found.memorized == 0 { claim.fails(Why::NoneMemorized) } else { claim.holds(true) }
}
