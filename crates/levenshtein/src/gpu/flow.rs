//! Queue of submissions: a few are in flight, so that the GPU never waits for the next.

use std::collections::VecDeque;

use super::device::{Gpu, Reading};
use super::pace::{DEPTH, Stopwatch};
use crate::error::Error;

/// Submissions whose results have not been read, oldest first.
pub(super) struct Flow<'g, T> {
    gpu: &'g Gpu,
    waiting: VecDeque<Waiting<T>>,
    /// Start of the oldest submission, unless the result before it was read late.
    since: Stopwatch,
}

/// One submission.
struct Waiting<T> {
    /// Data for reading the result.
    context: T,
    cells: u64,
    reading: Reading,
    submitted: Stopwatch,
}

impl<'g, T> Flow<'g, T> {
    pub(super) fn new(gpu: &'g Gpu) -> Self {
        Self { gpu, waiting: VecDeque::with_capacity(DEPTH), since: Stopwatch::start() }
    }

    /// Submits commands that compute `cells` cells; `words` of `from` are read back. Returns the
    /// oldest result if enough are in flight.
    pub(super) async fn submit(
        &mut self,
        context: T,
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
        self.waiting.push_back(Waiting { context, cells, reading, submitted });
        if self.waiting.len() < DEPTH { Ok(None) } else { self.next().await }
    }

    /// Waits for the oldest result, if there is one.
    pub(super) async fn next(&mut self) -> Result<Option<(T, Vec<u32>)>, Error> {
        let Some(Waiting { context, cells, reading, submitted }) = self.waiting.pop_front() else {
            return Ok(None);
        };
        let words = self.gpu.finish(reading).await?;
        // If results are read late, several are done at once; each still took its share of the
        // time.
        let its_share = submitted.milliseconds() / DEPTH as f64;
        self.gpu.pace.learn(cells, self.since.milliseconds().max(its_share));
        self.since = Stopwatch::start();
        Ok(Some((context, words)))
    }
}
