//! Row-wise operations: norm, softmax, gated activation, rotation, sums of exponentials.
//!
//! The CPU does each in one sweep over memory, vectorized by the compiler and on all threads. A GPU
//! uses burn's operations.

use burn::tensor::{Tensor, activation};
use trace::{exp, largest};

use crate::{
    device::Backend,
    error::Error,
    threads::{self, for_each_row},
};

/// Changes the values of a tensor in place. Values shared with another tensor are copied first.
fn map_in_place<const D: usize>(
    tensor: Tensor<D>,
    change: impl FnOnce(&mut [f32]) -> Result<(), Error>,
) -> Result<Tensor<D>, Error> {
    let device = tensor.device();
    let mut data = tensor.into_data();
    change(data.as_mut_slice().map_err(not_f32)?)?;
    Ok(Tensor::from_data(data, &device))
}

/// Error for values that cannot be accessed as f32.
fn not_f32(error: impl std::fmt::Debug) -> Error {
    Error::Device { message: format!("{error:?}") }
}

/// Sum of squares, in 16 partial sums so that the compiler can vectorize it.
fn sum_of_squares(row: &[f32]) -> f32 {
    let (chunks, rest) = row.as_chunks::<16>();
    let mut sums = [0.0_f32; 16];
    for chunk in chunks {
        for (sum, value) in sums.iter_mut().zip(chunk) {
            *sum += value * value;
        }
    }
    sums.iter().sum::<f32>() + rest.iter().map(|value| value * value).sum::<f32>()
}

/// Replaces each value `x` by `e^(x - largest)` and returns their sum.
fn exponentiate(row: &mut [f32], largest: f32) -> f32 {
    let (chunks, rest) = row.as_chunks_mut::<16>();
    let mut sums = [0.0_f32; 16];
    for chunk in chunks {
        for (sum, value) in sums.iter_mut().zip(chunk) {
            *value = exp(*value - largest);
            *sum += *value;
        }
    }
    let mut sum = sums.iter().sum::<f32>();
    for value in rest {
        *value = exp(*value - largest);
        sum += *value;
    }
    sum
}

/// RMS norm `x / sqrt(mean(x^2) + eps) * weight` of each row of `[N,n]`.
pub fn rms_norm(backend: Backend, x: Tensor<2>, weight: &Tensor<1>, eps: f64) -> Result<Tensor<2>, Error> {
    if backend == Backend::Gpu {
        let mean = (x.clone() * x.clone()).mean_dim(1);
        return Ok(x / (mean + eps as f32).sqrt() * weight.clone().unsqueeze());
    }
    let (width, weight) = (x.dims()[1], weight.to_data());
    let weight = weight.as_slice::<f32>().map_err(not_f32)?;
    map_in_place(x, |x| {
        for_each_row(x, width, |_, row| {
            let scale = 1.0 / (sum_of_squares(row) / width as f32 + eps as f32).sqrt();
            for (value, weight) in row.iter_mut().zip(weight) {
                *value = *value * scale * weight;
            }
        });
        Ok(())
    })
}

/// Gated activation `silu(gate) * up`, elementwise.
pub fn swiglu(backend: Backend, gate: Tensor<2>, up: Tensor<2>) -> Result<Tensor<2>, Error> {
    if backend == Backend::Gpu {
        return Ok(activation::silu(gate) * up);
    }
    let (width, up) = (gate.dims()[1], up.into_data());
    let up = up.as_slice::<f32>().map_err(not_f32)?;
    map_in_place(gate, |gate| {
        for_each_row(gate, width, |row, gates| {
            for (gate, up) in gates.iter_mut().zip(&up[row * width..]) {
                *gate = *gate * up / (1.0 + exp(-*gate));
            }
        });
        Ok(())
    })
}

/// Rotates the first half of each head's axes against the second half, in rows `[N,h*w]`.
///
/// `positions` has the position of each row. `angles`, `[P,w]`, has the cosines of the `w/2` half
/// axes of each position, then the sines.
pub fn rotate(
    x: Tensor<2>,
    positions: &[usize],
    angles: &[f32],
    head_width: usize,
) -> Result<Tensor<2>, Error> {
    let width = x.dims()[1];
    map_in_place(x, |x| {
        for_each_row(x, width, |row, heads| {
            let angles = &angles[positions[row] * head_width..][..head_width];
            let (cos, sin) = angles.split_at(head_width / 2);
            for head in heads.chunks_exact_mut(head_width) {
                let (first, second) = head.split_at_mut(head_width / 2);
                for (((a, b), cos), sin) in first.iter_mut().zip(second).zip(cos).zip(sin) {
                    (*a, *b) = (*a * cos - *b * sin, *b * cos + *a * sin);
                }
            }
        });
        Ok(())
    })
}

/// Keys that a query sees: two ranges, the second after the first.
pub type VisibleKeys = [std::ops::Range<usize>; 2];

/// Softmax of scaled scores `[..,q,k]` over the keys that each query sees; other weights are 0.
///
/// `visible` has the visible keys of each query, `[q]`.
pub fn masked_softmax(scores: Tensor<4>, scale: f32, visible: &[VisibleKeys]) -> Result<Tensor<4>, Error> {
    let width = scores.dims()[3];
    map_in_place(scores, |scores| {
        for_each_row(scores, width, |row, scores| {
            let [first, second] = &visible[row % visible.len()];
            let most = largest(&scores[first.clone()]).max(largest(&scores[second.clone()]));
            let mut sum = 0.0;
            for range in [first, second] {
                let visible = &mut scores[range.clone()];
                for score in visible.iter_mut() {
                    *score *= scale;
                }
                sum += exponentiate(visible, most * scale);
            }
            let share = 1.0 / sum;
            scores[..first.start].fill(0.0);
            scores[first.end..second.start].fill(0.0);
            scores[second.end..].fill(0.0);
            for range in [first, second] {
                for weight in &mut scores[range.clone()] {
                    *weight *= share;
                }
            }
        });
        Ok(())
    })
}

/// Summary of a row of logits.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct LogitSummary {
    /// Largest logit.
    pub largest: f32,
    /// Index of the largest logit; the lowest of equal ones.
    pub argmax: u32,
    /// Sum of `e^(logit - largest)`.
    pub exp_sum: f32,
}

/// Summarizes rows of `width` logits, which are overwritten.
pub fn summarize_logits(logits: &mut [f32], width: usize) -> Vec<LogitSummary> {
    let mut rows: Vec<&mut [f32]> = logits.chunks_mut(width.max(1)).collect();
    threads::map_mut(&mut rows, |row| {
        let largest = largest(row);
        let argmax = row.iter().position(|&logit| logit >= largest).unwrap_or(0) as u32;
        LogitSummary { largest, argmax, exp_sum: exponentiate(row, largest) }
    })
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, Tensor, TensorData};

    use super::{LogitSummary, masked_softmax, rms_norm, summarize_logits, swiglu};
    use crate::device::Backend;

    #[test]
    fn cpu_rows_match_tensor_operations() {
        let device = Device::flex();
        let values = |n: usize, scale: f32| -> Vec<f32> {
            (0..n).map(|at| ((at * 7919 % 1009) as f32 / 504.0 - 1.0) * scale).collect()
        };
        let tensor =
            |scale| Tensor::<2>::from_data(TensorData::new(values(40 * 70, scale), [40, 70]), &device);
        let weight = Tensor::<1>::from_data(TensorData::new(values(70, 2.0), [70]), &device);
        let assert_near = |a: Tensor<2>, b: Tensor<2>| {
            let (a, b) = (a.into_data(), b.into_data());
            let (a, b) = (a.try_to_vec::<f32>().unwrap(), b.try_to_vec::<f32>().unwrap());
            a.iter().zip(&b).for_each(|(a, b)| assert!((a - b).abs() <= 1e-6 * b.abs().max(1.0), "{a} {b}"));
        };
        assert_near(
            rms_norm(Backend::Cpu, tensor(3.0), &weight, 1e-5).unwrap(),
            rms_norm(Backend::Gpu, tensor(3.0), &weight, 1e-5).unwrap(),
        );
        assert_near(
            swiglu(Backend::Cpu, tensor(9.0), tensor(2.0)).unwrap(),
            swiglu(Backend::Gpu, tensor(9.0), tensor(2.0)).unwrap(),
        );
    }

    #[test]
    fn invisible_keys_have_zero_weight() {
        let device = Device::flex();
        let scores = vec![1.0, 9.0, 2.0, 5.0, 0.5, 0.5, 0.5, 7.0_f32];
        let scores = Tensor::<4>::from_data(TensorData::new(scores, [1, 1, 2, 4]), &device);
        let weights = masked_softmax(scores, 1.0, &[[0..1, 2..3], [0..3, 3..3]]).unwrap();
        let weights = weights.into_data().try_to_vec::<f32>().unwrap();
        let first = 1.0 / (1.0 + std::f32::consts::E);
        let expected = [first, 0.0, 1.0 - first, 0.0, 1.0 / 3.0, 1.0 / 3.0, 1.0 / 3.0, 0.0];
        weights.iter().zip(expected).for_each(|(a, b)| assert!((a - b).abs() < 1e-6, "{a} {b}"));
    }

    #[test]
    fn argmax_is_the_first_of_equal_logits() {
        let found = summarize_logits(&mut [0.0, 2.0, 2.0, -1.0, -1.0, -1.0], 3);
        let e = std::f32::consts::E;
        assert_eq!((found[0].largest, found[0].argmax), (2.0, 1));
        assert!((found[0].exp_sum - (2.0 + 1.0 / (e * e))).abs() < 1e-6);
        assert_eq!(found[1], LogitSummary { largest: -1.0, argmax: 0, exp_sum: 3.0 });
    }
}
