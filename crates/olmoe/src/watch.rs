//! Watching a forward pass: how far it is, room for others in between, and single tokens for who wants them.

use std::{future::Future, ops::Range, pin::Pin};

/// A future on the same thread.
pub type Pending<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

/// How far a checkpoint is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stage {
    /// The pass, from 0; more than one only where the tokens do not fit the memory together.
    pub pass: usize,
    /// Passes in all.
    pub passes: usize,
    /// Layers that all tokens of this pass have behind them; the head counts as one.
    pub done: usize,
    /// Layers in all, and the head.
    pub layers: usize,
    /// Tokens of this pass.
    pub tokens: usize,
}

/// Hears how far a checkpoint is.
pub trait Watch {
    /// Lets messages and other futures through. Called between experts and between layers.
    fn breathe(&self) -> Pending<'_, ()>;

    /// A layer has begun, or the last one is done.
    fn stage(&self, stage: Stage);

    /// Router logits `[n,E]` of a layer, for the tokens of a sample.
    fn logits(&self, _sample: usize, _layer: usize, _logits: &[f32]) {}

    /// Whether [`Watch::hidden`] is of use: reading hidden states back takes time.
    fn wants_hidden(&self) -> bool {
        false
    }

    /// Hidden states `[n,d]` after the last norm, for the tokens of a sample.
    fn hidden(&self, _sample: usize, _states: &[f32]) {}
}

/// Watches nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unwatched;

impl Watch for Unwatched {
    fn breathe(&self) -> Pending<'_, ()> {
        Box::pin(std::future::ready(()))
    }

    fn stage(&self, _: Stage) {}
}

/// Rows of each sample inside a pass, for handing out what single tokens gave.
pub(crate) fn each_sample<'a>(
    spans: &'a [Range<usize>],
    block: &'a Range<usize>,
) -> impl Iterator<Item = (usize, Range<usize>)> + 'a {
    // Samples are never cut by a block.
    let inside =
        spans.iter().enumerate().filter(|(_, span)| block.start <= span.start && span.end <= block.end);
    inside.map(|(sample, span)| (sample, span.start - block.start..span.end - block.start))
}
