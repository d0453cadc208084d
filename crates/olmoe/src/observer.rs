//! Observers of a forward pass: they receive progress and single tokens, and yield to other tasks.

use std::{future::Future, ops::Range, pin::Pin};

/// A boxed future that stays on its thread.
pub type LocalFuture<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

/// Progress of a checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Index of the pass, from 0.
    pub pass: usize,
    /// Number of passes; more than one if the hidden states of all tokens exceed the memory budget.
    pub passes: usize,
    /// Layers that this pass has finished; the head counts as one.
    pub done: usize,
    /// Layers of the model plus one for the head.
    pub layers: usize,
    /// Tokens of this pass.
    pub tokens: usize,
}

/// Observer of a forward pass.
pub trait Observer {
    /// Yields to messages and other futures. Called between experts and between layers.
    fn yield_now(&self) -> LocalFuture<'_, ()>;

    /// Reports that a layer begins, or that the last one is finished.
    fn progress(&self, progress: Progress);

    /// Receives the router logits `[T,E]` of one layer for the `T` tokens of a sample.
    fn router_logits(&self, _sample: usize, _layer: usize, _logits: &[f32]) {}

    /// Whether to call [`Observer::hidden_states`]. Reading hidden states back takes time.
    fn wants_hidden_states(&self) -> bool {
        false
    }

    /// Receives the hidden states `[T,d]` after the final norm for the `T` tokens of a sample.
    fn hidden_states(&self, _sample: usize, _states: &[f32]) {}
}

/// Observer that ignores everything.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoObserver;

impl Observer for NoObserver {
    fn yield_now(&self) -> LocalFuture<'_, ()> {
        Box::pin(std::future::ready(()))
    }

    fn progress(&self, _: Progress) {}
}

/// Samples whose rows are in a batch, each with its rows relative to the start of the batch.
///
/// `spans` has the rows of each sample among all rows of the pass.
pub(crate) fn samples_in<'a>(
    spans: &'a [Range<usize>],
    batch: &'a Range<usize>,
) -> impl Iterator<Item = (usize, Range<usize>)> + 'a {
    // A batch contains a sample completely or not at all.
    let inside =
        spans.iter().enumerate().filter(|(_, span)| batch.start <= span.start && span.end <= batch.end);
    inside.map(|(sample, span)| (sample, span.start - batch.start..span.end - batch.start))
}
