//! The samples and groups of items whose cosines an execution of the analysis needs.

use std::sync::Arc;

use pathway::UnitSum;

use super::{cosines::CosineRequest, fingerprint::Fingerprint, job::Job};

impl Job<'_> {
    /// Requests of all domains at a checkpoint: only at the last one, only with item gates and
    /// without text embeddings.
    pub fn cosine_requests(&self, checkpoint: usize) -> Vec<CosineRequest> {
        if !self.has_embedded_groups(checkpoint) {
            return Vec::new();
        }
        (0..self.run.domains.len()).filter_map(|domain| self.cosine_request(domain)).collect()
    }

    /// Request of a domain with groups on both sides and item gates.
    pub fn cosine_request(&self, domain: usize) -> Option<CosineRequest> {
        let gates = self.run.item_gates.as_ref()?;
        let of_group =
            |items: &[usize]| UnitSum::of(items.iter().filter_map(|&item| gates.get(item)?.as_deref())).ok();
        let groups = self.item_groups(domain);
        let groups: Option<Arc<[UnitSum]>> = groups.iter().map(|(_, items)| of_group(items)).collect();
        let train = self.t_star_groups(domain);
        let samples: Arc<[u32]> = train.iter().flat_map(|(_, samples)| samples.iter().copied()).collect();
        let groups = groups.filter(|groups| !groups.is_empty() && !samples.is_empty())?;
        Some(CosineRequest { samples, groups })
    }

    /// Key of a request's results.
    pub fn cosine_fingerprint(&self, request: &CosineRequest) -> u64 {
        let mut mix = Fingerprint::new();
        mix.add(self.samples_of_run);
        mix.add_all(&request.samples);
        for group in request.groups.iter() {
            mix.add(group.members() as u64);
            for component in group.components() {
                mix.add(component.to_bits());
            }
        }
        mix.value()
    }
}
