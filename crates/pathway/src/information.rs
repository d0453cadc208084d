//! Domains' mean gates, and what an expert tells about the domain
//! (docs/metrics.md#expert-domain-information).

use crate::error::{Error, check_len, check_router};
use crate::labels::{p_value, permuted};
use crate::sums::mean;
use crate::vector::widest;

/// First random stream of the permutations; other draws with the same seed use other streams.
const STREAM: u64 = 1 << 32;

/// Samples whose gates are widened and added together, so that they stay in the fastest cache.
const BATCH: usize = 32;

/// Mean gates of domains, and the same for permuted labels, summed sample by sample in f64
/// (docs/metrics.md#expert-domain-information).
#[derive(Clone, Debug)]
pub struct DomainGates {
    layers: usize,
    experts: usize,
    domains: usize,
    /// Domain of each sample; then those of each permutation, `[1 + m][S]`.
    labels: Vec<Vec<u16>>,
    /// Sums of gates by layer, labels, domain and expert, `[L, 1 + m, D, E]`.
    sums: Vec<f64>,
    /// Samples of each domain.
    counts: Vec<u64>,
}

/// The domains' mean gates at one checkpoint (docs/metrics.md#expert-domain-information).
#[derive(Clone, Debug, PartialEq)]
pub struct DomainMeans {
    /// Layers times experts.
    width: usize,
    experts: usize,
    /// `[D, L, E]`; zero for a domain without samples.
    values: Vec<f64>,
}

/// Information between experts and domains (docs/metrics.md#expert-domain-information).
#[derive(Clone, Debug, PartialEq)]
pub struct DomainInformation {
    /// Information of each layer, `[L]`, nats.
    pub by_layer: Vec<f64>,
    /// Mean over layers.
    pub mean: f64,
    /// Information by chance, from permuted labels; `None` without permutations.
    pub null: Option<InformationNull>,
}

/// Information that chance gives: that of samples with permuted labels
/// (docs/metrics.md#expert-domain-information).
#[derive(Clone, Debug, PartialEq)]
pub struct InformationNull {
    /// Mean over permutations of each layer's information, `[L]`, nats.
    pub by_layer: Vec<f64>,
    /// Mean over permutations and layers.
    pub mean: f64,
    /// Share of permutations with at least the observed information, of each layer, `[L]`.
    pub p_by_layer: Vec<f64>,
    /// Share of permutations with at least the observed mean over layers.
    pub p: f64,
}

impl DomainGates {
    /// Creates empty sums for samples of these domains, with `permutations` seeded permutations of
    /// the labels.
    ///
    /// # Errors
    ///
    /// Layers or experts are 0 or too many, or a label is not below `domains`.
    pub fn new(
        layers: usize,
        experts: usize,
        labels: &[u16],
        domains: usize,
        permutations: usize,
        seed: u64,
    ) -> Result<Self, Error> {
        let width = check_router(layers, experts)?;
        let mut counts = vec![0; domains];
        for (sample, &label) in labels.iter().enumerate() {
            let Some(count) = counts.get_mut(usize::from(label)) else {
                return Err(Error::UnknownDomain { sample, label, domains });
            };
            *count += 1;
        }
        let drawn = (0..permutations as u64).map(|number| permuted(labels, seed, STREAM + number));
        Ok(Self {
            layers,
            experts,
            domains,
            sums: vec![0.0; (1 + permutations) * domains * width],
            labels: std::iter::once(labels.to_vec()).chain(drawn).collect(),
            counts,
        })
    }

    /// Adds the mean gates `[L, E]` of a sample, by its index in the labels.
    ///
    /// # Errors
    ///
    /// The slice is not `[L, E]`, or there is no such sample; nothing is then added.
    pub fn push(&mut self, sample: usize, gates: &[f32]) -> Result<(), Error> {
        for mut layer in self.push_by_layer(&[sample], &[gates])? {
            layer.add(&[sample], &[gates]);
        }
        Ok(())
    }

    /// Checks samples and their mean gates `[L, E]`, and returns the sums of all layers, to which they
    /// are added; each layer is independent of the others.
    ///
    /// # Errors
    ///
    /// A slice is not `[L, E]`, or there is no such sample; nothing is then added.
    pub fn push_by_layer(
        &mut self,
        samples: &[usize],
        gates: &[&[f32]],
    ) -> Result<Vec<LayerSums<'_>>, Error> {
        let Self { layers, experts, domains, .. } = *self;
        check_len("samples, one for each of the gates", gates.len(), samples.len())?;
        for gates in gates {
            check_len("mean gates of one sample [L, E]", layers * experts, gates.len())?;
        }
        let known = self.labels.first().map_or(0, Vec::len);
        if let Some(&sample) = samples.iter().find(|sample| **sample >= known) {
            return Err(Error::UnknownSample { sample, samples: known });
        }
        let labels = &self.labels;
        let sums = self.sums.chunks_exact_mut(labels.len() * domains * experts);
        Ok(sums
            .enumerate()
            .map(|(layer, sums)| LayerSums { layer, experts, domains, labels, sums })
            .collect())
    }

    /// The domains' mean gates, and the information; the latter is `None` unless at least two
    /// domains have samples and none has none.
    #[must_use]
    pub fn finish(self) -> (DomainMeans, Option<DomainInformation>) {
        let Self { layers, experts, domains, labels, mut sums, counts, .. } = self;
        for (sums, count) in sums.chunks_exact_mut(experts).zip(counts.iter().cycle()) {
            let count = (*count).max(1) as f64;
            for sum in sums {
                *sum /= count;
            }
        }
        let of_labels = domains * experts;
        let complete = domains >= 2 && counts.iter().all(|count| *count > 0);
        let information = complete.then(|| {
            let mut all = vec![Vec::with_capacity(layers); labels.len()];
            for layer in sums.chunks_exact(labels.len() * of_labels) {
                for (all, means) in all.iter_mut().zip(layer.chunks_exact(of_labels)) {
                    all.push(information(means, experts));
                }
            }
            summary(all, labels.len() - 1)
        });
        let width = layers * experts;
        let mut values = Vec::with_capacity(domains * width);
        for domain in 0..domains {
            for layer in sums.chunks_exact(labels.len() * of_labels) {
                values.extend_from_slice(&layer[domain * experts..][..experts]);
            }
        }
        (DomainMeans { width, experts, values }, information.flatten())
    }
}

/// The sums of one layer by labels, domain and expert, to which samples are added.
#[derive(Debug)]
pub struct LayerSums<'a> {
    layer: usize,
    experts: usize,
    domains: usize,
    /// Domain of each sample; then those of each permutation.
    labels: &'a [Vec<u16>],
    /// `[1 + m, D, E]`.
    sums: &'a mut [f64],
}

impl LayerSums<'_> {
    /// Adds samples and their mean gates `[L, E]`, the same as were given for all layers.
    ///
    /// # Panics
    ///
    /// A slice is shorter, or a sample is out of range.
    pub fn add(&mut self, samples: &[usize], gates: &[&[f32]]) {
        let Self { layer, experts, domains, labels, ref mut sums } = *self;
        let mut wide = Vec::with_capacity(BATCH * experts);
        for (samples, gates) in samples.chunks(BATCH).zip(gates.chunks(BATCH)) {
            wide.clear();
            for gates in gates {
                wide.extend(gates[layer * experts..][..experts].iter().map(|&gate| f64::from(gate)));
            }
            widest(
                #[inline(always)]
                || {
                    for (labels, sums) in labels.iter().zip(sums.chunks_exact_mut(domains * experts)) {
                        for (&sample, gates) in samples.iter().zip(wide.chunks_exact(experts)) {
                            let start = usize::from(labels[sample]) * experts;
                            for (sum, gate) in sums[start..start + experts].iter_mut().zip(gates) {
                                *sum += gate;
                            }
                        }
                    }
                },
            );
        }
    }
}

/// Compares the information of the true labels, the first, with that of permuted ones.
fn summary(all: Vec<Vec<f64>>, permutations: usize) -> Option<DomainInformation> {
    let mut all = all.into_iter();
    let by_layer = all.next()?;
    let of_all = mean(&by_layer)?;
    let drawn: Vec<Vec<f64>> = all.collect();
    let null = (permutations > 0).then(|| {
        let of_layer = |layer: usize| drawn.iter().map(move |by_layer| by_layer[layer]);
        let means: Vec<f64> = drawn.iter().filter_map(|by_layer| mean(by_layer)).collect();
        let layers = || 0..by_layer.len();
        Some(InformationNull {
            by_layer: layers().map(|layer| of_layer(layer).sum::<f64>() / permutations as f64).collect(),
            mean: mean(&means)?,
            p_by_layer: layers().map(|layer| p_value(of_layer(layer), by_layer[layer])).collect(),
            p: p_value(means.iter().copied(), of_all),
        })
    });
    Some(DomainInformation { mean: of_all, null: null.flatten(), by_layer })
}

/// Entropy of weights in nats; weights of 0 contribute nothing.
fn entropy(weights: impl Iterator<Item = f64>) -> f64 {
    -weights.filter(|&weight| weight > 0.0).map(|weight| weight * libm::log(weight)).sum::<f64>()
}

/// Entropy of the domains' average less their average entropy, from one layer's mean gates `[D, E]`.
fn information(means: &[f64], experts: usize) -> f64 {
    let of_domains = || means.chunks_exact(experts);
    let domains = of_domains().len() as f64;
    let average = (0..experts).map(|expert| of_domains().map(|gates| gates[expert]).sum::<f64>() / domains);
    let single = of_domains().map(|gates| entropy(gates.iter().copied())).sum::<f64>() / domains;
    // Rounding may make equal domains differ from 0.
    (entropy(average) - single).max(0.0)
}

/// Largest possible information between `experts` experts and `domains` domains, `ln min(D, E)`, in
/// nats (docs/metrics.md#expert-domain-information); `None` where it is 0.
#[must_use]
pub fn most_information(domains: usize, experts: usize) -> Option<f64> {
    let fewer = domains.min(experts);
    (fewer > 1).then(|| libm::log(fewer as f64))
}

impl DomainMeans {
    /// Mean gates of a domain, `[L, E]`; empty for a domain out of range.
    #[must_use]
    pub fn of(&self, domain: usize) -> &[f64] {
        let start = domain.saturating_mul(self.width);
        self.values.get(start..start.saturating_add(self.width)).unwrap_or_default()
    }

    /// Effective number of experts of each layer of a domain, `[L]`: the exponential of the entropy
    /// of its mean gates.
    #[must_use]
    pub fn effective_experts(&self, domain: usize) -> Vec<f64> {
        let layers = self.of(domain).chunks_exact(self.experts);
        layers.map(|gates| libm::exp(entropy(gates.iter().copied()))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finish(
        labels: &[u16],
        domains: usize,
        gates: &[[f32; 2]],
    ) -> (DomainMeans, Option<DomainInformation>) {
        let mut sums = DomainGates::new(1, 2, labels, domains, 40, 1).unwrap();
        for (sample, gates) in gates.iter().enumerate() {
            sums.push(sample, gates).unwrap();
        }
        sums.finish()
    }

    #[test]
    fn two_domains_with_an_expert_each_share_all_information() {
        let labels: Vec<u16> = (0..80).map(|sample| sample % 2).collect();
        let gates: Vec<[f32; 2]> =
            labels.iter().map(|&d| if d == 0 { [1.0, 0.0] } else { [0.0, 1.0] }).collect();
        let (means, found) = finish(&labels, 2, &gates);
        let found = found.unwrap();
        assert!((found.mean - most_information(2, 2).unwrap()).abs() < 1e-12);
        assert_eq!((means.of(0), means.of(1), means.of(2)), (&[1.0, 0.0][..], &[0.0, 1.0][..], &[][..]));
        assert!((means.effective_experts(1)[0] - 1.0).abs() < 1e-12);
        let null = found.null.unwrap();
        assert!(null.mean < 0.1, "{}", null.mean);
        assert!((null.p - 1.0 / 41.0).abs() < 1e-12);
    }

    #[test]
    fn equal_samples_share_nothing() {
        let (_, found) = finish(&[0, 1, 0, 1], 2, &[[0.3, 0.7]; 4]);
        let found = found.unwrap();
        assert!(found.mean < 1e-12);
        assert!((found.null.unwrap().p - 1.0).abs() < 1e-12);
    }

    #[test]
    fn what_is_not_defined() {
        assert_eq!(finish(&[0, 0], 1, &[[0.3, 0.7]; 2]).1, None);
        assert_eq!(finish(&[0, 0], 2, &[[0.3, 0.7]; 2]).1, None);
        assert_eq!(most_information(1, 8), None);
        assert!(DomainGates::new(1, 2, &[2], 2, 0, 1).is_err());
        let mut sums = DomainGates::new(1, 2, &[0, 1], 2, 0, 1).unwrap();
        assert!(sums.push(2, &[0.5, 0.5]).is_err() && sums.push(0, &[0.5]).is_err());
        sums.push(0, &[0.5, 0.5]).unwrap();
        sums.push(1, &[0.5, 0.5]).unwrap();
        assert_eq!(sums.finish().1.unwrap().null, None);
    }
}
