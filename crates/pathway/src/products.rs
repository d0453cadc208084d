//! Sums of products of a sample's gates with each other, in blocks that stay in registers.

#![allow(clippy::inline_always, reason = "the loops must be part of what is compiled for wide vectors")]

use crate::vector::widest;

/// Samples whose gates are widened and added together.
const BATCH: usize = 32;

/// Rows of a block.
const ROWS: usize = 4;

/// Columns of a block: as many sums as fit into the registers of the widest vectors.
const COLUMNS: usize = if cfg!(target_arch = "x86_64") { 8 } else { 4 };

/// Adds the products `g g^T` of the gates `[E]` of samples, one after the other, to the diagonal and
/// the upper triangle of `[E, E]`.
///
/// Each sum is that of the samples in their order, whatever the size of blocks and batches.
pub(crate) fn add_products<'a>(gram: &mut [f64], samples: impl Iterator<Item = &'a [f32]>, experts: usize) {
    let mut samples = samples.peekable();
    let mut wide = Vec::with_capacity(BATCH * experts);
    while samples.peek().is_some() {
        wide.clear();
        for gates in samples.by_ref().take(BATCH) {
            wide.extend(gates.iter().map(|&gate| f64::from(gate)));
        }
        widest(
            #[inline(always)]
            || add_batch(gram, &wide, experts),
        );
    }
}

/// Adds the products of widened gates `[n, E]`.
#[inline(always)]
fn add_batch(gram: &mut [f64], wide: &[f64], experts: usize) {
    for (block, rows) in gram.chunks_mut(ROWS * experts).enumerate() {
        let first = block * ROWS;
        if rows.len() < ROWS * experts {
            for (place, row) in rows.chunks_exact_mut(experts).enumerate() {
                add_row(row, wide, first + place, first + place, experts);
            }
            continue;
        }
        let blocks = (experts - first) / COLUMNS;
        for block in 0..blocks {
            add_block(rows, wide, first, first + block * COLUMNS, experts);
        }
        for (place, row) in rows.chunks_exact_mut(experts).enumerate() {
            add_row(row, wide, first + place, (first + blocks * COLUMNS).max(first + place), experts);
        }
    }
}

/// Adds to a block of sums, whose rows begin with `first` and whose columns with `column`. In the
/// first block of its rows, this includes some sums below the diagonal, which nothing reads.
#[inline(always)]
fn add_block(rows: &mut [f64], wide: &[f64], first: usize, column: usize, experts: usize) {
    let mut sums = [[0.0; COLUMNS]; ROWS];
    for (sums, row) in sums.iter_mut().zip(rows.chunks_exact(experts)) {
        sums.copy_from_slice(&row[column..column + COLUMNS]);
    }
    for gates in wide.chunks_exact(experts) {
        let weights: [f64; ROWS] = std::array::from_fn(|place| gates[first + place]);
        let others: [f64; COLUMNS] = std::array::from_fn(|place| gates[column + place]);
        for (sums, weight) in sums.iter_mut().zip(weights) {
            for (sum, other) in sums.iter_mut().zip(others) {
                *sum += weight * other;
            }
        }
    }
    for (sums, row) in sums.iter().zip(rows.chunks_exact_mut(experts)) {
        row[column..column + COLUMNS].copy_from_slice(sums);
    }
}

/// Adds to the sums of one row from a column on.
#[inline(always)]
fn add_row(row: &mut [f64], wide: &[f64], of: usize, column: usize, experts: usize) {
    if column == experts {
        return;
    }
    for gates in wide.chunks_exact(experts) {
        let weight = gates[of];
        for (sum, gate) in row[column..].iter_mut().zip(&gates[column..]) {
            *sum += weight * gate;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draw::Rng;

    /// For numbers of experts that no block divides, and of samples that no batch divides.
    #[test]
    fn sums_are_those_of_the_samples_in_their_order() {
        let mut rng = Rng::new(3);
        for experts in [1, 3, 4, 7, 8, 13, 16, 64, 67] {
            let samples: Vec<Vec<f32>> = (0..BATCH + 5)
                .map(|_| (0..experts).map(|_| rng.below(1 << 20) as f32 / 1e6).collect())
                .collect();
            let mut found = vec![0.0; experts * experts];
            add_products(&mut found, samples.iter().map(|gates| &gates[..]), experts);
            for first in 0..experts {
                for second in first..experts {
                    let mut sum = 0.0_f64;
                    for gates in &samples {
                        sum += f64::from(gates[first]) * f64::from(gates[second]);
                    }
                    let found = found[first * experts + second];
                    assert_eq!(found.to_bits(), sum.to_bits(), "{experts}: {first}, {second}");
                }
            }
        }
    }
}
