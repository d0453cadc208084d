//! Distances on native threads: pairs are split into chunks, and each thread takes the next one.

use std::{
    num::NonZero,
    rc::Rc,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use levenshtein::{InstructionSet, Prepared, Sequences};
use report::{Distances, Error, Pairs, Pending};

/// Pairs per chunk: enough to fill the lanes of every length class, few enough for threads to
/// finish together.
const CHUNK: usize = 4096;

/// One thread per core.
pub struct Threads {
    count: usize,
}

impl Threads {
    /// One thread per available core.
    pub fn new() -> Self {
        Self { count: thread::available_parallelism().map_or(1, NonZero::get) }
    }

    /// Number of threads.
    #[cfg(feature = "gpu")]
    pub fn count(&self) -> usize {
        self.count
    }

    /// Computes the distance of each pair.
    pub fn measure(&self, sequences: &Sequences, pairs: &[(u32, u32)]) -> Result<Vec<u32>, Error> {
        let prepared = Prepared::new(sequences);
        let chunks: Vec<&[(u32, u32)]> = pairs.chunks(CHUNK).collect();
        let next = AtomicUsize::new(0);
        let found = Mutex::new(Vec::with_capacity(chunks.len()));
        let instructions = InstructionSet::best();
        thread::scope(|scope| {
            for _ in 0..self.count.min(chunks.len()) {
                scope.spawn(|| {
                    while let Some((at, chunk)) = {
                        let at = next.fetch_add(1, Ordering::Relaxed);
                        chunks.get(at).map(|chunk| (at, *chunk))
                    } {
                        let distances = prepared.pairs(instructions, chunk);
                        if let Ok(mut found) = found.lock() {
                            found.push((at, distances));
                        }
                    }
                });
            }
        });
        let mut found =
            found.into_inner().map_err(|_| Error::Distances { message: "a thread panicked".into() })?;
        found.sort_by_key(|&(at, _)| at);
        let mut all = Vec::with_capacity(pairs.len());
        for (_, distances) in found {
            all.extend(distances?);
        }
        Ok(all)
    }
}

impl Distances for Threads {
    fn pairs(&self, sequences: Rc<Sequences>, pairs: Pairs) -> Pending<'_, Result<Vec<u32>, Error>> {
        Box::pin(std::future::ready(self.measure(&sequences, &pairs)))
    }
}
