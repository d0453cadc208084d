//! Null pathways: random pathways of the same lengths as a baseline
//! (docs/metrics.md#null-distance-and-structure).

use levenshtein::Sequences;

use crate::characters::push_characters;
use crate::draw::Rng;
use crate::ranking::Ranking;

/// Draws null pathways of the listed samples, as symbols
/// (docs/metrics.md#null-distance-and-structure).
///
/// Each layer is as long as the sample's own list; its ids are a uniform random draw without
/// repetition, in random order. A sample's null pathway depends only on the seed, its index and its
/// lengths, not on the other samples listed.
///
/// # Panics
///
/// A sample or the threshold is out of range.
#[must_use]
pub fn null_symbols(ranking: &Ranking, tau_index: usize, samples: &[u32], seed: u64) -> Sequences {
    let mut sequences = ranking.room_for_symbols(tau_index, samples);
    for_each_null(ranking, tau_index, samples, seed, |layers| push_symbols(ranking, layers, &mut sequences));
    sequences
}

/// Draws the same pathways as [`null_symbols`] (docs/metrics.md#null-distance-and-structure), as
/// characters of their written form (see [`Ranking::characters`]).
#[must_use]
pub fn null_characters(ranking: &Ranking, tau_index: usize, samples: &[u32], seed: u64) -> Sequences {
    let mut sequences = Sequences::new();
    for_each_null(ranking, tau_index, samples, seed, |layers| push_written(layers, &mut sequences));
    sequences
}

/// Appends a pathway as symbols.
pub(crate) fn push_symbols(ranking: &Ranking, layers: &[Vec<u16>], sequences: &mut Sequences) {
    for (place, layer) in layers.iter().enumerate() {
        if place > 0 {
            sequences.push_symbol(ranking.layer_break());
        }
        sequences.push_symbols(layer.iter().copied());
    }
    sequences.end();
}

/// Appends a pathway as characters.
pub(crate) fn push_written(layers: &[Vec<u16>], sequences: &mut Sequences) {
    push_characters(layers.iter().map(|layer| layer.iter().copied()), |c| sequences.push_symbol(c));
    sequences.end();
}

/// Calls `f` with the layers of each sample's null pathway.
fn for_each_null(
    ranking: &Ranking,
    tau_index: usize,
    samples: &[u32],
    seed: u64,
    mut f: impl FnMut(&[Vec<u16>]),
) {
    let mut ids: Vec<u16> = Vec::with_capacity(ranking.experts());
    let mut layers = vec![Vec::new(); ranking.layers()];
    for &sample in samples {
        let mut rng = Rng::stream(seed, u64::from(sample));
        let sample = sample as usize;
        for (layer, drawn) in layers.iter_mut().enumerate() {
            ids.clear();
            ids.extend(0..ranking.layer_break());
            let len = ranking.prefix_len(sample, layer, tau_index);
            // The first steps of a Fisher-Yates shuffle draw without repetition.
            for place in 0..len {
                let other = place + rng.below((ids.len() - place) as u32) as usize;
                ids.swap(place, other);
            }
            drawn.clear();
            drawn.extend_from_slice(&ids[..len]);
        }
        f(&layers);
    }
}
