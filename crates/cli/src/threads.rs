//! Distances on native threads: pairs are split into chunks, which the threads of rayon's pool share
//! with all other work.

use std::rc::Rc;

use levenshtein::{InstructionSet, Prepared, Sequences};
use rayon::{iter::ParallelIterator as _, slice::ParallelSlice as _};
use report::{Direct, Distances, Error, Pairs, Pending};

/// Pairs per chunk: enough to fill the lanes of every length class, few enough for threads to
/// finish together.
const CHUNK: usize = 4096;

/// The threads of rayon's pool: one per core, or as many as `RAYON_NUM_THREADS` says.
pub struct Threads;

impl Threads {
    /// Number of threads.
    #[cfg(feature = "gpu")]
    pub fn count() -> usize {
        rayon::current_num_threads()
    }

    /// Computes the distance of each pair.
    pub fn measure(sequences: &Sequences, pairs: &[(u32, u32)]) -> Result<Vec<u32>, Error> {
        let instructions = InstructionSet::best();
        if pairs.len() <= CHUNK {
            return Ok(levenshtein::pairs(instructions, sequences, pairs)?);
        }
        let prepared = Prepared::new(sequences);
        let found: Vec<_> =
            pairs.par_chunks(CHUNK).map(|chunk| prepared.pairs(instructions, chunk)).collect();
        let mut all = Vec::with_capacity(pairs.len());
        for distances in found {
            all.extend(distances?);
        }
        Ok(all)
    }
}

impl Distances for Threads {
    fn pairs(&self, sequences: Rc<Sequences>, pairs: Pairs) -> Pending<'_, Result<Vec<u32>, Error>> {
        Box::pin(std::future::ready(Self::measure(&sequences, &pairs)))
    }

    fn direct(&self) -> Option<Direct> {
        Some(Self::measure)
    }
}
