//! Measurement of many pairs in blocks: at most two blocks are in memory, and dropping the future
//! stops between blocks.

use std::{cell::Cell, rc::Rc, sync::Arc};

use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use levenshtein::Sequences;

use super::samples::MapSamples;
use crate::{
    analysis::{Analysis, Distances, Pairs, Run, Watch, host::Stage, measure::tau_index},
    error::Error,
    settings::{Settings, Unit},
};

/// Pairs per block: enough to keep the calculators busy, and at most 12 MiB per block.
const PAIRS_A_BLOCK: std::ops::RangeInclusive<u64> = 8_192..=1_048_576;

/// Blocks in flight: while a few calculators finish one, the others start the next.
const IN_FLIGHT: usize = 2;

/// Pathways of a map's samples at a checkpoint.
pub(super) fn sequences(
    analysis: &Analysis,
    run: &Run,
    settings: &Settings,
    samples: &MapSamples,
    checkpoint: usize,
) -> Result<Rc<Sequences>, Error> {
    let digest = (checkpoint < run.checkpoints.len())
        .then(|| analysis.digest(run, settings, checkpoint))
        .flatten()
        .ok_or_else(|| Error::NoMap { reason: "this checkpoint is not analyzed yet".to_owned() })?;
    let tau = tau_index(&digest, settings.tau)?;
    Ok(Rc::new(match settings.unit {
        Unit::Symbol => digest.ranking.symbols(tau, &samples.samples),
        Unit::Character => digest.ranking.characters(tau, &samples.samples),
    }))
}

/// Current number of pairs per block.
pub(super) fn block_size(sequences: &Sequences, distances: &dyn Distances) -> usize {
    let (symbols, _) = sequences.as_parts();
    let length = (symbols.len() / sequences.len().max(1)).max(64) as u64;
    (distances.preferred_batch_cells() / (length * length))
        .clamp(*PAIRS_A_BLOCK.start(), *PAIRS_A_BLOCK.end()) as usize
}

/// Measures blocks of pairs in order and calls `take` with each distance, clamped to 65,535.
pub(super) async fn measure(
    sequences: &Rc<Sequences>,
    blocks: impl Iterator<Item = Pairs>,
    total: u64,
    distances: &dyn Distances,
    watch: &dyn Watch,
    mut take: impl FnMut(u32, u32, u16),
) -> Result<(), Error> {
    let done = Cell::new(0);
    watch.progress(&Stage::Distances, 0, total);
    let mut answers = stream::iter(blocks)
        .map(|pairs| async move {
            let found = distances.pairs(Rc::clone(sequences), Arc::clone(&pairs)).await?;
            Ok::<_, Error>((pairs, found))
        })
        .buffered(IN_FLIGHT);
    while let Some((pairs, found)) = answers.try_next().await? {
        for (&(a, b), &distance) in pairs.iter().zip(&found) {
            take(a, b, u16::try_from(distance).unwrap_or(u16::MAX));
        }
        done.set(done.get() + pairs.len() as u64);
        watch.progress(&Stage::Distances, done.get(), total);
        watch.yield_now().await;
    }
    Ok(())
}

/// All pairs of rows and columns, in blocks of complete rows. `most` is called before each block.
pub(super) fn rectangle<'a>(
    rows: &'a [u32],
    columns: &'a [u32],
    most: impl Fn() -> usize + 'a,
) -> impl Iterator<Item = Pairs> + 'a {
    let mut rest = rows;
    std::iter::from_fn(move || {
        let rows = (most() / columns.len().max(1)).clamp(1, rest.len().max(1));
        let (block, after) = rest.split_at_checked(rows)?;
        rest = after;
        Some(block.iter().flat_map(|&row| columns.iter().map(move |&column| (row, column))).collect())
    })
}

/// All pairs of the listed samples, in the order of the list, in blocks of complete rows. `most` is
/// called before each block.
pub(super) fn triangle<'a>(
    places: &'a [u32],
    most: impl Fn() -> usize + 'a,
) -> impl Iterator<Item = Pairs> + 'a {
    pathway::triangle_blocks(places.len(), most).map(|rows| {
        rows.flat_map(|row| {
            let (first, rest) = places.get(row..).and_then(|rest| rest.split_first()).unwrap_or((&0, &[]));
            rest.iter().map(move |&other| (*first, other))
        })
        .collect()
    })
}
