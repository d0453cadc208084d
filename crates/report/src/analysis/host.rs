//! What an analysis asks of the place it runs in. Everything else it does by itself, the same way everywhere.

use std::{future::Future, pin::Pin, rc::Rc};

use levenshtein::Sequences;

use crate::{error::Error, model::Report};

/// A future of the analysis: local to its thread, and dropped to cancel.
pub type Pending<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

/// Pairs of sequences, by index.
pub type Pairs = Rc<[(u32, u32)]>;

/// Cells of the distance tables that are some tenths of a second's work of a few cores.
pub const CELLS_AT_ONCE: u64 = 8_000_000_000;

/// Computes edit distances: on native threads, in a pool of browser workers, on a GPU. The analysis never knows
/// where.
pub trait Distances {
    /// The edit distance of each pair, in the order of `pairs`.
    ///
    /// # Errors
    /// When the place that computes has failed; the message says what to do.
    fn pairs(&self, sequences: Rc<Sequences>, pairs: Pairs) -> Pending<'_, Result<Vec<u32>, Error>>;

    /// Cells of the distance tables that are best asked for at once where there is a choice. Asked again and again, since
    /// it may turn out that the place is faster than it seemed.
    fn mouthful(&self) -> u64 {
        CELLS_AT_ONCE
    }
}

/// Watches an analysis: hears how far it is, sees reports as they sharpen, and lets others run in between.
pub trait Watch {
    /// Lets messages and other futures through. Called at least every few milliseconds of computing.
    fn breathe(&self) -> Pending<'_, ()>;

    /// `done` of `total` units of the stage are done.
    fn progress(&self, stage: &Stage, done: u64, total: u64);

    /// The report so far; later ones have more checkpoints and more figures. Once all is `measured`, only delays and
    /// correlations are missing.
    ///
    /// `report` writes it, so that one who does not want it does not pay for it.
    fn partial(&self, measured: bool, report: &dyn Fn() -> Report);
}

/// What an analysis is at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Reading gates, counted in bytes of all checkpoints.
    Gates,
    /// Measuring distances, counted in pairs of all checkpoints.
    Distances,
}

/// Watches nothing: for tests and for programs that only want the end.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unwatched;

impl Watch for Unwatched {
    fn breathe(&self) -> Pending<'_, ()> {
        Box::pin(std::future::ready(()))
    }

    fn progress(&self, _: &Stage, _: u64, _: u64) {}

    fn partial(&self, _: bool, _: &dyn Fn() -> Report) {}
}

/// Computes distances right here, on the calling thread.
#[derive(Clone, Copy, Debug, Default)]
pub struct Here;

impl Distances for Here {
    fn pairs(&self, sequences: Rc<Sequences>, pairs: Pairs) -> Pending<'_, Result<Vec<u32>, Error>> {
        Box::pin(async move {
            levenshtein::pairs(levenshtein::Engine::best(), &sequences, &pairs).map_err(Error::from)
        })
    }
}
