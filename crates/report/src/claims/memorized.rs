//! Whether samples are memorized, and by when half of them are.

use super::values::step;
use crate::{Claim, ClaimKind, Domain, OnsetRule, Report, Why};

/// The claim `memorized` of a domain.
pub(super) fn claim(report: &Report, domain: &Domain) -> Claim {
    let (eps, memorized) = (report.eps(domain), report.memorized(domain));
    let half = domain.memorization.half(report.settings.onset_rule).and_then(|at| step(report, at));
    let share = (domain.samples > 0).then(|| (memorized as f64 / domain.samples as f64).min(1.0));
    let claim = Claim::of(ClaimKind::Memorized, domain)
        .with("samples", domain.samples as f64)
        .with("memorized", memorized as f64)
        .with("share", share)
        .with("eps", eps)
        .with("eps_set_by_user", f64::from(u8::from(domain.memorization.eps_set_by_user)))
        .with("half_step", half)
        .with("relapsed_share", relapsed_share(report, domain));
    if !report.has_losses(domain) {
        return claim.undecided(Why::NoLosses);
    }
    if eps.is_none() {
        return claim.fails(Why::NoThreshold);
    }
    if memorized == 0 { claim.fails(Why::NoneMemorized) } else { claim.holds(true) }
}

/// Share of the declared samples whose loss rises above the threshold again; only the causal rule
/// knows relapses, and a link may leave them out.
fn relapsed_share(report: &Report, domain: &Domain) -> Option<f64> {
    let found = &domain.memorization.causal;
    let sum = |counts: &[usize]| counts.iter().map(|&count| count as f64).sum::<f64>();
    let declared = sum(&found.declared);
    (report.settings.onset_rule == OnsetRule::Causal && declared > 0.0 && !found.relapses.is_empty())
        .then(|| sum(&found.relapses) / declared)
}
