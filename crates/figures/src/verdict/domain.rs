//! The paragraph of one domain.

use report::ClaimKind;

use super::{change, follows, memorized, pairing, said::Said};

/// The sentences about a domain.
pub(super) fn paragraph(said: Said<'_>, name: &str) -> String {
    let sentences = [
        memorized::sentence(said, name),
        memorized::generalized(said, name),
        change::distance(said, name),
        change::start(said, name),
        said.of_metric(ClaimKind::Follows, name, "distance").and_then(follows::distance),
        said.of_metric(ClaimKind::Follows, name, "consistency").and_then(follows::consistency),
        said.of_domain(ClaimKind::DistinctivePairing, name).and_then(pairing::sentence),
    ];
    let sentences: Vec<String> =
        sentences.into_iter().flatten().map(|sentence| format!("{sentence}.")).collect();
    format!("{name}: {}", sentences.join(" "))
}
