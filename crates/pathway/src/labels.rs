//! Random permutations of the domain labels of samples
//! (docs/metrics.md#expert-domain-information).

use crate::draw::{Rng, shuffle_with};

/// Most permutations of labels behind a null.
const MOST: usize = 200;

/// Fewest permutations behind a null: no p would be below 0.05 with fewer than 19, nor below 0.025
/// with fewer than 39.
const FEWEST: usize = 39;

/// Most additions of gates over all permutations of a checkpoint, unless [`FEWEST`] need more.
const MOST_ADDITIONS: usize = 250_000_000;

/// Most sums of gates in memory, 64 MiB.
const MOST_SUMS: usize = 8 << 20;

/// Most labels in memory, 64 MiB.
const MOST_LABELS: usize = 32 << 20;

/// Number of permutations for sums of `width` gates over `samples` samples of some domains
/// (docs/metrics.md#expert-domain-information): 200, or fewer for a large run but at least 39. It
/// is 0 for fewer than two domains, and where sums or labels would take more than 64 MiB.
#[must_use]
pub fn permutations(samples: usize, width: usize, domains: usize) -> usize {
    if domains < 2 || domains > usize::from(u16::MAX) || samples == 0 || width == 0 {
        return 0;
    }
    let wanted = (MOST_ADDITIONS / samples.saturating_mul(width)).clamp(FEWEST, MOST);
    let affordable = (MOST_SUMS / domains.saturating_mul(width)).min(MOST_LABELS / samples);
    if affordable < FEWEST { 0 } else { wanted.min(affordable) }
}

/// The labels in random order, each order equally likely
/// (docs/metrics.md#expert-domain-information): Fisher and Yates' shuffle with the numbers of
/// stream `stream` of the seed.
#[must_use]
pub(crate) fn permuted(labels: &[u16], seed: u64, stream: u64) -> Vec<u16> {
    let mut labels = labels.to_vec();
    shuffle_with(&mut labels, &mut Rng::stream(seed, stream));
    labels
}

/// One-sided p of a figure: the share of permuted figures that are at least as large, up to
/// rounding, with the figure itself counted among them.
pub(crate) fn p_value(permuted: impl ExactSizeIterator<Item = f64>, observed: f64) -> f64 {
    let all = permuted.len() + 1;
    let as_large = permuted.filter(|figure| *figure >= observed - 1e-12).count() + 1;
    as_large as f64 / all as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_runs_get_fewer_permutations() {
        assert_eq!(permutations(370, 32, 4), 200);
        assert_eq!(permutations(3000, 1024, 4), 81);
        assert_eq!(permutations(10_000, 1024, 4), 39);
        assert_eq!(permutations(100_000, 1024, 4), 39);
        assert_eq!(permutations(100, 32, 1), 0);
        assert_eq!(permutations(100_000, 1024, 100_000), 0);
        assert_eq!(permutations(10_000, 1024, 1000), 0);
        assert_eq!(permutations(usize::MAX, usize::MAX, 2), 0);
        assert_eq!(permutations(0, 1024, 2), 0);
    }

    #[test]
    fn p_counts_the_observed_figure_too() {
        let p = |permuted: [f64; 3]| p_value(permuted.into_iter(), 1.0);
        assert!((p([0.0, 0.5, 0.9]) - 0.25).abs() < 1e-15);
        assert!((p([0.0, 1.0, 2.0]) - 0.75).abs() < 1e-15);
    }
}
