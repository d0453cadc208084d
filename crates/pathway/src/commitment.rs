//! Commitment: how tokens change their experts between neighboring checkpoints
//! (docs/metrics.md#commitment).

use crate::error::{Error, check_len};
use crate::load::{LoadCounts, check_selections};
use crate::sums::mean;

/// Agreement of a checkpoint's selections with those of the checkpoints before and after it, summed
/// over samples (docs/metrics.md#commitment).
#[derive(Clone, Debug)]
pub struct CommitmentSum {
    k: usize,
    layers: usize,
    experts: usize,
    /// Whether the heaviest expert comes first.
    ordered: bool,
    overlap: Counts,
    changed: Counts,
    reverted: Counts,
    persisted: Counts,
    tokens: u64,
    before: LoadCounts,
    now: LoadCounts,
}

/// How often something happened, of how many times: over all samples by layer, and of each sample
/// over all layers.
#[derive(Clone, Debug)]
struct Counts {
    /// `[L]`.
    by_layer: Vec<[u64; 2]>,
    /// `[S]`.
    by_sample: Vec<[u64; 2]>,
}

/// A share over all layers and of each (docs/metrics.md#commitment).
#[derive(Clone, Debug, PartialEq)]
pub struct Share {
    /// Over all layers; undefined if there is nothing to share.
    pub all: Option<f64>,
    /// Standard error of `all` over samples; undefined below three samples.
    pub se: Option<f64>,
    /// The share in each layer, `[L]`.
    pub by_layer: Vec<Option<f64>>,
}

/// Commitment at one checkpoint (docs/metrics.md#commitment).
#[derive(Clone, Debug, PartialEq)]
pub struct Commitment {
    /// Share of the selected experts that the checkpoint before selected too.
    pub overlap: Share,
    /// Overlap by chance: if tokens chose independently with the loads of the two checkpoints;
    /// without standard error.
    pub chance: Share,
    /// Share of tokens whose heaviest expert differs from that at the checkpoint before; only for
    /// ids ordered by weight.
    pub changed: Option<Share>,
    /// Share of the changed tokens that have the earlier expert again at the next checkpoint;
    /// `None` without a next checkpoint.
    pub reverted: Option<Share>,
    /// Share of the changed tokens that keep the new expert at the next checkpoint.
    pub persisted: Option<Share>,
}

/// Selected expert ids `[T, L, k]` of one sample's tokens at three neighboring checkpoints.
#[derive(Clone, Copy, Debug)]
pub struct Neighbors<'a> {
    /// At the checkpoint before.
    pub before: &'a [u16],
    /// At the checkpoint.
    pub now: &'a [u16],
    /// At the next checkpoint, if there is one.
    pub after: Option<&'a [u16]>,
}

impl Counts {
    fn new(layers: usize) -> Self {
        Self { by_layer: vec![[0, 0]; layers], by_sample: Vec::new() }
    }

    /// Adds counts of a sample by layer.
    fn add(&mut self, sample: &[[u64; 2]]) {
        let mut all = [0, 0];
        for (sum, [happened, of]) in self.by_layer.iter_mut().zip(sample) {
            *sum = [sum[0] + happened, sum[1] + of];
            all = [all[0] + happened, all[1] + of];
        }
        self.by_sample.push(all);
    }

    fn share(&self) -> Share {
        let ratio = |[happened, of]: [u64; 2]| (of > 0).then(|| happened as f64 / of as f64);
        let total = self.by_layer.iter().fold([0, 0], |sum, layer| [sum[0] + layer[0], sum[1] + layer[1]]);
        let all = ratio(total);
        let samples = self.by_sample.len() as f64;
        let se = all.filter(|_| self.by_sample.len() >= 3).map(|share| {
            let off = |[happened, of]: &[u64; 2]| *happened as f64 - share * *of as f64;
            let squares: f64 = self.by_sample.iter().map(|sample| off(sample) * off(sample)).sum();
            (samples / (samples - 1.0) * squares).sqrt() / total[1] as f64
        });
        Share { all, se, by_layer: self.by_layer.iter().copied().map(ratio).collect() }
    }
}

impl CommitmentSum {
    /// Creates zero sums for `k` experts per token; ids are `ordered` if the heaviest comes first.
    ///
    /// # Errors
    ///
    /// Layers or experts are 0, or there are more than 65,535 experts.
    pub fn new(layers: usize, experts: usize, k: usize, ordered: bool) -> Result<Self, Error> {
        let counts = || Counts::new(layers);
        Ok(Self {
            k,
            layers,
            experts,
            ordered,
            overlap: counts(),
            changed: counts(),
            reverted: counts(),
            persisted: counts(),
            tokens: 0,
            before: LoadCounts::new(layers, experts)?,
            now: LoadCounts::new(layers, experts)?,
        })
    }

    /// Adds the selections of one sample's tokens. The ids of a row must be distinct.
    ///
    /// # Errors
    ///
    /// The lists differ in length, are not a whole number of tokens, or have an id out of range;
    /// nothing is then added.
    pub fn push(&mut self, ids: Neighbors<'_>) -> Result<(), Error> {
        let Neighbors { before, now, after } = ids;
        let tokens = check_selections(now, self.layers, self.experts, self.k)?;
        check_selections(before, self.layers, self.experts, self.k)?;
        check_len("selected experts at the checkpoint before [T, L, k]", now.len(), before.len())?;
        if let Some(after) = after {
            check_len("selected experts at the next checkpoint [T, L, k]", now.len(), after.len())?;
        }
        self.before.push(before, self.k)?;
        self.now.push(now, self.k)?;
        self.tokens += tokens as u64;
        let k = self.k.max(1);
        let zero = || vec![[0_u64; 2]; self.layers];
        let (mut overlap, mut changed, mut reverted, mut persisted) = (zero(), zero(), zero(), zero());
        let mut later = after.map(|after| after.chunks_exact(k));
        for (row, (before, now)) in before.chunks_exact(k).zip(now.chunks_exact(k)).enumerate() {
            let layer = row % self.layers;
            let common = now.iter().filter(|id| before.contains(id)).count();
            count(&mut overlap[layer], common as u64, k as u64);
            let next = later.as_mut().and_then(Iterator::next);
            let has_changed = now.first() != before.first();
            count(&mut changed[layer], u64::from(has_changed), 1);
            if let Some(next) = next.filter(|_| has_changed) {
                count(&mut reverted[layer], u64::from(next.first() == before.first()), 1);
                count(&mut persisted[layer], u64::from(next.first() == now.first()), 1);
            }
        }
        self.overlap.add(&overlap);
        self.changed.add(&changed);
        if after.is_some() {
            self.reverted.add(&reverted);
            self.persisted.add(&persisted);
        }
        Ok(())
    }

    /// The shares over all tokens added; `None` without tokens.
    #[must_use]
    pub fn result(&self) -> Option<Commitment> {
        if self.tokens == 0 {
            return None;
        }
        let ordered =
            |counts: &Counts| (self.ordered && !counts.by_sample.is_empty()).then(|| counts.share());
        Some(Commitment {
            overlap: self.overlap.share(),
            chance: self.chance(),
            changed: ordered(&self.changed),
            reverted: ordered(&self.reverted),
            persisted: ordered(&self.persisted),
        })
    }

    /// Expected overlap of independent selections: `sum over e of P_before(e) P_now(e) / k`, with
    /// `P(e)` the share of tokens that select an expert.
    fn chance(&self) -> Share {
        let tokens = self.tokens as f64;
        let layers =
            self.before.counts().chunks_exact(self.experts).zip(self.now.counts().chunks_exact(self.experts));
        let by_layer: Vec<f64> = layers
            .map(|(before, now)| {
                let products =
                    before.iter().zip(now).map(|(&a, &b)| (a as f64 / tokens) * (b as f64 / tokens));
                products.sum::<f64>() / self.k as f64
            })
            .collect();
        Share { all: mean(&by_layer), se: None, by_layer: by_layer.into_iter().map(Some).collect() }
    }
}

fn count(sum: &mut [u64; 2], happened: u64, of: u64) {
    *sum = [sum[0] + happened, sum[1] + of];
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One layer of three experts, two of them selected.
    fn sum(samples: &[[&[u16]; 3]]) -> Commitment {
        let mut sum = CommitmentSum::new(1, 3, 2, true).unwrap();
        for [before, now, after] in samples {
            sum.push(Neighbors { before, now, after: Some(after) }).unwrap();
        }
        sum.result().unwrap()
    }

    #[test]
    fn changes_are_taken_back_kept_or_neither() {
        let found = sum(&[
            [&[0, 1, 0, 1], &[2, 1, 0, 1], &[0, 1, 1, 0]],
            [&[0, 1], &[1, 0], &[1, 2]],
            [&[0, 2], &[1, 2], &[2, 0]],
        ]);
        // Overlaps 1, 2, 2 and 1 of 2; three of four tokens change; one reverts, one persists.
        assert_eq!(found.overlap.all, Some(6.0 / 8.0));
        assert_eq!(found.changed.unwrap().all, Some(0.75));
        assert_eq!(found.reverted.unwrap().all, Some(1.0 / 3.0));
        assert_eq!(found.persisted.unwrap().all, Some(1.0 / 3.0));
        // Loads 4, 3, 1 before and 2, 4, 2 now, of four tokens.
        let chance = (4.0 * 2.0 + 3.0 * 4.0 + 1.0 * 2.0) / 16.0 / 2.0;
        assert!((found.chance.all.unwrap() - chance).abs() < 1e-12);
        let squares = [3.0_f64 - 3.0, 2.0 - 1.5, 1.0 - 1.5].map(|off| off * off).iter().sum::<f64>();
        assert!((found.overlap.se.unwrap() - (1.5 * squares).sqrt() / 8.0).abs() < 1e-12);
    }

    #[test]
    fn what_is_not_defined() {
        let mut sum = CommitmentSum::new(1, 3, 2, false).unwrap();
        assert_eq!(sum.result(), None);
        let ids = [0, 1];
        for (before, now, after) in [
            (&ids[..], &[0, 3][..], None),
            (&[0, 9], &ids, None),
            (&ids, &[0, 1, 2, 0], None),
            (&ids, &ids, Some(&[0][..])),
        ] {
            assert!(sum.push(Neighbors { before, now, after }).is_err());
        }
        assert_eq!(sum.result(), None);
        sum.push(Neighbors { before: &ids, now: &ids, after: None }).unwrap();
        let found = sum.result().unwrap();
        assert_eq!((found.overlap.all, found.overlap.se), (Some(1.0), None));
        assert_eq!((found.changed, found.reverted, found.persisted), (None, None, None));
    }
}
