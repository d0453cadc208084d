//! Pairing of memorization groups with generalization groups, and its null.

use std::sync::Arc;

use pathway::{PairingNull, PairingSide, UnitSum};

use super::domain::DomainComposer;
use crate::model::{Delays, Matched, Pair};

/// Samples and items of a domain by step.
struct Groups {
    samples: Vec<(usize, Arc<[u32]>)>,
    items: Vec<(usize, Vec<usize>)>,
}

/// Both sides of a pairing as unit vectors.
struct Sides {
    samples: Vec<UnitSum>,
    items: Vec<UnitSum>,
    /// Mean cosine of each sample with each group of items; `None` if one is undefined.
    of_samples: Option<Vec<f64>>,
    /// Mean cosine of each item with each group of samples.
    of_items: Option<Vec<f64>>,
    from_gates: bool,
}

impl DomainComposer<'_> {
    /// The pairing (docs/metrics.md#pairing-and-delay), from text embeddings or else from mean
    /// gates, if there are item gates.
    pub(super) fn delays(&self) -> Option<Delays> {
        let groups =
            Groups { samples: self.job.t_star_groups(self.index), items: self.job.item_groups(self.index) };
        if groups.samples.is_empty() || groups.items.is_empty() {
            return None;
        }
        let sides = self.embedded_sides(&groups).or_else(|| self.gate_sides(&groups))?;
        let null = null(&groups, &sides, self.job.settings.seed);
        let scores = pathway::score_matrix(&sides.samples, &sides.items);
        let assignment = pathway::assign(&scores).ok()?;
        let step = |at: usize| self.job.run.checkpoints[at].step as i64;
        let delay = |row: usize, column: usize| step(groups.items[column].0) - step(groups.samples[row].0);
        let matched = |checkpoint: usize, count: usize| Matched { checkpoint, count };
        Some(Delays {
            from_gates: sides.from_gates,
            pairs: assignment
                .pairs
                .iter()
                .map(|&(a, b)| Pair { train: a, test: b, delay: delay(a, b), score: scores[a][b] })
                .collect(),
            total: assignment.total,
            second_best_total: assignment.second_best_total,
            null_share: null.map(|null| null.share),
            null_draws: null.map_or(0, |null| null.draws),
            null_exact: null.is_some_and(|null| null.exact),
            train: groups.samples.iter().map(|(at, samples)| matched(*at, samples.len())).collect(),
            test: groups.items.iter().map(|(at, items)| matched(*at, items.len())).collect(),
            scores,
        })
    }

    fn embedded_sides(&self, groups: &Groups) -> Option<Sides> {
        let embeddings = self.job.run.embeddings.as_ref()?;
        let of_sample = |sample: u32| &embeddings.samples[sample as usize][..];
        let of_item = |item: usize| &embeddings.items[item][..];
        let of_samples = groups.samples.iter().map(|(_, samples)| samples.iter().map(|&at| of_sample(at)));
        let of_items = groups.items.iter().map(|(_, items)| items.iter().map(|&at| of_item(at)));
        let samples = of_samples.clone().map(|group| UnitSum::of(group).ok()).collect::<Option<Vec<_>>>()?;
        let items = of_items.clone().map(|group| UnitSum::of(group).ok()).collect::<Option<Vec<_>>>()?;
        let (of_samples, of_items) =
            (cosines(of_samples.flatten(), &items), cosines(of_items.flatten(), &samples));
        Some(Sides { samples, items, of_samples, of_items, from_gates: false })
    }

    fn gate_sides(&self, groups: &Groups) -> Option<Sides> {
        let job = self.job;
        let (gates, last) = (job.run.item_gates.as_ref()?, job.run.checkpoints.last()?);
        let cache = job.cache.borrow();
        let of_group = |samples: &[u32]| {
            cache.unit_sum(last.file, job.unit_sum_fingerprint(samples)).map(|sum| (*sum).clone())
        };
        let samples: Option<Vec<UnitSum>> =
            groups.samples.iter().map(|(_, samples)| of_group(samples)).collect();
        let (samples, request) = (samples?, job.cosine_request(self.index)?);
        let of_samples = cache.cosines(last.file, job.cosine_fingerprint(&request));
        let items = groups.items.iter().flat_map(|(_, items)| items);
        let items = items.filter_map(|&item| gates.get(item)?.as_deref());
        let of_items = cosines(items, &samples);
        Some(Sides {
            samples,
            items: request.groups.to_vec(),
            of_samples: of_samples.map(|found| (*found).clone()),
            of_items,
            from_gates: true,
        })
    }
}

/// Mean cosine of each member with each group, `[members][groups]`.
fn cosines<'a, T: Copy + Into<f64> + 'a>(
    members: impl Iterator<Item = &'a [T]>,
    groups: &[UnitSum],
) -> Option<Vec<f64>> {
    members.flat_map(|member| groups.iter().map(move |group| group.mean_cosine_with(member))).collect()
}

/// The null with the larger share, of shuffled samples or of shuffled items: a small share on one
/// side alone can come from groups that differ in how close they are to all others.
fn null(groups: &Groups, sides: &Sides, seed: u64) -> Option<PairingNull> {
    let sample_sizes: Vec<usize> = groups.samples.iter().map(|(_, samples)| samples.len()).collect();
    let item_sizes: Vec<usize> = groups.items.iter().map(|(_, items)| items.len()).collect();
    let side = |sizes: &[usize], others: usize, cosines: &Option<Vec<f64>>| {
        pathway::pairing_null(PairingSide { sizes, others, cosines: cosines.as_ref()? }, seed).ok()
    };
    let of_samples = side(&sample_sizes, item_sizes.len(), &sides.of_samples)?;
    let of_items = side(&item_sizes, sample_sizes.len(), &sides.of_items)?;
    Some(if of_items.share > of_samples.share { of_items } else { of_samples })
}
