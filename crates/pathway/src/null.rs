//! Unrelated pathways of the same lengths, against which a distance can be held (docs/metrics.md#null-distance-and-structure).

use levenshtein::Sequences;

use crate::characters::push_characters;
use crate::draw::Rng;
use crate::ranking::Ranking;

/// Null pathways of the listed samples as symbols: each layer as long as the sample's own, its ids a uniformly
/// random draw without repetition, in random order.
///
/// A sample's null pathway depends on the seed, its number and its lengths alone, not on which others are listed.
///
/// # Panics
///
/// A sample or the threshold does not exist.
#[must_use]
pub fn null_symbols(ranking: &Ranking, tau_index: usize, samples: &[u32], seed: u64) -> Sequences {
    let mut sequences = Sequences::new();
    for_each_null(ranking, tau_index, samples, seed, |layers| {
        for (place, layer) in layers.iter().enumerate() {
            if place > 0 {
                sequences.push_symbol(ranking.layer_break());
            }
            for &expert in layer {
                sequences.push_symbol(expert);
            }
        }
        sequences.end();
    });
    sequences
}

/// The same pathways as [`null_symbols`], as the characters of their written form (see
/// [`Ranking::characters`]).
#[must_use]
pub fn null_characters(ranking: &Ranking, tau_index: usize, samples: &[u32], seed: u64) -> Sequences {
    let mut sequences = Sequences::new();
    for_each_null(ranking, tau_index, samples, seed, |layers| {
        push_characters(layers.iter().map(|layer| layer.iter().copied()), |c| sequences.push_symbol(c));
        sequences.end();
    });
    sequences
}

/// Gives the layers of each sample's null pathway to `f`.
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
            // The first steps of a shuffle from the front draw without repetition.
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
