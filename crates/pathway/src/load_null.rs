//! Load-matched null pathways: random pathways of the same lengths whose experts are as popular as
//! in the domain (docs/metrics.md#load-matched-null).

use levenshtein::Sequences;

use crate::draw::Rng;
use crate::error::{Error, check_len};
use crate::null::{push_symbols, push_written};
use crate::ranking::Ranking;

/// Streams of the draws, apart from those of other draws with the same seed.
const STREAM: u64 = 4 << 32;

/// After this many hits of experts that are already drawn, one after the other, the sums are made
/// anew over those that are left.
const MOST_REPEATS: u32 = 8;

/// Draws load-matched null pathways of the listed samples, as symbols
/// (docs/metrics.md#load-matched-null). Samples that are not `wanted` get an empty sequence.
///
/// Each layer is as long as the sample's own list. Its ids are drawn one after the other from the
/// experts that are left, with probability proportional to `weights` `[L, E]`. A sample's null
/// pathway depends only on the seed, its index, its lengths and the weights.
///
/// # Errors
///
/// The weights are not `[L, E]`.
///
/// # Panics
///
/// A sample or the threshold is out of range.
pub fn load_null_symbols(
    ranking: &Ranking,
    tau_index: usize,
    samples: &[u32],
    wanted: &[bool],
    weights: &[f64],
    seed: u64,
) -> Result<Sequences, Error> {
    let room = ranking.room_for_symbols(tau_index, samples);
    drawn(ranking, tau_index, (samples, wanted), weights, seed, room, |layers, sequences| {
        push_symbols(ranking, layers, sequences);
    })
}

/// Draws the same pathways as [`load_null_symbols`] (docs/metrics.md#load-matched-null), as
/// characters of their written form (see [`Ranking::characters`]).
///
/// # Errors
///
/// The weights are not `[L, E]`.
pub fn load_null_characters(
    ranking: &Ranking,
    tau_index: usize,
    samples: &[u32],
    wanted: &[bool],
    weights: &[f64],
    seed: u64,
) -> Result<Sequences, Error> {
    drawn(ranking, tau_index, (samples, wanted), weights, seed, Sequences::new(), push_written)
}

/// Draws the layers of each sample's null pathway, which `push` adds to the sequences. The sequence
/// of a sample that is not wanted is empty.
fn drawn(
    ranking: &Ranking,
    tau_index: usize,
    (samples, wanted): (&[u32], &[bool]),
    weights: &[f64],
    seed: u64,
    mut sequences: Sequences,
    push: impl Fn(&[Vec<u16>], &mut Sequences),
) -> Result<Sequences, Error> {
    let experts = ranking.experts();
    check_len("mean gates of a domain [L, E]", ranking.layers() * experts, weights.len())?;
    let sums: Vec<Vec<f64>> = weights.chunks_exact(experts).map(cumulative).collect();
    let mut layers = vec![Vec::new(); ranking.layers()];
    let mut is_drawn = Vec::with_capacity(experts);
    for (place, &sample) in samples.iter().enumerate() {
        if !wanted.get(place).copied().unwrap_or(false) {
            sequences.end();
            continue;
        }
        let mut rng = Rng::stream(seed, STREAM + u64::from(sample));
        let of_layers = layers.iter_mut().zip(weights.chunks_exact(experts)).zip(&sums).enumerate();
        for (layer, ((drawn, weights), sums)) in of_layers {
            let count = ranking.prefix_len(sample as usize, layer, tau_index);
            draw(count, weights, sums, &mut rng, drawn, &mut is_drawn);
        }
        push(&layers, &mut sequences);
    }
    Ok(sequences)
}

/// Running sums of weights.
fn cumulative(weights: &[f64]) -> Vec<f64> {
    let mut sum = 0.0;
    let add = |weight: &f64| {
        sum += weight;
        sum
    };
    weights.iter().map(add).collect()
}

/// Draws `count` experts without repetition, each with probability proportional to its weight among
/// those left; once all weight is drawn, the others follow by id.
///
/// A draw that hits an expert again is repeated, which does not change these probabilities.
/// `is_drawn` is a buffer.
fn draw(
    count: usize,
    weights: &[f64],
    sums: &[f64],
    rng: &mut Rng,
    drawn: &mut Vec<u16>,
    is_drawn: &mut Vec<bool>,
) {
    drawn.clear();
    is_drawn.clear();
    is_drawn.resize(weights.len(), false);
    let mut left: Option<Vec<f64>> = None;
    let mut repeats = 0;
    while drawn.len() < count {
        let sums = left.as_deref().unwrap_or(sums);
        let total = sums.last().copied().unwrap_or(0.0);
        let point = unit(rng) * total;
        let hit = sums.partition_point(|sum| *sum <= point);
        match is_drawn.get_mut(hit) {
            Some(seen @ false) => {
                *seen = true;
                drawn.push(hit as u16);
                repeats = 0;
            }
            _ if repeats < MOST_REPEATS => repeats += 1,
            _ => {
                let rest =
                    weights.iter().zip(&*is_drawn).map(|(weight, drawn)| if *drawn { 0.0 } else { *weight });
                let rest = cumulative(&rest.collect::<Vec<f64>>());
                if rest.last().copied().unwrap_or(0.0) > 0.0 {
                    left = Some(rest);
                    repeats = 0;
                } else {
                    let others = is_drawn.iter().enumerate().filter(|(_, drawn)| !**drawn);
                    drawn.extend(others.map(|(id, _)| id as u16).take(count - drawn.len()));
                    return;
                }
            }
        }
    }
}

/// The next multiple of 2^-53 in `[0, 1)`.
fn unit(rng: &mut Rng) -> f64 {
    (rng.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draws(weights: &[f64], count: usize, times: usize) -> Vec<Vec<u16>> {
        let mut rng = Rng::new(7);
        let sums = cumulative(weights);
        let one = |_| {
            let mut drawn = Vec::new();
            draw(count, weights, &sums, &mut rng, &mut drawn, &mut Vec::new());
            drawn
        };
        (0..times).map(one).collect()
    }

    /// Probability of an ordered draw, by its definition.
    fn probability(weights: &[f64], ids: &[u16]) -> f64 {
        let mut left: f64 = weights.iter().sum();
        let mut product = 1.0;
        for &id in ids {
            product *= weights[usize::from(id)] / left;
            left -= weights[usize::from(id)];
        }
        product
    }

    #[test]
    fn orders_are_as_likely_as_the_definition_says() {
        // One expert takes nearly all draws, so that sums are made anew often.
        for weights in [[0.1, 0.2, 0.3, 0.4], [0.97, 0.01, 0.015, 0.005]] {
            let (times, all) = (40_000_i32, draws(&weights, 3, 40_000));
            for first in 0..4_u16 {
                for second in (0..4).filter(|second| *second != first) {
                    for third in (0..4).filter(|third| ![first, second].contains(third)) {
                        let ids = [first, second, third];
                        let expected = probability(&weights, &ids);
                        let found =
                            all.iter().filter(|drawn| drawn[..] == ids).count() as f64 / f64::from(times);
                        let error = (expected * (1.0 - expected) / f64::from(times)).sqrt();
                        assert!(
                            (found - expected).abs() < 5.0 * error + 1e-9,
                            "{ids:?}: {found} for {expected}"
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn experts_without_weight_come_last() {
        for drawn in draws(&[0.0, 0.5, 0.0, 0.5], 4, 20) {
            assert!([[1, 3, 0, 2], [3, 1, 0, 2]].contains(&[drawn[0], drawn[1], drawn[2], drawn[3]]));
        }
        assert_eq!(draws(&[0.0, 0.0], 2, 1), [[0, 1]]);
        assert_eq!(draws(&[1.0], 0, 1), [[0_u16; 0]]);
    }
}
