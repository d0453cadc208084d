//! Runs an analysis: reads and measures what is missing, checkpoint by checkpoint, and offers a
//! report after each improvement. Reading a checkpoint overlaps with measuring the previous one.

use std::{
    cell::{Cell, RefCell},
    collections::{BTreeSet, VecDeque},
    sync::Arc,
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
    digest::Digest,
    host::{Distances, Stage, Watch},
    job::Job,
    measure::{Measured, Measurement},
    pass::{Pass, read_gates},
    run::{Part, Run, assemble_without},
    selections::read_selections,
};
use crate::{error::Error, model::Report, settings::Settings, work};

/// Measurements in flight: while a few calculators finish one, the others start the next.
const IN_FLIGHT: usize = 3;

/// A run with at most this number of pairs takes seconds, so side figures are measured together
/// with the main figures of their checkpoint. In a larger run, the main figures of all checkpoints
/// come first.
const FEW_PAIRS: u64 = 16_000_000;

/// Memory of the measurements that are made at the same time.
const BYTES_AT_ONCE: usize = 256 << 20;

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

    /// Assembles files to a run, without the samples whose gates turned out to be unusable. Once
    /// [`Analysis::analyse`] returned [`Error::BadSamples`], this gives the run to analyze instead.
    ///
    /// # Errors
    /// Those of [`assemble`](crate::assemble).
    pub fn assemble(&self, parts: &[Part]) -> Result<Run, Error> {
        assemble_without(parts, self.cache.borrow().bad_samples())
    }

    /// Removes the results of a file.
    pub fn forget(&self, file: usize) {
        self.cache.borrow_mut().forget(file);
    }

    /// Analyzes a run. Partial reports go to `watch` from the second checkpoint on.
    ///
    /// # Errors
    /// [`Error::Checkpoint`] with the file id if a trace cannot be read: analyze again without it,
    /// results are cached. [`Error::BadSamples`] if samples cannot be used: analyze what
    /// [`Analysis::assemble`] gives. [`Error::Setting`] or [`Error::UnknownDomain`] for settings that
    /// do not fit the run. Errors of the host.
    pub async fn analyse(
        &self,
        run: &Run,
        settings: &Settings,
        title: &str,
        distances: &dyn Distances,
        watch: &dyn Watch,
    ) -> Result<Report, Error> {
        settings.check()?;
        run.check_domains(settings)?;
        let job = Job::new(&self.cache, run, settings, title);
        let pairs = job.missing_pairs();
        let meter = ProgressCounter::new(watch, pairs, job.missing_bytes());
        let together = pairs <= FEW_PAIRS;

        // Reading runs ahead of measuring: the backend measures one checkpoint while the next is
        // read.
        let (sender, ready) = mpsc::unbounded();
        let reading = async {
            let mut bad = 0;
            for checkpoint in 0..run.checkpoints.len() {
                let file = run.checkpoints[checkpoint].file;
                let read = job.read(checkpoint, &meter).await;
                bad += read.map_err(|source| Error::Checkpoint { file, source: Box::new(source) })?;
                // After a bad sample the run will be another one; the other checkpoints are only
                // read for further ones.
                if bad == 0 {
                    sender.unbounded_send(checkpoint).ok();
                }
            }
            sender.close_channel();
            if bad == 0 { Ok(()) } else { Err(Error::BadSamples { samples: bad }) }
        };
        let complete = Cell::new(0_usize);
        let measuring = ready
            .map(|checkpoint| {
                let (job, meter) = (&job, &meter);
                let measurements = if together { job.measurements.all() } else { job.measurements.main() };
                async move {
                    let measurements = measurements.iter().map(|one| (one.clone(), checkpoint));
                    job.measure(measurements.collect(), distances, meter).await?;
                    if together {
                        job.measure_looks(checkpoint, distances, meter).await?;
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
        // A backend of this process measures many at the same time; of others, each has its own report.
        let at_once = if distances.direct().is_some() { job.measurements.side().len().max(1) } else { 1 };
        let side: Vec<(&Measurement, usize)> = side.collect();
        stream::iter(side.chunks(at_once))
            .map(|side| side.iter().map(|&(one, checkpoint)| (one.clone(), checkpoint)).collect())
            .map(|side| job.measure(side, distances, &meter))
            .buffer_unordered(IN_FLIGHT)
            .try_for_each(|()| {
                watch.partial(false, &|| compose::report(&job));
                futures::future::ready(Ok(()))
            })
            .await?;
        for checkpoint in 0..run.checkpoints.len() {
            job.measure_looks(checkpoint, distances, &meter).await?;
        }
        let mut report = compose::report(&job);
        watch.partial(true, &|| report.clone());
        for index in 0..report.domains.len() {
            watch.yield_now().await;
            compose::conclude(&job, index, &mut report);
        }
        compose::conclude_run(&mut report);
        Ok(report)
    }

    /// Digest of a checkpoint, if it has been read.
    pub(super) fn digest(&self, run: &Run, settings: &Settings, checkpoint: usize) -> Option<Arc<Digest>> {
        self.job(run, settings).digest(checkpoint)
    }

    /// A job that only looks up results.
    pub(super) fn job<'a>(&'a self, run: &'a Run, settings: &'a Settings) -> Job<'a> {
        Job::new(&self.cache, run, settings, "")
    }
}

impl Job<'_> {
    /// Reads a checkpoint; returns the number of its samples that cannot be used.
    async fn read(&self, checkpoint: usize, meter: &ProgressCounter<'_>) -> Result<usize, Error> {
        let request = self.gate_request(checkpoint);
        let at = &self.run.checkpoints[checkpoint];
        if !request.is_empty() {
            let results = match read_gates(at, &request, meter.watch, |bytes| meter.read(bytes)).await? {
                Pass::Complete(results) => *results,
                Pass::Bad(bad) => {
                    let count = bad.len();
                    self.cache.borrow_mut().put_bad_samples(at.file, at.step, bad);
                    return Ok(count);
                }
            };
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
            for (request, cosines) in request.cosines.iter().zip(results.cosines) {
                cache.put_cosines(at.file, self.cosine_fingerprint(request), cosines);
            }
        }
        let fingerprint = self.selections_fingerprint(checkpoint);
        let known = self.cache.borrow().selections(at.file, fingerprint).is_some();
        if !known && let Some(others) = self.others(checkpoint) {
            let domains: Vec<Arc<[u32]>> =
                self.run.domains.iter().map(|domain| Arc::clone(&domain.samples)).collect();
            let selections = read_selections(at, others, &domains, meter.watch).await?.unwrap_or_default();
            self.cache.borrow_mut().put_selections(at.file, fingerprint, selections);
        }
        Ok(0)
    }

    /// Measures what the tests of a checkpoint compare: there and at their references.
    async fn measure_looks(
        &self,
        checkpoint: usize,
        distances: &dyn Distances,
        meter: &ProgressCounter<'_>,
    ) -> Result<(), Error> {
        self.measure(self.missing_looks(checkpoint), distances, meter).await
    }

    /// Makes measurements, each at a checkpoint, unless they are in the cache.
    async fn measure(
        &self,
        measurements: Vec<(Measurement, usize)>,
        distances: &dyn Distances,
        meter: &ProgressCounter<'_>,
    ) -> Result<(), Error> {
        let Some(direct) = distances.direct() else {
            for (measurement, checkpoint) in measurements {
                if self.known(&measurement, checkpoint).is_some() {
                    continue;
                }
                let Some(digest) = self.digest(checkpoint) else { continue };
                let measured = measurement.measure(&digest, distances).await?;
                self.put(&measurement, checkpoint, measured, meter);
                meter.watch.yield_now().await;
            }
            return Ok(());
        };
        let mut listed = BTreeSet::new();
        let missing = measurements.into_iter().filter(|(measurement, checkpoint)| {
            self.known(measurement, *checkpoint).is_none()
                && listed.insert(self.key(measurement, *checkpoint))
        });
        let missing = missing.filter_map(|(measurement, at)| Some((measurement, at, self.digest(at)?)));
        let mut missing: VecDeque<_> = missing.collect();
        while !missing.is_empty() {
            let batch = self.batch(&mut missing);
            let found = work::run(move || {
                work::map(batch, |(measurement, checkpoint, digest)| {
                    let measured = measurement.measure_directly(&digest, direct)?;
                    Ok::<_, Error>((measurement, checkpoint, measured))
                })
            })
            .await?;
            for found in found {
                let (measurement, checkpoint, measured) = found?;
                self.put(&measurement, checkpoint, measured, meter);
            }
            meter.watch.yield_now().await;
        }
        Ok(())
    }

    /// Takes the next measurements that may be in memory together, at least one.
    fn batch(&self, missing: &mut VecDeque<Task>) -> Vec<Task> {
        let (mut batch, mut bytes) = (Vec::new(), 0);
        while let Some((measurement, ..)) = missing.front() {
            bytes += measurement.bytes(self.run.layers * self.run.experts);
            if !batch.is_empty() && bytes > BYTES_AT_ONCE {
                break;
            }
            batch.extend(missing.pop_front());
        }
        batch
    }

    fn put(
        &self,
        measurement: &Measurement,
        checkpoint: usize,
        measured: Measured,
        meter: &ProgressCounter<'_>,
    ) {
        self.cache.borrow_mut().put_measured(self.key(measurement, checkpoint), measured);
        meter.measured(measurement.pairs.pairs.len() as u64);
    }
}

/// A measurement at a checkpoint.
type Task = (Measurement, usize, Arc<Digest>);

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
