//! Digest of one checkpoint's gates, which are read once in ranges of samples and not kept. The
//! digest has a ranking (the pathways at every threshold), a few scalars per sample, and sums per
//! group.

use std::{collections::BTreeSet, rc::Rc};

use pathway::{
    Coactivation, LoadCounts, Ranking, RouterGram, SampleConsistency, SaturationSum, Spectrum, UnitSum,
};
use trace::{BadSample, GateKind, OpenTrace, TopK, most_are_bad};

use super::{
    cosines::{CosineRequest, CosineSums},
    host::Watch,
    run::RunCheckpoint,
};
use crate::error::Error;

/// Size of a range of samples, in bytes of their gates as f32.
const CHUNK_BYTES: usize = 8 << 20;

/// Samples between two yields: a few milliseconds of computing at 16 layers of 64 experts.
const SAMPLES_PER_YIELD: usize = 32;

/// Most samples whose selections are in memory.
const SAMPLES_PER_READ: usize = 256;

/// Results of one checkpoint that do not depend on groups.
#[derive(Debug)]
pub struct Digest {
    /// Pathways at every threshold, in the order of the run's samples.
    pub ranking: Ranking,
    /// Consistency of each sample; `None` without router matrices.
    consistency: Option<Vec<SampleConsistency>>,
    /// Entropy of the mean gates, `[S,L]`, nats.
    entropy: Vec<f64>,
}

impl Digest {
    /// Consistency of a group; `None` without router matrices.
    pub fn consistency(&self, samples: &[u32]) -> Option<pathway::ConsistencySummary> {
        let all = self.consistency.as_ref()?;
        Some(pathway::summarise_consistency(samples.iter().map(|&sample| &all[sample as usize])))
    }

    /// Mean entropy of a group, `[L]`, nats.
    pub fn entropy(&self, samples: &[u32]) -> Vec<Option<f64>> {
        let layers = self.ranking.layers();
        let mut sums = vec![0.0; layers];
        for &sample in samples {
            for (sum, entropy) in sums.iter_mut().zip(&self.entropy[sample as usize * layers..]) {
                *sum += entropy;
            }
        }
        sums.into_iter().map(|sum| (!samples.is_empty()).then(|| sum / samples.len() as f64)).collect()
    }
}

/// Sums over the tokens of one domain, from expert selections.
#[derive(Debug)]
pub struct Selections {
    /// Selection counts of each expert.
    pub load: LoadCounts,
    /// Agreement with the last checkpoint.
    pub saturation: Option<SaturationSum>,
    /// Co-activation; only at the last checkpoint.
    pub coactivation: Option<Coactivation>,
}

/// Results requested from one pass over a checkpoint's gates.
#[derive(Debug, Default)]
pub struct GateRequest {
    /// Digest with pathways at these thresholds.
    pub digest: Option<Vec<f64>>,
    /// Second moments of the gates of these groups (ascending samples of the run).
    pub spectra: Vec<Rc<[u32]>>,
    /// Sums of the unit vectors of the flattened gates of these groups
    /// (docs/metrics.md#pairing-and-delay).
    pub unit_sums: Vec<Rc<[u32]>>,
    /// Cosines of samples with groups of items.
    pub cosines: Vec<CosineRequest>,
}

impl GateRequest {
    /// Whether nothing is requested.
    pub fn is_empty(&self) -> bool {
        self.digest.is_none()
            && self.spectra.is_empty()
            && self.unit_sums.is_empty()
            && self.cosines.is_empty()
    }
}

/// Results of one pass, in the order of the request.
#[derive(Debug)]
pub struct GateResults {
    /// Digest.
    pub digest: Option<Digest>,
    /// Second moments.
    pub spectra: Vec<Spectrum>,
    /// Sums of unit vectors.
    pub unit_sums: Vec<UnitSum>,
    /// Cosines, `[samples][groups]`.
    pub cosines: Vec<Vec<f64>>,
}

/// What a pass over a checkpoint's gates came to.
#[derive(Debug)]
pub enum Pass {
    /// Everything requested.
    Complete(Box<GateResults>),
    /// Samples of the run that cannot be used, so that the run is another one.
    Bad(Vec<BadSample>),
}

/// Reads a checkpoint's gates once and accumulates everything requested. `read` is called with the
/// bytes read.
///
/// # Errors
/// [`trace::Error::BadSamples`] if more than half of the file's samples cannot be used.
pub async fn read_gates(
    checkpoint: &RunCheckpoint,
    request: &GateRequest,
    watch: &dyn Watch,
    mut read: impl FnMut(u64),
) -> Result<Pass, Error> {
    let trace = &*checkpoint.trace;
    let (layers, experts) = (trace.info.layers, trace.info.experts);
    let width = layers * experts;
    let frequency = trace.info.gate_kind == GateKind::SelectionFrequency;
    // Consistency needs routing weights, which ids do not have.
    let router = if request.digest.is_some() && !frequency { trace.router().await? } else { None };
    let gram = router.map(router_gram).transpose()?;
    let mut fold = GateAccumulator::new(checkpoint, request, gram)?;
    let rows = trace.info.samples.len();
    let chunk = (CHUNK_BYTES / (4 * width.max(1))).clamp(1, rows.max(1));
    let mut bad: Vec<BadSample> = Vec::new();
    let bytes_a_row = trace.info.bytes / (rows.max(1) as u64);
    for start in (0..rows).step_by(chunk) {
        let end = (start + chunk).min(rows);
        let (gates, found) = trace.gates_and_bad_samples(start..end).await?;
        let unusable: BTreeSet<usize> = found.iter().map(|bad| bad.row).collect();
        bad.extend(found);
        let counts = if frequency { trace.counts(start..end).await? } else { None };
        for (i, row) in gates.chunks_exact(width).enumerate() {
            if !unusable.contains(&(start + i)) {
                fold.push(start + i, row, counts.as_ref().map(|counts| counts.of(i)))?;
            }
            if (i + 1) % SAMPLES_PER_YIELD == 0 {
                watch.yield_now().await;
            }
        }
        read(bytes_a_row * (end - start) as u64);
        watch.yield_now().await;
    }
    if let Some(error) = most_are_bad(&bad, rows) {
        return Err(error.into());
    }
    bad.retain(|bad| fold.is_of_run(bad.row));
    Ok(if bad.is_empty() { Pass::Complete(Box::new(fold.finish())) } else { Pass::Bad(bad) })
}

/// Gram blocks of a trace's router, computed or stored.
fn router_gram(router: trace::Router) -> Result<RouterGram, Error> {
    Ok(match router {
        trace::Router::Weights { layers, experts, width, values } => {
            RouterGram::from_weights(layers, experts, width, &values)?
        }
        trace::Router::Gram { layers, experts, values } => RouterGram::from_blocks(layers, experts, &values)?,
    })
}

/// Accumulators of one pass. Rows are in the order of the trace; rows that are not samples of the
/// run are skipped.
struct GateAccumulator {
    /// Sample of the run for each row of the trace.
    sample_of: Vec<Option<u32>>,
    digest: Option<DigestAccumulator>,
    spectra: Vec<(Membership, Spectrum)>,
    unit_sums: Vec<(Membership, UnitSum)>,
    cosines: Vec<CosineSums>,
}

struct DigestAccumulator {
    ranking: Ranking,
    /// Whether the gates are selection frequencies.
    frequency: bool,
    gram: Option<RouterGram>,
    /// Position at which each sample of the run was read.
    places: Vec<usize>,
    consistency: Vec<SampleConsistency>,
    entropy: Vec<f64>,
}

/// Membership of samples in a group.
struct Membership(Vec<bool>);

impl Membership {
    fn new(members: &[u32], samples: usize) -> Self {
        let mut is_member = vec![false; samples];
        for &member in members {
            is_member[member as usize] = true;
        }
        Self(is_member)
    }

    fn has(&self, sample: u32) -> bool {
        self.0[sample as usize]
    }
}

impl GateAccumulator {
    fn new(
        checkpoint: &RunCheckpoint,
        request: &GateRequest,
        gram: Option<RouterGram>,
    ) -> Result<Self, Error> {
        let info = &checkpoint.trace.info;
        let (layers, experts) = (info.layers, info.experts);
        let samples = checkpoint.row_of.len();
        let mut sample_of = vec![None; info.samples.len()];
        for (sample, &row) in checkpoint.row_of.iter().enumerate() {
            if let Some(slot) = sample_of.get_mut(row as usize) {
                *slot = Some(sample as u32);
            }
        }
        let digest = match &request.digest {
            None => None,
            Some(taus) => Some(DigestAccumulator {
                ranking: Ranking::new(layers, experts, taus)?,
                frequency: info.gate_kind == GateKind::SelectionFrequency,
                gram,
                places: vec![0; samples],
                consistency: Vec::new(),
                entropy: Vec::with_capacity(samples * layers),
            }),
        };
        let spectra = request.spectra.iter().map(|members| {
            Ok::<_, Error>((Membership::new(members, samples), Spectrum::new(layers, experts)?))
        });
        let spectra = spectra.collect::<Result<_, _>>()?;
        let unit_sums = request.unit_sums.iter();
        let unit_sums = unit_sums
            .map(|members| (Membership::new(members, samples), UnitSum::new(layers * experts)))
            .collect();
        let cosines = request.cosines.iter().map(|request| CosineSums::new(request, samples)).collect();
        Ok(Self { sample_of, digest, spectra, unit_sums, cosines })
    }

    /// The sample of the run in a row of the trace.
    fn sample(&self, row: usize) -> Option<u32> {
        self.sample_of.get(row).copied().flatten()
    }

    /// Whether a row of the trace is a sample of the run.
    fn is_of_run(&self, row: usize) -> bool {
        self.sample(row).is_some()
    }

    fn push(
        &mut self,
        row: usize,
        gates: &[f32],
        counts: Option<trace::SampleCounts<'_>>,
    ) -> Result<(), Error> {
        let Some(sample) = self.sample(row) else { return Ok(()) };
        if let Some(digest) = &mut self.digest {
            digest.push(sample, gates, counts)?;
        }
        for (members, spectrum) in &mut self.spectra {
            if members.has(sample) {
                spectrum.push_sample(gates)?;
            }
        }
        for (members, sum) in &mut self.unit_sums {
            if members.has(sample) {
                sum.push(gates)?;
            }
        }
        for cosines in &mut self.cosines {
            cosines.push(sample, gates);
        }
        Ok(())
    }

    fn finish(self) -> GateResults {
        let Self { digest, spectra, unit_sums, cosines, .. } = self;
        GateResults {
            digest: digest.map(DigestAccumulator::finish),
            spectra: spectra.into_iter().map(|(_, spectrum)| spectrum).collect(),
            unit_sums: unit_sums.into_iter().map(|(_, sum)| sum).collect(),
            cosines: cosines.into_iter().map(CosineSums::finish).collect(),
        }
    }
}

impl DigestAccumulator {
    fn push(
        &mut self,
        sample: u32,
        gates: &[f32],
        counts: Option<trace::SampleCounts<'_>>,
    ) -> Result<(), Error> {
        self.places[sample as usize] = self.ranking.samples();
        match counts {
            Some(counts) => self.ranking.push_counts(counts.values, counts.k, counts.tokens)?,
            None if self.frequency => self.ranking.push_frequencies(gates)?,
            None => self.ranking.push_sample(gates)?,
        }
        if let Some(gram) = &self.gram {
            let found = pathway::sample_consistency(gates, gram)?;
            // Cosines are not used in figures of groups, and would be most of a digest.
            self.consistency.push(SampleConsistency { cosines: Vec::new(), ..found });
        }
        pathway::entropy_by_layer(gates, self.ranking.experts(), &mut self.entropy);
        Ok(())
    }

    /// Reorders the results from the order of the trace to that of the run.
    fn finish(self) -> Digest {
        let Self { ranking, gram, places, consistency, entropy, .. } = self;
        let consistency = gram.map(|_| consistency);
        if places.iter().enumerate().all(|(sample, &place)| sample == place)
            && places.len() == ranking.samples()
        {
            return Digest { ranking, consistency, entropy };
        }
        let layers = ranking.layers();
        Digest {
            ranking: ranking.reordered(&places),
            consistency: consistency.map(|all| places.iter().map(|&place| all[place].clone()).collect()),
            entropy: places.iter().flat_map(|&place| &entropy[place * layers..][..layers]).copied().collect(),
        }
    }
}

/// Reads the selections of a checkpoint and of the last one, and sums them per domain. `None` if
/// the trace has none.
pub async fn read_selections(
    checkpoint: &RunCheckpoint,
    last: &RunCheckpoint,
    domains: &[Rc<[u32]>],
    watch: &dyn Watch,
) -> Result<Option<Vec<Selections>>, Error> {
    let trace: &OpenTrace = &checkpoint.trace;
    if !trace.info.has_topk {
        return Ok(None);
    }
    let is_last = checkpoint.file == last.file;
    let compare = last.trace.info.has_topk && last.trace.info.top_k == trace.info.top_k;
    let (layers, experts) = (trace.info.layers, trace.info.experts);
    let ordered = trace.info.topk_ordered && last.trace.info.topk_ordered;
    let mut sums = Vec::new();
    for members in domains {
        let mut load = LoadCounts::new(layers, experts)?;
        let mut saturation: Option<SaturationSum> = None;
        let mut coactivation = if is_last { Some(Coactivation::new(layers, experts)?) } else { None };
        for rows in runs_of_rows(members, checkpoint, last) {
            let Some(here) = trace.topk(rows.here.clone()).await? else { return Ok(None) };
            load.push(&here.ids, here.k)?;
            if let Some(coactivation) = &mut coactivation {
                coactivation.push(&here.ids, here.k)?;
            }
            if compare && let Some(there) = last.trace.topk(rows.last.clone()).await? {
                let sum = saturation.get_or_insert_with(|| SaturationSum::new(layers, here.k, ordered));
                push_same_tokens(sum, &here, &there)?;
            }
            watch.yield_now().await;
        }
        sums.push(Selections { load, saturation, coactivation });
    }
    Ok(Some(sums))
}

/// Adds the selections of the samples with as many tokens in both traces; tokens of the others cannot
/// be matched.
fn push_same_tokens(sum: &mut SaturationSum, here: &TopK, there: &TopK) -> Result<(), Error> {
    if here.offsets == there.offsets {
        return Ok(sum.push(&here.ids, &there.ids)?);
    }
    for sample in 0..here.offsets.len().saturating_sub(1) {
        if let (Some(now), Some(last)) = (here.of(sample), there.of(sample))
            && now.len() == last.len()
        {
            sum.push(now, last)?;
        }
    }
    Ok(())
}

/// Contiguous rows of the same samples in two traces.
struct RowRanges {
    here: std::ops::Range<usize>,
    last: std::ops::Range<usize>,
}

/// Splits samples into ranges whose rows are contiguous in both traces, to read them together.
fn runs_of_rows(members: &[u32], here: &RunCheckpoint, last: &RunCheckpoint) -> Vec<RowRanges> {
    let mut runs: Vec<RowRanges> = Vec::new();
    for &sample in members {
        let (row, last_row) = (here.row_of[sample as usize] as usize, last.row_of[sample as usize] as usize);
        match runs.last_mut() {
            Some(run)
                if run.here.end == row && run.last.end == last_row && run.here.len() < SAMPLES_PER_READ =>
            {
                run.here.end += 1;
                run.last.end += 1;
            }
            _ => runs.push(RowRanges { here: row..row + 1, last: last_row..last_row + 1 }),
        }
    }
    runs
}
