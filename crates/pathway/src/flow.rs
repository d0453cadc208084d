//! Flow: the share of gate mass that passes from an expert of one layer to an expert of the next
//! (docs/metrics.md#flow).

use crate::error::{Error, check_router};

/// Sums of gates over samples, of single experts and of pairs of experts in adjacent layers
/// (docs/metrics.md#flow).
#[derive(Clone, Debug, PartialEq)]
pub struct FlowSum {
    layers: usize,
    experts: usize,
    samples: u64,
    /// `[L, E]`.
    mass: Vec<f64>,
    /// `[L - 1, E, E]`.
    links: Vec<f64>,
    /// Normalized gates of one sample, `[L, E]`.
    row: Vec<f64>,
}

/// Mean gates of experts and of pairs of experts in adjacent layers (docs/metrics.md#flow).
#[derive(Clone, Debug, PartialEq)]
pub struct Flow {
    /// Layers `L`.
    pub layers: usize,
    /// Experts per layer `E`.
    pub experts: usize,
    /// Samples that were added.
    pub samples: u64,
    /// Share of a layer's gate mass at each expert, `[L, E]`; a layer sums to 1.
    pub mass: Vec<f64>,
    /// Share of gate mass at an expert and then at an expert of the next layer, `[L - 1, E, E]`; the
    /// sum over the second expert is the mass of the first.
    pub links: Vec<f64>,
}

impl FlowSum {
    /// Creates sums of zero; they take `8 L E^2` bytes.
    ///
    /// # Errors
    ///
    /// Layers or experts are 0, there are more than 65,535 experts, or more links than a `usize` counts.
    pub fn new(layers: usize, experts: usize) -> Result<Self, Error> {
        let values = check_router(layers, experts)?;
        let links = (values - experts).checked_mul(experts).ok_or(Error::TooManyExperts { experts })?;
        Ok(Self {
            layers,
            experts,
            samples: 0,
            mass: vec![0.0; values],
            links: vec![0.0; links],
            row: vec![0.0; values],
        })
    }

    /// Adds the mean gates of one sample, `[L, E]`. They are divided by the sum of their layer. A
    /// sample with a layer whose gates do not have a positive, finite sum is not added.
    ///
    /// # Errors
    ///
    /// The slice does not have `L E` values; the sums are then unchanged.
    pub fn push(&mut self, gates: &[f32]) -> Result<(), Error> {
        if gates.len() != self.mass.len() {
            return Err(Error::Shape { what: "gates", expected: self.mass.len(), found: gates.len() });
        }
        let layers = gates.chunks_exact(self.experts).zip(self.row.chunks_exact_mut(self.experts));
        for (gates, row) in layers {
            let sum: f64 = gates.iter().map(|&gate| f64::from(gate)).sum();
            if !(sum > 0.0 && sum.is_finite()) {
                return Ok(());
            }
            for (share, &gate) in row.iter_mut().zip(gates) {
                *share = f64::from(gate) / sum;
            }
        }
        self.samples += 1;
        for (mass, share) in self.mass.iter_mut().zip(&self.row) {
            *mass += share;
        }
        let nexts = self.row.chunks_exact(self.experts).skip(1);
        let blocks = self.links.chunks_exact_mut(self.experts * self.experts);
        for ((here, next), block) in self.row.chunks_exact(self.experts).zip(nexts).zip(blocks) {
            for (share, links) in here.iter().zip(block.chunks_exact_mut(self.experts)) {
                for (link, after) in links.iter_mut().zip(next) {
                    *link += share * after;
                }
            }
        }
        Ok(())
    }

    /// The means over the samples; `None` without any.
    #[must_use]
    pub fn finish(mut self) -> Option<Flow> {
        if self.samples == 0 {
            return None;
        }
        let samples = self.samples as f64;
        for sum in self.mass.iter_mut().chain(&mut self.links) {
            *sum /= samples;
        }
        let Self { layers, experts, samples, mass, links, .. } = self;
        Some(Flow { layers, experts, samples, mass, links })
    }
}

impl Flow {
    /// Mass of a link from an expert of a layer to an expert of the next; `None` out of range.
    #[must_use]
    pub fn link(&self, layer: usize, from: usize, to: usize) -> Option<f64> {
        if from.max(to) >= self.experts {
            return None;
        }
        self.links.get((layer * self.experts + from) * self.experts + to).copied()
    }

    /// The strongest link from and to each expert, in `L E^2` steps.
    #[must_use]
    pub fn strongest(&self) -> StrongestLinks {
        let (layers, experts) = (self.layers, self.experts);
        let (mut next, mut previous) = (Vec::new(), Vec::new());
        for layer in 1..layers {
            let mass = |from: usize, to: usize| self.link(layer - 1, from, to);
            next.extend((0..experts).map(|from| largest(experts, |to| mass(from, to))));
            previous.extend((0..experts).map(|to| largest(experts, |from| mass(from, to))));
        }
        StrongestLinks { layers, experts, next, previous }
    }
}

/// Index of the largest of so many values, the lowest of equal ones.
fn largest(number: usize, value: impl Fn(usize) -> Option<f64>) -> usize {
    let first = (0, value(0).unwrap_or(0.0));
    let larger = |best: (usize, f64), at: usize| match value(at) {
        Some(found) if found > best.1 => (at, found),
        _ => best,
    };
    (1..number).fold(first, larger).0
}

/// The experts that the strongest links from and to each expert lead to. Of equal links the one to
/// the lower id counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StrongestLinks {
    layers: usize,
    experts: usize,
    /// Expert of the next layer, by layer but the last, `[L - 1, E]`.
    next: Vec<usize>,
    /// Expert of the previous layer, by layer but the first, `[L - 1, E]`.
    previous: Vec<usize>,
}

impl StrongestLinks {
    /// The strongest pathway through an expert: one expert per layer, reached by following the
    /// strongest link forwards to the last layer and backwards to the first. Empty out of range.
    #[must_use]
    pub fn through(&self, layer: usize, expert: usize) -> Vec<usize> {
        if layer >= self.layers || expert >= self.experts {
            return Vec::new();
        }
        let mut path = vec![expert; self.layers];
        for at in layer + 1..self.layers {
            path[at] = self.next[(at - 1) * self.experts + path[at - 1]];
        }
        for at in (0..layer).rev() {
            path[at] = self.previous[at * self.experts + path[at + 1]];
        }
        path
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two samples, three layers, two experts; expected values by hand, as fractions.
    #[test]
    fn masses_and_links_are_means_over_samples() {
        let mut sum = FlowSum::new(3, 2).unwrap();
        sum.push(&[0.5, 0.5, 0.25, 0.75, 1.0, 0.0]).unwrap();
        // The layers of the second sample sum to 2, 1 and 4.
        sum.push(&[2.0, 0.0, 0.5, 0.5, 1.0, 3.0]).unwrap();
        let flow = sum.finish().unwrap();
        assert_eq!(flow.samples, 2);
        assert_eq!(flow.mass, [0.75, 0.25, 0.375, 0.625, 0.625, 0.375]);
        assert_eq!(flow.links, [0.3125, 0.4375, 0.0625, 0.1875, 0.1875, 0.1875, 0.4375, 0.1875]);
        assert_eq!(flow.link(1, 1, 0), Some(0.4375));
        assert_eq!((flow.link(2, 0, 0), flow.link(0, 0, 2)), (None, None));
    }

    #[test]
    fn links_sum_to_the_masses_of_both_experts() {
        let (layers, experts) = (4, 5);
        let mut rng = crate::Rng::new(3);
        let mut sum = FlowSum::new(layers, experts).unwrap();
        for _ in 0..7 {
            let gates: Vec<f32> = (0..layers * experts).map(|_| 1.0 + rng.below(100) as f32).collect();
            sum.push(&gates).unwrap();
        }
        let flow = sum.finish().unwrap();
        for layer in 0..layers - 1 {
            for expert in 0..experts {
                let out: f64 = (0..experts).map(|to| flow.link(layer, expert, to).unwrap()).sum();
                let into: f64 = (0..experts).map(|from| flow.link(layer, from, expert).unwrap()).sum();
                assert!((out - flow.mass[layer * experts + expert]).abs() < 1e-12);
                assert!((into - flow.mass[(layer + 1) * experts + expert]).abs() < 1e-12);
            }
        }
    }

    #[test]
    fn the_strongest_pathway_follows_the_strongest_links() {
        let mut sum = FlowSum::new(3, 2).unwrap();
        sum.push(&[0.9, 0.1, 0.2, 0.8, 0.7, 0.3]).unwrap();
        let strongest = sum.finish().unwrap().strongest();
        assert_eq!(strongest.through(0, 0), [0, 1, 0]);
        assert_eq!(strongest.through(1, 0), [0, 0, 0]);
        assert_eq!(strongest.through(2, 1), [0, 1, 1]);
        assert!(strongest.through(3, 0).is_empty() && strongest.through(0, 2).is_empty());
    }

    /// The table against a search at each step, with many equal links.
    #[test]
    fn the_strongest_pathway_takes_the_lower_of_equal_links() {
        let (layers, experts) = (5, 4);
        let mut rng = crate::Rng::new(8);
        for _ in 0..50 {
            let mut sum = FlowSum::new(layers, experts).unwrap();
            let gates: Vec<f32> = (0..layers * experts).map(|_| 1.0 + rng.below(2) as f32).collect();
            sum.push(&gates).unwrap();
            let flow = sum.finish().unwrap();
            let strongest = flow.strongest();
            let best = |masses: Vec<f64>| {
                let most = masses.iter().copied().fold(0.0, f64::max);
                masses.iter().position(|mass| mass.to_bits() == most.to_bits()).unwrap()
            };
            for (layer, expert) in
                (0..layers).flat_map(|layer| (0..experts).map(move |expert| (layer, expert)))
            {
                let path = strongest.through(layer, expert);
                assert_eq!((path.len(), path[layer]), (layers, expert));
                for at in layer..layers - 1 {
                    let links = (0..experts).map(|to| flow.link(at, path[at], to).unwrap()).collect();
                    assert_eq!(path[at + 1], best(links));
                }
                for at in 0..layer {
                    let links = (0..experts).map(|from| flow.link(at, from, path[at + 1]).unwrap()).collect();
                    assert_eq!(path[at], best(links));
                }
            }
        }
    }

    #[test]
    fn samples_without_gates_and_wrong_shapes_are_not_added() {
        let mut sum = FlowSum::new(1, 2).unwrap();
        sum.push(&[0.0, 0.0]).unwrap();
        sum.push(&[f32::NAN, 1.0]).unwrap();
        assert!(sum.push(&[1.0]).is_err());
        assert_eq!(sum.finish(), None);
    }
}
