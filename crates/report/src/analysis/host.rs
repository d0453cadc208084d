//! What an analysis needs from its host: distances, and a watcher for progress and cancellation.

use std::{future::Future, pin::Pin, rc::Rc, sync::Arc};

use levenshtein::Sequences;

use crate::{error::Error, model::Report};

/// A future of the analysis: local to its thread, and dropped to cancel.
pub type Pending<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

/// Pairs of sequences, by index.
pub type Pairs = Arc<[(u32, u32)]>;

/// Computes the distance of each pair on the threads of this process, in the order of the pairs.
pub type Direct = fn(&Sequences, &[(u32, u32)]) -> Result<Vec<u32>, Error>;

/// Default batch size in cells of the distance tables: a few tenths of a second on a few cores.
pub const CELLS_AT_ONCE: u64 = 8_000_000_000;

/// Backend for edit distances: native threads, a pool of browser workers, or a GPU.
pub trait Distances {
    /// The edit distance of each pair, in the order of `pairs`.
    ///
    /// # Errors
    /// The backend failed; the message says what to do.
    fn pairs(&self, sequences: Rc<Sequences>, pairs: Pairs) -> Pending<'_, Result<Vec<u32>, Error>>;

    /// The backend as a function, if it computes on the threads of this process. Measurements are then
    /// made at the same time, while the next checkpoint is read.
    fn direct(&self) -> Option<Direct> {
        None
    }

    /// Preferred batch size in cells of the distance tables. Callers ask before each batch, since
    /// the backend may raise it after measuring its speed.
    fn preferred_batch_cells(&self) -> u64 {
        CELLS_AT_ONCE
    }
}

/// Observes an analysis: receives progress and partial reports, and yields to the event loop.
pub trait Watch {
    /// Yields to other tasks. Called at least every few milliseconds of computing.
    fn yield_now(&self) -> Pending<'_, ()>;

    /// Reports that `done` of `total` units of the stage are finished.
    fn progress(&self, stage: &Stage, done: u64, total: u64);

    /// Offers the report so far; later ones cover more checkpoints and figures. Once `measured` is
    /// true, only delays and correlations are missing.
    ///
    /// `report` composes it on demand, so watchers that skip it cost nothing.
    fn partial(&self, measured: bool, report: &dyn Fn() -> Report);
}

/// Stage of an analysis.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Reading gates, counted in bytes of all checkpoints.
    Gates,
    /// Measuring distances, counted in pairs of all checkpoints.
    Distances,
}

/// Watcher that ignores everything, for tests and programs that only need the result.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoProgress;

impl Watch for NoProgress {
    fn yield_now(&self) -> Pending<'_, ()> {
        Box::pin(std::future::ready(()))
    }

    fn progress(&self, _: &Stage, _: u64, _: u64) {}

    fn partial(&self, _: bool, _: &dyn Fn() -> Report) {}
}

/// Computes distances on the calling thread.
#[derive(Clone, Copy, Debug, Default)]
pub struct InlineDistances;

impl Distances for InlineDistances {
    fn pairs(&self, sequences: Rc<Sequences>, pairs: Pairs) -> Pending<'_, Result<Vec<u32>, Error>> {
        Box::pin(async move {
            levenshtein::pairs(levenshtein::InstructionSet::best(), &sequences, &pairs).map_err(Error::from)
        })
    }
}
