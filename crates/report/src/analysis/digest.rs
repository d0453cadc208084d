//! Digest of one checkpoint's gates, which are read once in ranges of samples and not kept. The
//! digest has a ranking (the pathways at every threshold), a few scalars per sample, and sums per
//! group.

use std::{collections::BTreeSet, rc::Rc};

use pathway::{
    Comparison, DomainGates, DomainInformation, DomainMeans, Ranking, RouterGram, SampleConsistency,
    Separation, Signatures, Spectrum, UnitSum,
};
use trace::{BadSample, GateKind, most_are_bad};

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

/// Steps of comparing signatures between two yields.
const STEPS_PER_YIELD: usize = 16;

/// Most domains whose mean gates are computed: their labels have 16 bits.
pub const MOST_DOMAINS: usize = u16::MAX as usize;

/// Results of one checkpoint that do not depend on groups.
#[derive(Debug)]
pub struct Digest {
    /// Pathways at every threshold, in the order of the run's samples.
    pub ranking: Ranking,
    /// Consistency of each sample; `None` without router matrices.
    consistency: Option<Vec<SampleConsistency>>,
    /// Entropy of the mean gates, `[S,L]`, nats.
    entropy: Vec<f64>,
    /// Mean gates of each domain; `None` for too many domains.
    domains: Option<DomainMeans>,
    /// Information between experts and domains; `None` for one domain or too many.
    pub information: Option<DomainInformation>,
    /// Separation of the domains' signatures; `None` for one domain or too many.
    pub separation: Option<Separation>,
}

impl Digest {
    /// Mean gates of a domain, `[L,E]`; empty for too many domains.
    pub fn domain_gates(&self, domain: usize) -> &[f64] {
        self.domains.as_ref().map_or(&[], |means| means.of(domain))
    }

    /// Effective experts of each layer of a domain, `[L]`; `None` for too many domains.
    pub fn effective_experts(&self, domain: usize) -> Option<Vec<f64>> {
        Some(self.domains.as_ref()?.effective_experts(domain))
    }

    /// Consistency of a group; `None` without router matrices.
    pub fn consistency(&self, samples: &[u32]) -> Option<pathway::ConsistencySummary> {
        let all = self.consistency.as_ref()?;
        Some(pathway::summarise_consistency(samples.iter().map(|&sample| &all[sample as usize])))
    }

    /// Mean entropy of a group, `[L]`, nats.
    pub fn entropy(&self, samples: &[u32]) -> Vec<Option<f64>> {
        let layers = self.ranking.layers();
        let of_sample = |sample: &u32| &self.entropy[*sample as usize * layers..][..layers];
        pathway::mean_entropy_by_layer(layers, samples.iter().map(of_sample))
    }
}

/// Everything besides the trace that a digest depends on.
#[derive(Clone, Debug)]
pub struct DigestRequest {
    /// Thresholds of the pathways.
    pub taus: Vec<f64>,
    /// Domain of each sample of the run; `None` for too many domains.
    pub labels: Option<Rc<[u16]>>,
    /// Number of domains.
    pub domains: usize,
    /// Seed of permutations.
    pub seed: u64,
}

/// Results requested from one pass over a checkpoint's gates.
#[derive(Debug, Default)]
pub struct GateRequest {
    /// Digest.
    pub digest: Option<DigestRequest>,
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

/// Outcome of a pass over a checkpoint's gates.
#[derive(Debug)]
pub enum Pass {
    /// Everything requested.
    Complete(Box<GateResults>),
    /// Samples of the run that turned out to be unusable; the run must be assembled again without
    /// them.
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
    if !bad.is_empty() {
        return Ok(Pass::Bad(bad));
    }
    let (mut results, comparison) = fold.finish();
    if let (Some(digest), Some(comparison)) = (&mut results.digest, comparison) {
        digest.separation = compare(comparison, watch).await;
    }
    Ok(Pass::Complete(Box::new(results)))
}

/// Compares signatures in short steps.
async fn compare(mut comparison: Comparison, watch: &dyn Watch) -> Option<Separation> {
    let mut steps = 0;
    while comparison.step() {
        steps += 1;
        if steps % STEPS_PER_YIELD == 0 {
            watch.yield_now().await;
        }
    }
    comparison.finish()
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
    domains: Option<DomainGates>,
    /// With the domain of each sample; only for several domains.
    signatures: Option<(Signatures, Rc<[u16]>)>,
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
            Some(request) => {
                let frequency = info.gate_kind == GateKind::SelectionFrequency;
                Some(DigestAccumulator::new(layers, experts, samples, request, gram, frequency)?)
            }
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

    /// The results, and the comparison of signatures that the digest still lacks.
    fn finish(self) -> (GateResults, Option<Comparison>) {
        let Self { digest, spectra, unit_sums, cosines, .. } = self;
        let (digest, comparison) = digest.map(DigestAccumulator::finish).unzip();
        let results = GateResults {
            digest,
            spectra: spectra.into_iter().map(|(_, spectrum)| spectrum).collect(),
            unit_sums: unit_sums.into_iter().map(|(_, sum)| sum).collect(),
            cosines: cosines.into_iter().map(CosineSums::finish).collect(),
        };
        (results, comparison.flatten())
    }
}

impl DigestAccumulator {
    fn new(
        layers: usize,
        experts: usize,
        samples: usize,
        request: &DigestRequest,
        gram: Option<RouterGram>,
        frequency: bool,
    ) -> Result<Self, Error> {
        let &DigestRequest { ref taus, ref labels, domains, seed } = request;
        let width = layers * experts;
        let of_domains = labels.as_ref().map(|labels| {
            let permutations = pathway::permutations(samples, width, domains);
            DomainGates::new(layers, experts, labels, domains, permutations, seed)
        });
        let compared = labels.as_ref().filter(|_| domains > 1);
        Ok(Self {
            ranking: Ranking::new(layers, experts, taus)?,
            frequency,
            gram,
            places: vec![0; samples],
            consistency: Vec::new(),
            entropy: Vec::with_capacity(samples * layers),
            domains: of_domains.transpose()?,
            signatures: compared.map(|labels| (Signatures::new(samples, width, seed), Rc::clone(labels))),
        })
    }

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
        if let Some(domains) = &mut self.domains {
            domains.push(sample as usize, gates)?;
        }
        if let Some((signatures, _)) = &mut self.signatures {
            signatures.push(sample as usize, gates)?;
        }
        Ok(())
    }

    /// Reorders the results from the order of the trace to that of the run.
    fn finish(self) -> (Digest, Option<Comparison>) {
        let Self { ranking, gram, places, consistency, entropy, domains, signatures, .. } = self;
        let comparison = signatures.map(|(signatures, labels)| signatures.compare(&labels));
        let (domains, information) = domains.map(DomainGates::finish).unzip();
        let consistency = gram.map(|_| consistency);
        let in_order = places.iter().enumerate().all(|(sample, &place)| sample == place);
        let layers = ranking.layers();
        let digest = if in_order && places.len() == ranking.samples() {
            Digest {
                ranking,
                consistency,
                entropy,
                domains,
                information: information.flatten(),
                separation: None,
            }
        } else {
            Digest {
                ranking: ranking.reordered(&places),
                consistency: consistency.map(|all| places.iter().map(|&place| all[place].clone()).collect()),
                entropy: places
                    .iter()
                    .flat_map(|&place| &entropy[place * layers..][..layers])
                    .copied()
                    .collect(),
                domains,
                information: information.flatten(),
                separation: None,
            }
        };
        (digest, comparison)
    }
}
