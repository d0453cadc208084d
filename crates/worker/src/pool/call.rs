//! What the pool was asked, cut into chunks.

use std::{collections::BTreeMap, rc::Rc};

use futures::channel::oneshot;
use levenshtein::Sequences;
use report::{Error, Pairs};

/// Cells of the distance tables in one chunk: some 50 ms of a calculator's time.
const CELLS_A_CHUNK: u64 = 600_000_000;

/// Consecutive pairs of a call.
#[derive(Clone, Copy)]
pub struct Chunk {
    pub call: u32,
    /// Range in the call's pairs.
    pub start: usize,
    pub end: usize,
}

/// Pairs to measure, and whoever waits for them.
pub struct Call {
    pub sequences: Rc<Sequences>,
    pub pairs: Pairs,
    distances: Vec<u32>,
    /// Pairs without a distance.
    left: usize,
    done: oneshot::Sender<Result<Vec<u32>, Error>>,
    /// Whether the graphics processor has refused the sequences.
    pub workers_only: bool,
}

/// The calls under way.
#[derive(Default)]
pub struct Calls {
    all: BTreeMap<u32, Call>,
    next: u32,
}

impl Calls {
    /// Takes a call: its number, and the way its distances come.
    pub fn take(
        &mut self,
        sequences: Rc<Sequences>,
        pairs: Pairs,
    ) -> (u32, oneshot::Receiver<Result<Vec<u32>, Error>>) {
        let (done, receive) = oneshot::channel();
        let number = self.next;
        self.next = self.next.wrapping_add(1);
        let (distances, left) = (vec![0; pairs.len()], pairs.len());
        self.all.insert(number, Call { sequences, pairs, distances, left, done, workers_only: false });
        (number, receive)
    }

    /// A call that is under way.
    pub fn get(&self, number: u32) -> Option<&Call> {
        self.all.get(&number)
    }

    /// The same, to be changed.
    pub fn get_mut(&mut self, number: u32) -> Option<&mut Call> {
        self.all.get_mut(&number)
    }

    /// Forgets all of them; nobody waits any more.
    pub fn clear(&mut self) {
        self.all.clear();
    }

    /// Takes the distances of the pairs from `start` on; with the last ones the call ends. A call that is gone was
    /// cancelled.
    pub fn fill(&mut self, number: u32, start: usize, found: &js_sys::Uint32Array) {
        let Some(call) = self.all.get_mut(&number) else { return };
        let length = found.length() as usize;
        let Some(slot) = call.distances.get_mut(start..start + length) else { return };
        found.copy_to(slot);
        call.left = call.left.saturating_sub(length);
        if call.left == 0
            && let Some(call) = self.all.remove(&number)
        {
            // Whoever asked may have gone.
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

/// Pairs whose tables have about [`CELLS_A_CHUNK`] cells.
pub fn chunk_size(sequences: &Sequences) -> usize {
    (CELLS_A_CHUNK / cells_a_pair(sequences)).clamp(256, 65_536) as usize
}

/// Cells of the table of one pair, about: the kernels take no fewer than a word's.
pub fn cells_a_pair(sequences: &Sequences) -> u64 {
    let (symbols, _) = sequences.as_parts();
    let mean = (symbols.len() / sequences.len().max(1)).max(64) as u64;
    mean * mean
}
