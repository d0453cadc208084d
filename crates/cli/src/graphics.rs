//! Distances on a graphics processor, where that is wanted or faster than the threads.

use std::{cell::Cell, rc::Rc, time::Instant};

use levenshtein::{
    Sequences,
    gpu::{Gpu, Set},
};
use report::{Distances, Error, Pairs, Pending};

use crate::threads::Threads;

/// Cells of the distance tables below which nothing is measured: threads have done them in a second.
const SMALL: u64 = 100_000_000_000;

/// Cells that a graphics processor is asked for at once: a dozen times as many as a few cores.
const ENOUGH: u64 = 100_000_000_000;

/// Pairs that both compute to be compared.
const COMPARED: usize = 1 << 16;

/// A graphics processor, and the threads for what is too little or too long for it.
pub struct Graphics {
    gpu: Gpu,
    threads: Threads,
    /// Whether it is used, once that is known.
    chosen: Cell<Option<bool>>,
}

impl Graphics {
    /// The graphics processor that the system offers first; without `forced` it has to be faster than the threads.
    ///
    /// # Errors
    /// There is none, or none that computes right.
    pub async fn new(forced: bool) -> Result<Self, levenshtein::Error> {
        let gpu = Gpu::new().await?;
        if forced {
            eprintln!("distances on {}", gpu.name());
        }
        Ok(Self { gpu, threads: Threads::new(), chosen: Cell::new(forced.then_some(true)) })
    }

    async fn measure(&self, sequences: &Rc<Sequences>, pairs: &Pairs) -> Result<Vec<u32>, Error> {
        let threads = || self.threads.measure(sequences, pairs);
        let (symbols, _) = sequences.as_parts();
        let mean = (symbols.len() / sequences.len().max(1)).max(64) as u64;
        let small = mean * mean * (pairs.len() as u64) < SMALL;
        if self.chosen.get() == Some(false) || (small && self.chosen.get().is_none()) {
            return threads();
        }
        // What does not fit there is no failure: the threads take anything.
        let Ok(set) = self.gpu.load(sequences) else { return threads() };
        if self.chosen.get().is_none() {
            self.choose(sequences, &set, pairs).await?;
            if self.chosen.get() == Some(false) {
                return threads();
            }
        }
        Ok(set.pairs(pairs, &mut |_, _| {}).await?)
    }

    /// Lets both compute some pairs, after as many that warm the graphics processor up.
    async fn choose(&self, sequences: &Sequences, set: &Set<'_>, pairs: &Pairs) -> Result<(), Error> {
        let some = pairs.get(..COMPARED).unwrap_or(pairs);
        set.pairs(some, &mut |_, _| {}).await?;
        let start = Instant::now();
        set.pairs(some, &mut |_, _| {}).await?;
        let graphics = start.elapsed().as_secs_f64();
        let start = Instant::now();
        self.threads.measure(sequences, some)?;
        let times = start.elapsed().as_secs_f64() / graphics;
        let (name, threads) = (self.gpu.name(), self.threads.count());
        eprintln!("distances: {name} is {times:.2} times as fast as {threads} threads");
        self.chosen.set(Some(times > 1.0));
        Ok(())
    }
}

impl Distances for Graphics {
    fn pairs(&self, sequences: Rc<Sequences>, pairs: Pairs) -> Pending<'_, Result<Vec<u32>, Error>> {
        Box::pin(async move { self.measure(&sequences, &pairs).await })
    }

    fn preferred_batch_cells(&self) -> u64 {
        if self.chosen.get() == Some(true) { ENOUGH } else { self.threads.preferred_batch_cells() }
    }
}
