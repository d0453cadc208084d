//! Whether the model is small.

use crate::{Claim, ClaimKind, Report};

/// A model with fewer experts over all layers is called small; OLMoE-1B-7B has 1,024.
const SMALL_MODEL: usize = 256;

/// The claim `small-model`.
pub(super) fn claim(report: &Report) -> Claim {
    let experts = report.run.layers.saturating_mul(report.run.experts);
    Claim::of_run(ClaimKind::SmallModel)
        .with("layers", report.run.layers as f64)
        .with("experts", report.run.experts as f64)
        .holds(experts > 0 && experts < SMALL_MODEL)
}
