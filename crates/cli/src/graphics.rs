//! Distances on a GPU, if requested or faster than the CPU threads.

use std::{cell::Cell, rc::Rc, time::Instant};

use levenshtein::{
    Sequences,
    gpu::{Gpu, Set},
};
use report::{Distances, Error, Pairs, Pending};

use crate::threads::Threads;

/// Number of cells below which speeds are not compared: threads need at most a second.
const SMALL: u64 = 100_000_000_000;

/// Preferred batch size of a GPU in cells, about twelve times that of a few cores.
const ENOUGH: u64 = 100_000_000_000;

/// Number of pairs that both backends compute for the comparison.
const COMPARED: usize = 1 << 16;

/// A GPU, and threads for small batches and long sequences.
pub struct Graphics {
    gpu: Gpu,
    /// Whether the GPU is used, once decided.
    chosen: Cell<Option<bool>>,
}

impl Graphics {
    /// Opens the default GPU of the system; without `forced` it is used only if it is faster than
    /// the threads.
    ///
    /// # Errors
    /// There is no GPU, or it fails its self-test.
    pub async fn new(forced: bool) -> Result<Self, levenshtein::Error> {
        let gpu = Gpu::new().await?;
        if forced {
            eprintln!("distances on {}", gpu.name());
        }
        Ok(Self { gpu, chosen: Cell::new(forced.then_some(true)) })
    }

    async fn measure(&self, sequences: &Rc<Sequences>, pairs: &Pairs) -> Result<Vec<u32>, Error> {
        let threads = || Threads::measure(sequences, pairs);
        let (symbols, _) = sequences.as_parts();
        let mean = (symbols.len() / sequences.len().max(1)).max(64) as u64;
        let small = mean * mean * (pairs.len() as u64) < SMALL;
        if self.chosen.get() == Some(false) || (small && self.chosen.get().is_none()) {
            return threads();
        }
        // Data that does not fit on the GPU is computed by the threads.
        let Ok(set) = self.gpu.load(sequences) else { return threads() };
        if self.chosen.get().is_none() {
            self.choose(sequences, &set, pairs).await?;
            if self.chosen.get() == Some(false) {
                return threads();
            }
        }
        Ok(set.pairs(pairs, &mut |_, _| {}).await?)
    }

    /// Compares both backends on some pairs, after a warm-up of the GPU.
    async fn choose(&self, sequences: &Sequences, set: &Set<'_>, pairs: &Pairs) -> Result<(), Error> {
        let some = pairs.get(..COMPARED).unwrap_or(pairs);
        set.pairs(some, &mut |_, _| {}).await?;
        let start = Instant::now();
        set.pairs(some, &mut |_, _| {}).await?;
        let graphics = start.elapsed().as_secs_f64();
        let start = Instant::now();
        Threads::measure(sequences, some)?;
        let times = start.elapsed().as_secs_f64() / graphics;
        let (name, threads) = (self.gpu.name(), Threads::count());
        eprintln!("distances: {name} has {times:.2} times the speed of {threads} threads");
        self.chosen.set(Some(times > 1.0));
        Ok(())
    }
}

impl Distances for Graphics {
    fn pairs(&self, sequences: Rc<Sequences>, pairs: Pairs) -> Pending<'_, Result<Vec<u32>, Error>> {
        Box::pin(async move { self.measure(&sequences, &pairs).await })
    }

    fn preferred_batch_cells(&self) -> u64 {
        if self.chosen.get() == Some(true) { ENOUGH } else { Threads.preferred_batch_cells() }
    }
}
