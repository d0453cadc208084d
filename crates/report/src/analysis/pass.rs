//! One pass over a checkpoint's gates: reads ranges of samples and adds them up. The next range is
//! read meanwhile.

use std::{collections::BTreeSet, ops::Range};

use futures::future;
use pathway::{Comparison, RouterGram, Separation};
use trace::{BadSample, GateKind, most_are_bad};

use super::{
    accumulators::Accumulators,
    block::Block,
    digest::{GateRequest, GateResults},
    host::Watch,
    run::RunCheckpoint,
};
use crate::{error::Error, work};

/// Size of a range of samples, in bytes of their gates as f32.
const CHUNK_BYTES: usize = 8 << 20;

/// Samples between two yields: on one thread, a few milliseconds of computing at 16 layers of 64
/// experts.
const SAMPLES_PER_YIELD: usize = if work::PARALLEL { usize::MAX } else { 32 };

/// Steps of comparing signatures between two yields.
const STEPS_PER_YIELD: usize = if work::PARALLEL { usize::MAX } else { 16 };

/// Outcome of a pass over a checkpoint's gates.
#[derive(Debug)]
pub enum Pass {
    /// Everything requested.
    Complete(Box<GateResults>),
    /// Samples of the run that turned out to be unusable; the run must be assembled again without
    /// them.
    Bad(Vec<BadSample>),
}

/// A checkpoint that is being read.
struct Reading<'a> {
    checkpoint: &'a RunCheckpoint,
    /// Sample of the run in each row of the trace.
    sample_of: Vec<Option<u32>>,
    /// Whether the gates are selection frequencies.
    frequency: bool,
}

/// Reads a checkpoint's gates once and accumulates everything requested. `read` is called with the
/// bytes read.
///
/// # Errors
/// [`trace::Error::BadSamples`] if more than half of the file's samples cannot be used.
pub async fn read_gates(
    checkpoint: &RunCheckpoint,
    request: &GateRequest,
    watch: &dyn Watch,
    mut read: impl FnMut(u64),
) -> Result<Pass, Error> {
    let trace = &*checkpoint.trace;
    let reading = Reading::new(checkpoint);
    // Consistency needs routing weights, which ids do not have.
    let router = if request.digest.is_some() && !reading.frequency { trace.router().await? } else { None };
    let gram = router.map(router_gram).transpose()?;
    let mut sums = Accumulators::new(checkpoint, request, gram)?;
    let rows = trace.info.samples.len();
    let chunk = reading.samples_per_chunk();
    let mut bad: Vec<BadSample> = Vec::new();
    let bytes_a_row = trace.info.bytes / (rows.max(1) as u64);
    let mut ranges = (0..rows).step_by(chunk).map(|start| start..(start + chunk).min(rows));
    let mut next = reading.next_block(ranges.next()).await?;
    while let Some((block, found, rows)) = next {
        bad.extend(found);
        let (added, following) =
            future::join(add(sums, block, watch), reading.next_block(ranges.next())).await;
        // A block that cannot be added is an error before those of the next one.
        sums = added?;
        read(bytes_a_row * rows as u64);
        watch.yield_now().await;
        next = following?;
    }
    if let Some(error) = most_are_bad(&bad, rows) {
        return Err(error.into());
    }
    bad.retain(|bad| reading.sample(bad.row).is_some());
    if !bad.is_empty() {
        return Ok(Pass::Bad(bad));
    }
    let (mut results, comparison) = work::run(move || sums.finish()).await?;
    if let (Some(digest), Some(comparison)) = (&mut results.digest, comparison) {
        digest.separation = compare(comparison, watch).await?;
    }
    Ok(Pass::Complete(Box::new(results)))
}

/// Adds a block, in short steps where there is only this thread.
async fn add(mut sums: Accumulators, mut block: Block, watch: &dyn Watch) -> Result<Accumulators, Error> {
    for start in (0..block.len()).step_by(SAMPLES_PER_YIELD) {
        let end = start.saturating_add(SAMPLES_PER_YIELD).min(block.len());
        (sums, block) = work::run(move || {
            let mut sums = sums;
            sums.push(&block, start..end).map(|()| (sums, block))
        })
        .await??;
        watch.yield_now().await;
    }
    Ok(sums)
}

/// Compares signatures, in short steps where there is only this thread.
async fn compare(mut comparison: Comparison, watch: &dyn Watch) -> Result<Option<Separation>, Error> {
    loop {
        let steps = comparison.next_steps();
        if steps.is_empty() {
            return Ok(comparison.finish());
        }
        let steps = steps.start..steps.start.saturating_add(STEPS_PER_YIELD).min(steps.end);
        comparison = work::run(move || {
            for step in work::map_range(steps, |number| comparison.step(number)) {
                comparison.add(step);
            }
            comparison
        })
        .await?;
        watch.yield_now().await;
    }
}

/// Gram blocks of a trace's router, computed or stored.
fn router_gram(router: trace::Router) -> Result<RouterGram, Error> {
    Ok(match router {
        trace::Router::Weights { layers, experts, width, values } => {
            RouterGram::from_weights(layers, experts, width, &values)?
        }
        trace::Router::Gram { layers, experts, values } => RouterGram::from_blocks(layers, experts, &values)?,
    })
}

impl<'a> Reading<'a> {
    fn new(checkpoint: &'a RunCheckpoint) -> Self {
        let info = &checkpoint.trace.info;
        let mut sample_of = vec![None; info.samples.len()];
        for (sample, &row) in checkpoint.row_of.iter().enumerate() {
            if let Some(slot) = sample_of.get_mut(row as usize) {
                *slot = Some(sample as u32);
            }
        }
        Self { checkpoint, sample_of, frequency: info.gate_kind == GateKind::SelectionFrequency }
    }

    /// Layers times experts.
    fn width(&self) -> usize {
        self.checkpoint.trace.info.layers * self.checkpoint.trace.info.experts
    }

    fn samples_per_chunk(&self) -> usize {
        (CHUNK_BYTES / (4 * self.width().max(1))).clamp(1, self.sample_of.len().max(1))
    }

    /// The sample of the run in a row of the trace.
    fn sample(&self, row: usize) -> Option<u32> {
        self.sample_of.get(row).copied().flatten()
    }

    /// Reads a range of rows, if there is one; returns the samples of the run in them, the rows that
    /// cannot be used, and the number of rows.
    async fn next_block(
        &self,
        rows: Option<Range<usize>>,
    ) -> Result<Option<(Block, Vec<BadSample>, usize)>, Error> {
        let Some(rows) = rows else { return Ok(None) };
        let trace = &*self.checkpoint.trace;
        let (gates, bad) = trace.gates_and_bad_samples(rows.clone()).await?;
        let unusable: BTreeSet<usize> = bad.iter().map(|bad| bad.row).collect();
        let counts = if self.frequency { trace.counts(rows.clone()).await? } else { None };
        let usable = rows.clone().enumerate().filter(|(_, row)| !unusable.contains(row));
        let samples = usable.filter_map(|(place, row)| Some((place, self.sample(row)?))).collect();
        Ok(Some((Block::new(gates, self.width(), counts, samples), bad, rows.len())))
    }
}
