//! Signature separation: how much more alike the gates of samples of one domain are
//! (docs/metrics.md#signature-separation).

use std::ops::Range;

use crate::draw::{Rng, shuffle_with};
use crate::error::{Error, check_len};
use crate::labels::{p_value, permuted};
use crate::sums::{dot, mean};
use crate::vector::widest;

/// Stream of the choice of samples, apart from those of other draws with the same seed.
const CHOICE: u64 = 2 << 32;

/// Streams of the permutations.
const STREAM: u64 = 3 << 32;

/// Number of permutations of labels.
const PERMUTATIONS: u64 = 200;

/// Most samples that are compared.
const MOST_SAMPLES: usize = 512;

/// Fewest samples that are compared, where there are as many.
const FEWEST_SAMPLES: usize = 64;

/// Most gates in memory, unless [`FEWEST_SAMPLES`] have more.
const MOST_GATES: usize = 1 << 18;

/// Flattened gates of some samples of a run, and the mean of all
/// (docs/metrics.md#signature-separation).
#[derive(Clone, Debug)]
pub struct Signatures {
    width: usize,
    /// Chosen samples, ascending.
    chosen: Vec<usize>,
    /// Gates of the chosen samples, `[N, L * E]`.
    rows: Vec<f32>,
    /// Sum of all samples' gates.
    sums: Vec<f64>,
    samples: u64,
    seed: u64,
}

/// Separation of the domains' signatures (docs/metrics.md#signature-separation).
#[derive(Clone, Debug, PartialEq)]
pub struct Separation {
    /// Samples compared.
    pub samples: usize,
    /// Mean cosine of two samples of one domain.
    pub within: f64,
    /// Mean cosine of two samples of different domains.
    pub across: f64,
    /// `within` minus `across` in pooled standard deviations; undefined if the cosines do not vary.
    pub separation: Option<f64>,
    /// Mean separation for permuted labels.
    pub null: Option<f64>,
    /// Share of permutations with at least this separation.
    pub p: Option<f64>,
}

impl Signatures {
    /// Chooses samples of a run with `samples` samples whose flattened gates are `width` long: all
    /// up to 512, or as many as have 262,144 gates together but at least 64, by the seed.
    #[must_use]
    pub fn new(samples: usize, width: usize, seed: u64) -> Self {
        let most = (MOST_GATES / width.max(1)).clamp(FEWEST_SAMPLES, MOST_SAMPLES);
        let mut chosen: Vec<usize> = (0..samples).collect();
        if samples > most {
            shuffle_with(&mut chosen, &mut Rng::stream(seed, CHOICE));
            chosen.truncate(most);
            chosen.sort_unstable();
        }
        let rows = vec![0.0; chosen.len() * width];
        Self { width, chosen, rows, sums: vec![0.0; width], samples: 0, seed }
    }

    /// Adds the flattened gates of a sample of the run.
    ///
    /// # Errors
    ///
    /// The slice has another length; nothing is then added.
    pub fn push(&mut self, sample: usize, gates: &[f32]) -> Result<(), Error> {
        check_len("flattened gates of one sample [L * E]", self.width, gates.len())?;
        for (sum, &gate) in self.sums.iter_mut().zip(gates) {
            *sum += f64::from(gate);
        }
        self.samples += 1;
        if let Ok(place) = self.chosen.binary_search(&sample) {
            self.rows[place * self.width..][..self.width].copy_from_slice(gates);
        }
        Ok(())
    }

    /// Prepares the comparison, given the domain of each sample of the run. Samples without a label
    /// and samples that equal the mean, which have no direction, are left out.
    #[must_use]
    pub fn compare(self, labels: &[u16]) -> Comparison {
        let Self { width, chosen, rows, sums, samples, seed } = self;
        let mean: Vec<f64> = sums.iter().map(|sum| sum / samples.max(1) as f64).collect();
        let (mut directions, mut kept) = (Vec::with_capacity(rows.len()), Vec::new());
        for (sample, row) in chosen.iter().zip(rows.chunks_exact(width.max(1))) {
            let Some(&label) = labels.get(*sample) else { continue };
            let start = directions.len();
            directions.extend(row.iter().zip(&mean).map(|(&gate, mean)| f64::from(gate) - mean));
            let length = dot(&directions[start..], &directions[start..]).sqrt();
            if length > 0.0 {
                for value in &mut directions[start..] {
                    *value /= length;
                }
                kept.push(label);
            } else {
                directions.truncate(start);
            }
        }
        Comparison {
            width,
            directions,
            labels: kept,
            seed,
            row: 0,
            squares: 0.0,
            sum: 0.0,
            drawn: Vec::new(),
        }
    }
}

/// Result of one step of a comparison.
#[derive(Clone, Debug)]
pub enum ComparisonStep {
    /// Cosines of a row with the later ones.
    Cosines(Vec<f64>),
    /// Difference of the mean cosines for a permutation.
    Drawn(Option<f64>),
}

/// Comparison of signatures in short steps, between which a host can do other work, or which it can
/// do at the same time
/// (docs/metrics.md#signature-separation).
#[derive(Clone, Debug)]
pub struct Comparison {
    width: usize,
    /// Unit vectors, `[N, L * E]`.
    directions: Vec<f64>,
    /// Domain of each.
    labels: Vec<u16>,
    seed: u64,
    /// Rows whose cosines with the later ones are done.
    row: usize,
    /// Sum of the squares of the cosines, and of the cosines, of all pairs.
    squares: f64,
    sum: f64,
    /// Difference of the mean cosines for each permutation.
    drawn: Vec<f64>,
}

impl Comparison {
    fn direction(&self, place: usize) -> &[f64] {
        &self.directions[place * self.width..][..self.width]
    }

    /// Numbers of the steps that can be done next, each without the others; empty at the end. First
    /// come the cosines of each row with the later ones, then the permutations.
    #[must_use]
    pub fn next_steps(&self) -> Range<usize> {
        let rows = self.labels.len();
        if self.row < rows {
            return self.row..rows;
        }
        let [pairs, equal] = self.pairs();
        let both_kinds = equal > 0.0 && equal < pairs;
        if both_kinds { rows + self.drawn.len()..rows + PERMUTATIONS as usize } else { 0..0 }
    }

    /// Does one of [`Self::next_steps`].
    #[must_use]
    pub fn step(&self, number: usize) -> ComparisonStep {
        match number.checked_sub(self.labels.len()) {
            None => {
                let others = number + 1..self.labels.len();
                let direction = self.direction(number);
                ComparisonStep::Cosines(others.map(|other| dot(direction, self.direction(other))).collect())
            }
            Some(number) => {
                let labels = permuted(&self.labels, self.seed, STREAM + number as u64);
                ComparisonStep::Drawn(self.means(&labels).map(|[within, across]| within - across))
            }
        }
    }

    /// Adds the result of the first of [`Self::next_steps`].
    pub fn add(&mut self, step: ComparisonStep) {
        match step {
            ComparisonStep::Cosines(cosines) => {
                for cosine in cosines {
                    self.sum += cosine;
                    self.squares += cosine * cosine;
                }
                self.row += 1;
            }
            // Permuted labels have as many pairs of either kind as the labels.
            ComparisonStep::Drawn(difference) => self.drawn.extend(difference),
        }
    }

    /// Number of pairs, and of those with equal labels.
    fn pairs(&self) -> [f64; 2] {
        let pairs = |samples: usize| (samples * samples.saturating_sub(1) / 2) as f64;
        let mut counts = std::collections::BTreeMap::new();
        for label in &self.labels {
            *counts.entry(label).or_insert(0) += 1;
        }
        [pairs(self.labels.len()), counts.values().map(|&count| pairs(count)).sum()]
    }

    /// Mean cosine of pairs with equal labels and of the others; `None` without pairs of either
    /// kind.
    ///
    /// The cosines of all pairs of some unit vectors add up to half of the square of the vectors'
    /// sum less their number.
    fn means(&self, labels: &[u16]) -> Option<[f64; 2]> {
        let domains = labels.iter().copied().max().map_or(0, |most| usize::from(most) + 1);
        let mut sums = vec![0.0; domains * self.width];
        let mut counts = vec![0_u32; domains];
        for (&label, direction) in labels.iter().zip(self.directions.chunks_exact(self.width.max(1))) {
            let label = usize::from(label);
            let sums = &mut sums[label * self.width..][..self.width];
            widest(
                #[inline(always)]
                || sums.iter_mut().zip(direction).for_each(|(sum, value)| *sum += value),
            );
            counts[label] += 1;
        }
        let within: f64 = sums
            .chunks_exact(self.width.max(1))
            .zip(&counts)
            .map(|(sum, &count)| (dot(sum, sum) - f64::from(count)) / 2.0)
            .sum();
        let [pairs, equal] = self.pairs();
        (equal > 0.0 && equal < pairs).then(|| [within / equal, (self.sum - within) / (pairs - equal)])
    }

    /// The separation, after the remaining steps; `None` unless there are pairs of one domain and of
    /// two.
    #[must_use]
    pub fn finish(mut self) -> Option<Separation> {
        loop {
            let steps = self.next_steps();
            if steps.is_empty() {
                break;
            }
            let step = self.step(steps.start);
            self.add(step);
        }
        let [within, across] = self.means(&self.labels)?;
        let [pairs, equal] = self.pairs();
        // The squares around the two means are those around the mean of all, less what the two means
        // differ.
        let around = self.squares - self.sum * self.sum / pairs;
        let apart = equal * (pairs - equal) / pairs;
        let in_deviations = |difference: f64| {
            let rest = around - apart * difference * difference;
            // Less than that is rounding.
            (rest > 1e-12 * around).then(|| difference / (rest / (pairs - 2.0)).sqrt())
        };
        let separation = in_deviations(within - across);
        let drawn: Option<Vec<f64>> =
            self.drawn.iter().map(|difference| in_deviations(*difference)).collect();
        let drawn = drawn.filter(|drawn| !drawn.is_empty());
        Some(Separation {
            samples: self.labels.len(),
            within,
            across,
            null: drawn.as_deref().and_then(mean),
            p: separation.zip(drawn).map(|(found, drawn)| p_value(drawn.into_iter(), found)),
            separation,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draw::Rng;

    fn compare(gates: &[[f32; 3]], labels: &[u16]) -> Option<Separation> {
        let mut signatures = Signatures::new(gates.len(), 3, 1);
        for (sample, gates) in gates.iter().enumerate() {
            signatures.push(sample, gates).unwrap();
        }
        signatures.compare(labels).finish()
    }

    fn random(samples: usize) -> Vec<[f32; 3]> {
        let mut rng = Rng::new(5);
        (0..samples).map(|_| [0, 1, 2].map(|_| rng.below(1000) as f32 / 1000.0)).collect()
    }

    /// Of a large run, a fixed choice is compared, whose means are near those of all.
    #[test]
    fn large_runs_are_compared_by_some_samples() {
        let gates = random(600);
        let labels: Vec<u16> = (0..600).map(|sample| sample % 3).collect();
        let found = compare(&gates, &labels).unwrap();
        assert_eq!(found.samples, 512);
        assert!(found.within.abs() < 0.05 && found.across.abs() < 0.05, "{found:?}");
        assert!(found.separation.unwrap().abs() < 0.1);
        assert_eq!(compare(&gates, &labels).unwrap(), found);
        // 64 samples of wide gates: more than 262,144 gates, but never fewer samples.
        let wide = Signatures::new(600, 1 << 17, 1);
        assert_eq!(wide.chosen.len(), 64);
        assert!(wide.chosen.is_sorted());
    }

    #[test]
    fn what_is_not_defined() {
        assert_eq!(compare(&random(4), &[0; 4]), None, "one domain");
        assert_eq!(compare(&random(3), &[0, 1, 2]), None, "no two samples of one domain");
        assert_eq!(compare(&[[0.2, 0.3, 0.5]; 4], &[0, 0, 1, 1]), None, "no direction");
        assert_eq!(compare(&[], &[]), None);
        // Opposite signatures: the cosines have no deviation around their means.
        let two =
            compare(&[[1.0, 0.0, 0.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 1.0, 0.0]], &[0, 0, 1, 1]);
        let two = two.unwrap();
        assert!((two.within - 1.0).abs() < 1e-12 && (two.across + 1.0).abs() < 1e-12);
        assert_eq!((two.separation, two.p), (None, None));
        assert!(Signatures::new(2, 3, 1).push(0, &[1.0]).is_err());
    }
}
