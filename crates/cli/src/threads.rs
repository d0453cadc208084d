//! Distances on native threads: pairs are cut into chunks, each thread takes the next one.

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

/// Pairs in a chunk: enough to fill the lanes of every length class, few enough to end together.
const CHUNK: usize = 4096;

/// One thread a core.
pub struct Threads {
    count: usize,
}

impl Threads {
    /// As many threads as the machine has cores.
    pub fn new() -> Self {
        Self { count: thread::available_parallelism().map_or(1, NonZero::get) }
    }

    /// How many.
    #[cfg(feature = "gpu")]
    pub fn count(&self) -> usize {
        self.count
    }

    /// The distance of each pair.
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
        let mut found = found
            .into_inner()
            .map_err(|_| Error::Distances { message: "a thread stopped in the middle of its work".into() })?;
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
