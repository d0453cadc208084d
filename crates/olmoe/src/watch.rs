//! Watching a forward pass: how far it is, and room for others in between.

use std::{future::Future, pin::Pin};

/// A future on the same thread.
pub type Pending<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

/// Hears how far a checkpoint is.
pub trait Watch {
    /// Lets messages and other futures through. Called between experts and between layers.
    fn breathe(&self) -> Pending<'_, ()>;

    /// `done` of `total` layers are behind all tokens; the head counts as one.
    fn layer(&self, done: usize, total: usize);
}

/// Watches nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unwatched;

impl Watch for Unwatched {
    fn breathe(&self) -> Pending<'_, ()> {
        Box::pin(std::future::ready(()))
    }

    fn layer(&self, _: usize, _: usize) {}
}
