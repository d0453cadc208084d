//! Digest of one checkpoint's gates, which are read once in ranges of samples ([`super::pass`]) and
//! not kept. The digest has a ranking (the pathways at every threshold), a few scalars per sample, and sums per
//! group.

use std::sync::Arc;

use pathway::{DomainInformation, DomainMeans, Ranking, SampleConsistency, Separation, Spectrum, UnitSum};

use super::{cosines::CosineRequest, ranked::Ranked};

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
    /// Reorders the results of single samples from the order of the trace to that of the run; `places`
    /// are the positions in the former.
    pub fn new(
        ranked: Ranked,
        places: &[usize],
        domains: Option<DomainMeans>,
        information: Option<DomainInformation>,
    ) -> Self {
        let has_routers = ranked.has_routers();
        let Ranked { ranking, consistency, entropy, .. } = ranked;
        let consistency = has_routers.then_some(consistency);
        let in_order = places.iter().enumerate().all(|(sample, &place)| sample == place);
        let (ranking, consistency, entropy) = if in_order && places.len() == ranking.samples() {
            (ranking, consistency, entropy)
        } else {
            let layers = ranking.layers();
            let entropy = places.iter().flat_map(|&place| &entropy[place * layers..][..layers]);
            (
                ranking.reordered(places),
                consistency.map(|all| places.iter().map(|&place| all[place].clone()).collect()),
                entropy.copied().collect(),
            )
        };
        Self { ranking, consistency, entropy, domains, information, separation: None }
    }

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
    pub labels: Option<Arc<[u16]>>,
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
    pub spectra: Vec<Arc<[u32]>>,
    /// Sums of the unit vectors of the flattened gates of these groups
    /// (docs/metrics.md#pairing-and-delay).
    pub unit_sums: Vec<Arc<[u32]>>,
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
