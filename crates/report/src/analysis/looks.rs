//! Tests of the distance of the samples declared so far, against its value at a reference
//! checkpoint (docs/metrics.md#state-of-a-domain). Samples and pairs of a test depend only on the
//! checkpoints up to it and the seed.

use std::sync::Arc;

use super::{draw::Draw, memorization::MemorizationPlan};

/// Distance of the seed of these tests' pairs from that of a domain's other pairs.
pub const LOOKS_SEED: u64 = 500_000_000;

/// Test of the distance at one checkpoint.
#[derive(Clone, Debug)]
pub struct Look {
    /// The checkpoint.
    pub at: usize,
    /// Earlier checkpoint to compare with.
    pub reference: usize,
    /// Samples of the run declared by the checkpoint, ascending.
    pub samples: Arc<[u32]>,
    /// Choice of their pairs.
    pub draw: Draw,
}

/// Plans the tests of a domain with these samples of the run. `draw` chooses pairs of a number of
/// samples.
pub fn looks(memorization: &MemorizationPlan, samples: &[u32], draw: impl Fn(usize) -> Draw) -> Vec<Look> {
    let mut looks: Vec<Look> = Vec::new();
    for (at, plan) in memorization.looks.iter().enumerate() {
        let Some(reference) = plan.reference.filter(|_| plan.tested) else { continue };
        // Samples are only added, so an equal number means equal samples.
        let same = looks.last().filter(|last| last.samples.len() == plan.declared);
        let members: Arc<[u32]> = match same {
            Some(last) => Arc::clone(&last.samples),
            None => {
                let declared = samples.iter().zip(&memorization.causal);
                let by_now = declared.filter(|(_, step)| step.is_some_and(|step| step.declared <= at));
                by_now.map(|(&sample, _)| sample).collect()
            }
        };
        looks.push(Look { at, reference, draw: draw(members.len()), samples: members });
    }
    looks
}
