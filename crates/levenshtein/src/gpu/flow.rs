//! Submissions under way: a few wait their turn, so that the GPU need not wait for what it is given next.

use std::collections::VecDeque;

use super::device::{Gpu, Reading};
use super::pace::{DEPTH, Stopwatch};
use crate::error::Error;

/// What was submitted and has not been read, the oldest first.
pub(super) struct Flow<'g, T> {
    gpu: &'g Gpu,
    waiting: VecDeque<Waiting<T>>,
    /// Since when the GPU has been computing the oldest, if nobody was late to hear of the one before.
    since: Stopwatch,
}

/// One submission.
struct Waiting<T> {
    /// What its reader needs to know.
    job: T,
    cells: u64,
    reading: Reading,
    submitted: Stopwatch,
}

impl<'g, T> Flow<'g, T> {
    pub(super) fn new(gpu: &'g Gpu) -> Self {
        Self { gpu, waiting: VecDeque::with_capacity(DEPTH), since: Stopwatch::start() }
    }

    /// Submits commands that compute so many cells, and of which `words` of `from` are wanted. Gives the oldest
    /// answer if there are enough under way.
    pub(super) async fn submit(
        &mut self,
        job: T,
        cells: u64,
        commands: wgpu::CommandEncoder,
        from: &wgpu::Buffer,
        words: u64,
    ) -> Result<Option<(T, Vec<u32>)>, Error> {
        if self.waiting.is_empty() {
            self.since = Stopwatch::start();
        }
        let submitted = Stopwatch::start();
        let reading = self.gpu.submit(commands, from, words);
        self.waiting.push_back(Waiting { job, cells, reading, submitted });
        if self.waiting.len() < DEPTH { Ok(None) } else { self.next().await }
    }

    /// The oldest answer, if any is to come.
    pub(super) async fn next(&mut self) -> Result<Option<(T, Vec<u32>)>, Error> {
        let Some(Waiting { job, cells, reading, submitted }) = self.waiting.pop_front() else {
            return Ok(None);
        };
        let words = self.gpu.finish(reading).await?;
        // Whoever was late finds several done at once: they did not take no time at all.
        let its_share = submitted.milliseconds() / DEPTH as f64;
        self.gpu.pace.learn(cells, self.since.milliseconds().max(its_share));
        self.since = Stopwatch::start();
        Ok(Some((job, words)))
    }
}
