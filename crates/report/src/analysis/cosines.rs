//! Cosines of single samples with groups of items, for the null of the pairing
//! (docs/metrics.md#pairing-and-delay). They are accumulated while gates are read, so that the gates
//! of single samples need not be kept.

use std::sync::Arc;

use pathway::UnitSum;

/// Samples of a domain whose cosines with groups of items are requested.
#[derive(Clone, Debug)]
pub struct CosineRequest {
    /// The samples, ordered by memorization step.
    pub samples: Arc<[u32]>,
    /// The groups of items, ordered by generalization step.
    pub groups: Arc<[UnitSum]>,
}

/// Accumulates the cosines of one request.
#[derive(Debug)]
pub struct CosineSums {
    /// Place of each sample of the run in the request.
    place_of: Vec<Option<u32>>,
    groups: Arc<[UnitSum]>,
    /// `[samples][groups]`; NaN where not yet read or undefined.
    cosines: Vec<f64>,
}

impl CosineSums {
    pub fn new(request: &CosineRequest, samples: usize) -> Self {
        let mut place_of = vec![None; samples];
        for (place, &sample) in request.samples.iter().enumerate() {
            if let Some(slot) = place_of.get_mut(sample as usize) {
                *slot = Some(place as u32);
            }
        }
        let cosines = vec![f64::NAN; request.samples.len() * request.groups.len()];
        Self { place_of, groups: Arc::clone(&request.groups), cosines }
    }

    /// Adds the gates of a sample of the run.
    pub fn push(&mut self, sample: u32, gates: &[f32]) {
        let Some(place) = self.place_of.get(sample as usize).copied().flatten() else { return };
        let start = place as usize * self.groups.len();
        for (group, cosine) in self.groups.iter().zip(&mut self.cosines[start..]) {
            *cosine = group.mean_cosine_with(gates).unwrap_or(f64::NAN);
        }
    }

    /// The cosines, `[samples][groups]`.
    pub fn finish(self) -> Vec<f64> {
        self.cosines
    }
}
