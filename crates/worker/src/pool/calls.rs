//! Calls of the pool, divided into chunks.

use std::{collections::BTreeMap, rc::Rc};

use futures::channel::oneshot;
use levenshtein::Sequences;
use report::{Error, Pairs};

/// Cells of the distance tables per chunk, about 50 ms of a worker's time.
const CELLS_PER_CHUNK: u64 = 600_000_000;

/// Consecutive pairs of a call.
#[derive(Clone, Copy)]
pub struct Chunk {
    /// Number of the call.
    pub call: u32,
    /// Index of the first pair in the call.
    pub start: usize,
    /// Index after the last pair.
    pub end: usize,
}

/// Pairs to measure, and the channel for their distances.
pub struct Call {
    /// The sequences.
    pub sequences: Rc<Sequences>,
    /// The pairs to measure.
    pub pairs: Pairs,
    distances: Vec<u32>,
    /// Number of pairs without a distance.
    missing: usize,
    done: oneshot::Sender<Result<Vec<u32>, Error>>,
    /// Whether the GPU has refused the sequences.
    pub workers_only: bool,
}

/// The pending calls.
#[derive(Default)]
pub struct Calls {
    all: BTreeMap<u32, Call>,
    next: u32,
}

impl Calls {
    /// Adds a call. Returns its number and the receiver of its distances.
    pub fn add(
        &mut self,
        sequences: Rc<Sequences>,
        pairs: Pairs,
    ) -> (u32, oneshot::Receiver<Result<Vec<u32>, Error>>) {
        let (done, receive) = oneshot::channel();
        let number = self.next;
        self.next = self.next.wrapping_add(1);
        let (distances, missing) = (vec![0; pairs.len()], pairs.len());
        self.all.insert(number, Call { sequences, pairs, distances, missing, done, workers_only: false });
        (number, receive)
    }

    /// A pending call.
    pub fn get(&self, number: u32) -> Option<&Call> {
        self.all.get(&number)
    }

    /// A pending call, mutable.
    pub fn get_mut(&mut self, number: u32) -> Option<&mut Call> {
        self.all.get_mut(&number)
    }

    /// Forgets all calls, whose receivers are dropped.
    pub fn clear(&mut self) {
        self.all.clear();
    }

    /// Stores the distances of the pairs from `start` on. The last ones complete the call.
    /// Distances of cancelled calls are ignored.
    pub fn fill(&mut self, number: u32, start: usize, measured: &js_sys::Uint32Array) {
        let Some(call) = self.all.get_mut(&number) else { return };
        let length = measured.length() as usize;
        let Some(slot) = call.distances.get_mut(start..start + length) else { return };
        measured.copy_to(slot);
        call.missing = call.missing.saturating_sub(length);
        if call.missing == 0
            && let Some(call) = self.all.remove(&number)
        {
            // The receiver may have been dropped.
            call.done.send(Ok(call.distances)).ok();
        }
    }

    /// Ends a call with an error.
    pub fn fail(&mut self, number: u32, message: String) {
        if let Some(call) = self.all.remove(&number) {
            call.done.send(Err(Error::Distances { message })).ok();
        }
    }

    /// Ends every call with an error.
    pub fn fail_all(&mut self, message: &str) {
        for (_, call) in std::mem::take(&mut self.all) {
            call.done.send(Err(Error::Distances { message: message.to_owned() })).ok();
        }
    }
}

/// Pairs whose tables have about [`CELLS_PER_CHUNK`] cells.
pub fn chunk_size(sequences: &Sequences) -> usize {
    (CELLS_PER_CHUNK / cells_per_pair(sequences)).clamp(256, 65_536) as usize
}

/// Approximate cells of the distance table of one pair. The kernels compute at least one word.
pub fn cells_per_pair(sequences: &Sequences) -> u64 {
    let (symbols, _) = sequences.as_parts();
    let mean = (symbols.len() / sequences.len().max(1)).max(64) as u64;
    mean * mean
}
