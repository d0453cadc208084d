//! Caveats that concern all domains.

use report::{Claim, ClaimKind, GateKind, Report, Why};

use super::said::{Said, count};
use crate::chart;

/// The caveats, in complete sentences.
pub(crate) fn caveats(said: Said<'_>, report: &Report) -> Vec<String> {
    let follow = |metric: &str| said.about(ClaimKind::Follows, metric).collect::<Vec<&Claim>>();
    let (distances, consistencies) = (follow("distance"), follow("consistency"));
    let all = |claims: &[&Claim], why: Why| !claims.is_empty() && claims.iter().all(|claim| claim.why == why);
    let mut lines: Vec<String> = Vec::new();
    if distances.iter().any(|claim| claim.why == Why::TooFewCheckpoints) {
        lines.push(
            "A relation to accuracy cannot be told from chance with fewer than five checkpoints.".into(),
        );
    }
    if all(&distances, Why::NoAccuracy) {
        lines.push("No benchmark results were given, so generalization is not measured.".into());
    }
    lines.extend(gates(report.run.gate_kind).map(str::to_owned));
    let consistency = [
        (Why::TooFewLayers, "Consistency needs at least three layers."),
        (Why::NoWeights, "Consistency needs routing weights, which traces of selected experts do not have."),
        (Why::NoRouters, "Consistency needs router matrices, and none were given."),
    ];
    let missing = consistency.into_iter().filter(|&(why, _)| all(&consistencies, why));
    lines.extend(missing.map(|(_, text)| text.to_owned()));
    lines.extend(said.all(ClaimKind::SmallModel).filter(|claim| claim.holds == Some(true)).map(small));
    lines
}

fn small(claim: &Claim) -> String {
    format!(
        "This is one small model ({} of {}): its results need not hold for others.",
        chart::counted(count(claim, "layers"), "layer"),
        chart::counted(count(claim, "experts"), "expert")
    )
}

fn gates(kind: GateKind) -> Option<&'static str> {
    match kind {
        GateKind::SoftmaxMean => None,
        GateKind::SigmoidNormalizedMean => Some(
            "The routers score by sigmoid: gates are sigmoid scores over their sum, not the softmax of the \
             paper’s model.",
        ),
        GateKind::SelectionFrequency => Some(
            "The traces have selected experts without weights: pathways are computed from selection \
             frequency, not from mean gates as in the paper.",
        ),
    }
}
