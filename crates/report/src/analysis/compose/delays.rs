//! Pairing of memorization groups with generalization groups.

use super::domain::DomainComposer;
use crate::model::{Delays, Matched, Pair};

impl DomainComposer<'_> {
    /// The pairing (docs/metrics.md#pairing-and-delay), from text embeddings or else from mean
    /// gates, if there are item gates.
    pub(super) fn delays(&self) -> Option<Delays> {
        let job = self.job;
        let last = job.run.checkpoints.last()?;
        let items = &job.run.domains[self.index].items;
        let steps = self.item_steps();
        let train = job.t_star_groups(self.index);
        let test: Vec<(usize, Vec<usize>)> = (0..self.checkpoints)
            .map(|at| {
                let of_step = items.iter().zip(&steps).filter(|&(_, &step)| step == Some(at));
                (at, of_step.map(|(&item, _)| item).collect::<Vec<usize>>())
            })
            .filter(|(_, items)| !items.is_empty())
            .collect();
        if train.is_empty() || test.is_empty() {
            return None;
        }
        let (train_sums, test_sums, from_gates) = match (&job.run.embeddings, &job.run.item_gates) {
            (Some(embeddings), _) => {
                let of_samples = train.iter().map(|(_, samples)| {
                    pathway::UnitSum::of(
                        samples.iter().map(|&sample| &embeddings.samples[sample as usize][..]),
                    )
                    .ok()
                });
                let of_items = test.iter().map(|(_, items)| {
                    pathway::UnitSum::of(items.iter().map(|&item| &embeddings.items[item][..])).ok()
                });
                (of_samples.collect::<Option<Vec<_>>>()?, of_items.collect::<Option<Vec<_>>>()?, false)
            }
            (None, Some(gates)) => {
                let of_samples = train.iter().map(|(_, samples)| {
                    let print = job.unit_sum_fingerprint(samples);
                    job.cache.borrow().unit_sum(last.file, print).map(|sum| (*sum).clone())
                });
                let of_items = test
                    .iter()
                    .map(|(_, items)| pathway::UnitSum::of(items.iter().map(|&item| &gates[item][..])).ok());
                (of_samples.collect::<Option<Vec<_>>>()?, of_items.collect::<Option<Vec<_>>>()?, true)
            }
            (None, None) => return None,
        };
        let scores = pathway::score_matrix(&train_sums, &test_sums);
        let assignment = pathway::assign(&scores).ok()?;
        let step = |at: usize| job.run.checkpoints[at].step as i64;
        Some(Delays {
            from_gates,
            pairs: assignment
                .pairs
                .iter()
                .map(|&(a, b)| Pair {
                    train: a,
                    test: b,
                    delay: step(test[b].0) - step(train[a].0),
                    score: scores[a][b],
                })
                .collect(),
            total: assignment.total,
            second_best_total: assignment.second_best_total,
            train: train
                .iter()
                .map(|(at, samples)| Matched { checkpoint: *at, count: samples.len() })
                .collect(),
            test: test.iter().map(|(at, items)| Matched { checkpoint: *at, count: items.len() }).collect(),
            scores,
        })
    }
}
