//! Output head, in slices of the vocabulary: log-likelihoods of queried tokens and the most likely
//! tokens, without all logits in memory.

use std::ops::Range;

use burn::tensor::{Int, Tensor, TensorData};

use crate::{
    device::{Backend, floats},
    error::Error,
    observer::Observer,
    plan::Plan,
    rowwise::{self, LogitSummary},
    weights::{Prefetch, Weights},
};

/// Number of head weights, and of logits, that are on the device at once.
///
/// On the CPU they should fit its caches and reuse the same memory; on a GPU there should be few
/// calls.
fn slice_values(backend: Backend) -> usize {
    if backend == Backend::Cpu { 1 << 21 } else { 1 << 24 }
}

/// Predictions of the head for the rows and queries of a plan.
#[derive(Debug)]
pub struct Predictions {
    /// Most likely token of each row of the plan; the lower id of equal ones.
    pub greedy: Vec<u32>,
    /// Log-likelihood of each query of the plan, in nats.
    pub log_likelihood: Vec<f64>,
}

/// Running log-sum-exp and argmax of one row over slices of the vocabulary.
#[derive(Clone, Copy)]
struct RunningRow {
    /// Largest logit so far.
    largest: f64,
    /// Sum of `exp(logit - largest)`.
    exp_sum: f64,
    /// Token of the largest logit.
    token: u32,
}

/// Applies the head to normed hidden states, in batches `[r,d]` in the order of the plan's rows.
pub async fn predict(
    weights: &Weights<'_>,
    batches: &[Tensor<2>],
    plan: &Plan,
    observer: &dyn Observer,
) -> Result<Predictions, Error> {
    let config = &weights.checkpoint.config;
    let name = if config.tied { config.family.embedding() } else { config.family.head() };
    let (vocabulary, hidden) = (config.vocabulary, config.hidden);
    let mut rows = vec![RunningRow { largest: f64::NEG_INFINITY, exp_sum: 0.0, token: 0 }; plan.rows.len()];
    let mut log_likelihood = vec![0.0; plan.queries.len()];
    // Sorted by row, so that those of each batch are a range.
    let mut queries: Vec<usize> = (0..plan.queries.len()).collect();
    queries.sort_by_key(|&query| plan.queries[query].0);
    let slice = (slice_values(weights.backend) / hidden).clamp(1, vocabulary);
    let max_rows = (slice_values(weights.backend) / slice).max(1);
    let slices: Vec<Range<usize>> =
        (0..vocabulary).step_by(slice).map(|first| first..(first + slice).min(vocabulary)).collect();
    let mut following = slices.iter().cloned();
    let read = |range: Range<usize>| weights.rows(&name, [vocabulary, hidden], range);
    let mut next = match following.next() {
        Some(range) => Some(Prefetch::start(read(range)).await),
        None => None,
    };
    for range in &slices {
        let Some(ready) = next.take() else { break };
        let head = ready.finish().await?.transpose();
        if let Some(range) = following.next() {
            next = Some(Prefetch::start(read(range)).await);
        }
        let (first, width) = (range.start, range.len());
        let mut start = 0;
        for batch in batches {
            let rows_of_batch = batch.dims()[0];
            for inside in (0..rows_of_batch).step_by(max_rows) {
                let count = max_rows.min(rows_of_batch - inside);
                let logits = batch.clone().narrow(0, inside, count).matmul(head.clone());
                let from = queries.partition_point(|&query| plan.queries[query].0 < start);
                let to = queries.partition_point(|&query| plan.queries[query].0 < start + count);
                let queried: Vec<usize> = queries[from..to]
                    .iter()
                    .copied()
                    .filter(|&query| range.contains(&(plan.queries[query].1 as usize)))
                    .collect();
                let index = |&query: &usize| {
                    let (row, token) = plan.queries[query];
                    (row - start) * width + token as usize - first
                };
                let indices: Vec<usize> = queried.iter().map(index).collect();
                let (summaries, values) = summarize(weights.backend, logits, &indices).await?;
                for (row, slice) in rows[start..start + count].iter_mut().zip(summaries) {
                    let token = first as u32 + slice.argmax;
                    row.merge(f64::from(slice.largest), f64::from(slice.exp_sum), token);
                }
                for (query, value) in queried.into_iter().zip(values) {
                    log_likelihood[query] = f64::from(value);
                }
                start += count;
                observer.yield_now().await;
            }
        }
    }
    for (value, (row, _)) in log_likelihood.iter_mut().zip(&plan.queries) {
        *value -= rows[*row].largest + libm::log(rows[*row].exp_sum);
    }
    Ok(Predictions { greedy: rows.iter().map(|row| row.token).collect(), log_likelihood })
}

/// Summarizes each row of logits `[r,v]`, and reads the logits at some indices of the flat tensor.
async fn summarize(
    backend: Backend,
    logits: Tensor<2>,
    indices: &[usize],
) -> Result<(Vec<LogitSummary>, Vec<f32>), Error> {
    let [count, width] = logits.dims();
    if backend == Backend::Cpu {
        let mut data = logits.into_data();
        let logits: &mut [f32] =
            data.as_mut_slice().map_err(|error| Error::Device { message: format!("{error:?}") })?;
        let values = indices.iter().filter_map(|&index| logits.get(index).copied()).collect();
        return Ok((rowwise::summarize_logits(logits, width), values));
    }
    let values = if indices.is_empty() {
        Vec::new()
    } else {
        let indices: Vec<i32> = indices.iter().map(|&index| index as i32).collect();
        let (len, device) = (indices.len(), logits.device());
        let index = Tensor::<1, Int>::from_data(TensorData::new(indices, [len]), &device);
        floats(logits.clone().reshape([count * width]).select(0, index)).await?
    };
    let (largest, argmax) = logits.clone().max_dim_with_indices(1);
    let exp_sum = (logits - largest.clone()).exp().sum_dim(1);
    let (largest, argmax, exp_sum) = (floats(largest).await?, ids(argmax).await?, floats(exp_sum).await?);
    let rows = largest.into_iter().zip(argmax).zip(exp_sum);
    let summary = |((largest, argmax), exp_sum)| LogitSummary { largest, argmax, exp_sum };
    Ok((rows.map(summary).collect(), values))
}

impl RunningRow {
    /// Merges the summary of the next slice of the vocabulary.
    fn merge(&mut self, largest: f64, exp_sum: f64, token: u32) {
        if largest > self.largest {
            self.exp_sum = self.exp_sum * libm::exp(self.largest - largest) + exp_sum;
            (self.largest, self.token) = (largest, token);
        } else {
            self.exp_sum += exp_sum * libm::exp(largest - self.largest);
        }
    }
}

/// Reads a tensor of ids back from the device.
async fn ids<const D: usize>(tensor: Tensor<D, Int>) -> Result<Vec<u32>, Error> {
    let failed = |message: String| Error::Device { message };
    let data = tensor.into_data_async().await.map_err(|error| failed(error.to_string()))?;
    data.convert::<u32>().try_into_vec().map_err(|error| failed(format!("{error:?}")))
}
