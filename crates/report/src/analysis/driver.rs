//! Runs an analysis: reads and measures what is missing, checkpoint by checkpoint, and offers a
//! report after each improvement. Reading a checkpoint overlaps with measuring the previous one.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};

use futures::{
    StreamExt as _,
    channel::mpsc,
    future::try_join,
    stream::{self, TryStreamExt as _},
};

use super::{
    cache::Cache,
    compose,
    digest::read_gates,
    host::{Distances, Stage, Watch},
    job::Job,
    measure::Measurement,
    run::Run,
    selections::read_selections,
};
use crate::{error::Error, model::Report, settings::Settings};

/// Measurements in flight: while a few calculators finish one, the others start the next.
const IN_FLIGHT: usize = 3;

/// A run with at most this number of pairs takes seconds, so side figures are measured together
/// with the main figures of their checkpoint. In a larger run, the main figures of all checkpoints
/// come first.
const FEW_PAIRS: u64 = 16_000_000;

/// Analysis of one run. It caches results, so that another call after a changed setting or a new
/// checkpoint computes only what is missing.
#[derive(Debug, Default)]
pub struct Analysis {
    cache: RefCell<Cache>,
}

impl Analysis {
    /// Creates an analysis without results.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Removes the results of a file.
    pub fn forget(&self, file: usize) {
        self.cache.borrow_mut().forget(file);
    }

    /// Analyzes a run. Partial reports go to `watch` from the second checkpoint on.
    ///
    /// # Errors
    /// [`Error::Checkpoint`] with the file id if a trace cannot be read: analyze again without it,
    /// results are cached. Errors of the host.
    pub async fn analyse(
        &self,
        run: &Run,
        settings: &Settings,
        title: &str,
        distances: &dyn Distances,
        watch: &dyn Watch,
    ) -> Result<Report, Error> {
        settings.check()?;
        let job = Job::new(&self.cache, run, settings, title);
        let pairs = job.missing_pairs();
        let meter = ProgressCounter::new(watch, pairs, job.missing_bytes());
        let together = pairs <= FEW_PAIRS;

        // Reading runs ahead of measuring: the backend measures one checkpoint while the next is
        // read.
        let (sender, ready) = mpsc::unbounded();
        let reading = async {
            for checkpoint in 0..run.checkpoints.len() {
                let file = run.checkpoints[checkpoint].file;
                let read = job.read(checkpoint, &meter).await;
                read.map_err(|source| Error::Checkpoint { file, source: Box::new(source) })?;
                sender.unbounded_send(checkpoint).ok();
            }
            sender.close_channel();
            Ok::<(), Error>(())
        };
        let complete = Cell::new(0_usize);
        let measuring = ready
            .map(|checkpoint| {
                let (job, meter) = (&job, &meter);
                let measurements = if together { job.measurements.all() } else { job.measurements.main() };
                async move {
                    for measurement in measurements {
                        job.measure(measurement, checkpoint, distances, meter).await?;
                    }
                    Ok::<usize, Error>(checkpoint)
                }
            })
            .buffer_unordered(IN_FLIGHT)
            .try_for_each(|_| {
                complete.set(complete.get() + 1);
                if complete.get() >= 2 {
                    watch.partial(false, &|| compose::report(&job));
                }
                futures::future::ready(Ok(()))
            });
        try_join(reading, measuring).await?;

        let checkpoints = 0..run.checkpoints.len();
        let side = checkpoints.flat_map(|c| job.measurements.side().iter().map(move |side| (side, c)));
        stream::iter(side)
            .map(|(measurement, checkpoint)| job.measure(measurement, checkpoint, distances, &meter))
            .buffer_unordered(IN_FLIGHT)
            .try_for_each(|()| {
                watch.partial(false, &|| compose::report(&job));
                futures::future::ready(Ok(()))
            })
            .await?;
        let mut report = compose::report(&job);
        watch.partial(true, &|| report.clone());
        for index in 0..report.domains.len() {
            watch.yield_now().await;
            compose::conclude(&job, index, &mut report);
        }
        Ok(report)
    }

    /// Digest of a checkpoint, if it has been read.
    pub(super) fn digest(
        &self,
        run: &Run,
        settings: &Settings,
        checkpoint: usize,
    ) -> Option<Rc<super::digest::Digest>> {
        Job::new(&self.cache, run, settings, "").digest(checkpoint)
    }
}

impl Job<'_> {
    async fn read(&self, checkpoint: usize, meter: &ProgressCounter<'_>) -> Result<(), Error> {
        let request = self.gate_request(checkpoint);
        let at = &self.run.checkpoints[checkpoint];
        if !request.is_empty() {
            let results = read_gates(at, &request, meter.watch, |bytes| meter.read(bytes)).await?;
            let mut cache = self.cache.borrow_mut();
            if let Some(digest) = results.digest {
                cache.put_digest(at.file, self.digest_fingerprint(), digest);
            }
            for (samples, spectrum) in request.spectra.iter().zip(&results.spectra) {
                let dimension = spectrum.d_eff(self.settings.alpha);
                cache.put_spectrum(at.file, self.spectrum_fingerprint(samples), dimension);
            }
            for (samples, sum) in request.unit_sums.iter().zip(results.unit_sums) {
                cache.put_unit_sum(at.file, self.unit_sum_fingerprint(samples), sum);
            }
        }
        let fingerprint = self.selections_fingerprint(checkpoint);
        let known = self.cache.borrow().selections(at.file, fingerprint).is_some();
        if !known && let Some(others) = self.others(checkpoint) {
            let domains: Vec<Rc<[u32]>> =
                self.run.domains.iter().map(|domain| Rc::clone(&domain.samples)).collect();
            let selections = read_selections(at, others, &domains, meter.watch).await?.unwrap_or_default();
            self.cache.borrow_mut().put_selections(at.file, fingerprint, selections);
        }
        Ok(())
    }

    async fn measure(
        &self,
        measurement: &Measurement,
        checkpoint: usize,
        distances: &dyn Distances,
        meter: &ProgressCounter<'_>,
    ) -> Result<(), Error> {
        if self.known(measurement, checkpoint).is_some() {
            return Ok(());
        }
        let Some(digest) = self.digest(checkpoint) else { return Ok(()) };
        let measured = measurement.measure(&digest, distances).await?;
        self.cache.borrow_mut().put_measured(self.key(measurement, checkpoint), measured);
        meter.measured(measurement.pairs.pairs.len() as u64);
        meter.watch.yield_now().await;
        Ok(())
    }
}

/// Counts finished work and reports it.
struct ProgressCounter<'a> {
    watch: &'a dyn Watch,
    pairs: u64,
    bytes: u64,
    pairs_done: Cell<u64>,
    bytes_done: Cell<u64>,
}

impl<'a> ProgressCounter<'a> {
    fn new(watch: &'a dyn Watch, pairs: u64, bytes: u64) -> Self {
        Self { watch, pairs, bytes, pairs_done: Cell::new(0), bytes_done: Cell::new(0) }
    }

    fn read(&self, bytes: u64) {
        self.bytes_done.set((self.bytes_done.get() + bytes).min(self.bytes));
        self.watch.progress(&Stage::Gates, self.bytes_done.get(), self.bytes);
    }

    fn measured(&self, pairs: u64) {
        self.pairs_done.set((self.pairs_done.get() + pairs).min(self.pairs));
        self.watch.progress(&Stage::Distances, self.pairs_done.get(), self.pairs);
    }
}
