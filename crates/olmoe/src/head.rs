//! The head, in slices of the vocabulary: log-likelihoods of asked tokens and the most likely ones, without ever holding
//! all logits.

use std::ops::Range;

use burn::tensor::{Int, Tensor, TensorData};

use crate::{
    device::{Backend, floats},
    error::Error,
    plan::Plan,
    rows::{self, RowSum},
    watch::Watch,
    weights::{Started, Weights},
};

/// Values of the head, and logits, that are on the device at once: on the processor so few that they stay in its caches
/// and its memory is used again, on a graphics processor so many that calls do not count.
fn at_once(backend: Backend) -> usize {
    if backend == Backend::Cpu { 1 << 21 } else { 1 << 24 }
}

/// What the head says of the rows that were asked for.
#[derive(Debug)]
pub struct Predictions {
    /// The most likely token of each row; the lower id of equal ones.
    pub greedy: Vec<u32>,
    /// Log-likelihood of each query, nats.
    pub log_likelihood: Vec<f64>,
}

/// Running figures of one row.
#[derive(Clone, Copy)]
struct Row {
    largest: f64,
    /// Sum of `exp(logit - largest)`.
    sum: f64,
    token: u32,
}

/// Applies the head to normed rows, which come in blocks `[r,d]` in the order of the plan's rows.
pub async fn predict(
    weights: &Weights<'_>,
    blocks: &[Tensor<2>],
    plan: &Plan,
    watch: &dyn Watch,
) -> Result<Predictions, Error> {
    let config = &weights.checkpoint.config;
    let name = if config.tied { config.family.embedding() } else { config.family.head() };
    let (vocabulary, hidden) = (config.vocabulary, config.hidden);
    let mut rows = vec![Row { largest: f64::NEG_INFINITY, sum: 0.0, token: 0 }; plan.rows.len()];
    let mut found = vec![0.0; plan.queries.len()];
    // Queries by row, so that each block of rows finds its own.
    let mut queries: Vec<usize> = (0..plan.queries.len()).collect();
    queries.sort_by_key(|&query| plan.queries[query].0);
    let slice = (at_once(weights.backend) / hidden).clamp(1, vocabulary);
    let most = (at_once(weights.backend) / slice).max(1);
    let slices: Vec<Range<usize>> =
        (0..vocabulary).step_by(slice).map(|first| first..(first + slice).min(vocabulary)).collect();
    let mut following = slices.iter().cloned();
    let read = |range: Range<usize>| weights.rows(&name, [vocabulary, hidden], range);
    let mut next = match following.next() {
        Some(range) => Some(Started::new(read(range)).await),
        None => None,
    };
    for range in &slices {
        let Some(ready) = next.take() else { break };
        let head = ready.get().await?.transpose();
        if let Some(range) = following.next() {
            next = Some(Started::new(read(range)).await);
        }
        let (first, width) = (range.start, range.len());
        let mut start = 0;
        for block in blocks {
            let all = block.dims()[0];
            for inside in (0..all).step_by(most) {
                let count = most.min(all - inside);
                let logits = block.clone().narrow(0, inside, count).matmul(head.clone());
                let from = queries.partition_point(|&query| plan.queries[query].0 < start);
                let to = queries.partition_point(|&query| plan.queries[query].0 < start + count);
                let asked: Vec<usize> = queries[from..to]
                    .iter()
                    .copied()
                    .filter(|&query| range.contains(&(plan.queries[query].1 as usize)))
                    .collect();
                let place = |&query: &usize| {
                    let (row, token) = plan.queries[query];
                    (row - start) * width + token as usize - first
                };
                let places: Vec<usize> = asked.iter().map(place).collect();
                let (sums, values) = look(weights.backend, logits, &places).await?;
                for (row, sum) in rows[start..start + count].iter_mut().zip(sums) {
                    row.take(f64::from(sum.largest), f64::from(sum.sum), first as u32 + sum.at);
                }
                for (query, value) in asked.into_iter().zip(values) {
                    found[query] = f64::from(value);
                }
                start += count;
                watch.breathe().await;
            }
        }
    }
    for (value, (row, _)) in found.iter_mut().zip(&plan.queries) {
        *value -= rows[*row].largest + libm::log(rows[*row].sum);
    }
    Ok(Predictions { greedy: rows.iter().map(|row| row.token).collect(), log_likelihood: found })
}

/// The largest logit of each row, its place, and the sum of exponentials; and the logits at some places of the block.
async fn look(
    backend: Backend,
    logits: Tensor<2>,
    places: &[usize],
) -> Result<(Vec<RowSum>, Vec<f32>), Error> {
    let [count, width] = logits.dims();
    if backend == Backend::Cpu {
        let mut data = logits.into_data();
        let logits: &mut [f32] =
            data.as_mut_slice().map_err(|error| Error::Device { message: format!("{error:?}") })?;
        let asked = places.iter().filter_map(|&place| logits.get(place).copied()).collect();
        return Ok((rows::sums(logits, width), asked));
    }
    let asked = if places.is_empty() {
        Vec::new()
    } else {
        let places: Vec<i32> = places.iter().map(|&place| place as i32).collect();
        let (len, device) = (places.len(), logits.device());
        let index = Tensor::<1, Int>::from_data(TensorData::new(places, [len]), &device);
        floats(logits.clone().reshape([count * width]).select(0, index)).await?
    };
    let (largest, at) = logits.clone().max_dim_with_indices(1);
    let sum = (logits - largest.clone()).exp().sum_dim(1);
    let (largest, at, sum) = (floats(largest).await?, ids(at).await?, floats(sum).await?);
    let rows = largest.into_iter().zip(at).zip(sum);
    Ok((rows.map(|((largest, at), sum)| RowSum { largest, at, sum }).collect(), asked))
}

impl Row {
    /// Takes in a slice of the vocabulary.
    fn take(&mut self, largest: f64, sum: f64, token: u32) {
        if largest > self.largest {
            self.sum = self.sum * libm::exp(self.largest - largest) + sum;
            (self.largest, self.token) = (largest, token);
        } else {
            self.sum += sum * libm::exp(largest - self.largest);
        }
    }
}

/// Reads a tensor of ids back.
async fn ids<const D: usize>(tensor: Tensor<D, Int>) -> Result<Vec<u32>, Error> {
    let failed = |message: String| Error::Device { message };
    let data = tensor.into_data_async().await.map_err(|error| failed(error.to_string()))?;
    data.convert::<u32>().try_into_vec().map_err(|error| failed(format!("{error:?}")))
}
