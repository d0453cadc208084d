//! What is done row by row: norms, softmax, gated activation, sums of exponentials. The processor does each in one sweep
//! over memory that the compiler turns into SIMD, on all threads there are; a graphics processor does them with burn's
//! operations.

use burn::tensor::{Tensor, activation};
use trace::{exp, largest};

use crate::{
    device::Backend,
    error::Error,
    threads::{self, each_row},
};

/// Changes a tensor's values where they are in memory; only what another tensor shares is copied first.
fn changed<const D: usize>(
    tensor: Tensor<D>,
    change: impl FnOnce(&mut [f32]) -> Result<(), Error>,
) -> Result<Tensor<D>, Error> {
    let device = tensor.device();
    let mut data = tensor.into_data();
    change(data.as_mut_slice().map_err(unreadable)?)?;
    Ok(Tensor::from_data(data, &device))
}

/// What is said of values that are not there as f32.
fn unreadable(error: impl std::fmt::Debug) -> Error {
    Error::Device { message: format!("{error:?}") }
}

/// Sum of squares in several strands, which SIMD needs.
fn squares(row: &[f32]) -> f32 {
    let (chunks, rest) = row.as_chunks::<16>();
    let mut sums = [0.0_f32; 16];
    for chunk in chunks {
        for (sum, value) in sums.iter_mut().zip(chunk) {
            *sum += value * value;
        }
    }
    sums.iter().sum::<f32>() + rest.iter().map(|value| value * value).sum::<f32>()
}

/// Puts `e^(x - largest)` in place of each value and gives their sum.
fn exponentials(row: &mut [f32], largest: f32) -> f32 {
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

/// `x / sqrt(mean(x^2) + eps) * weight` over the last axis of `[N,n]`.
pub fn rms_norm(backend: Backend, x: Tensor<2>, weight: &Tensor<1>, eps: f64) -> Result<Tensor<2>, Error> {
    if backend == Backend::Gpu {
        let mean = (x.clone() * x.clone()).mean_dim(1);
        return Ok(x / (mean + eps as f32).sqrt() * weight.clone().unsqueeze());
    }
    let (width, weight) = (x.dims()[1], weight.to_data());
    let weight = weight.as_slice::<f32>().map_err(unreadable)?;
    changed(x, |x| {
        each_row(x, width, |_, row| {
            let scale = 1.0 / (squares(row) / width as f32 + eps as f32).sqrt();
            for (value, weight) in row.iter_mut().zip(weight) {
                *value = *value * scale * weight;
            }
        });
        Ok(())
    })
}

/// `silu(gate) * up`.
pub fn gated(backend: Backend, gate: Tensor<2>, up: Tensor<2>) -> Result<Tensor<2>, Error> {
    if backend == Backend::Gpu {
        return Ok(activation::silu(gate) * up);
    }
    let (width, up) = (gate.dims()[1], up.into_data());
    let up = up.as_slice::<f32>().map_err(unreadable)?;
    changed(gate, |gate| {
        each_row(gate, width, |row, gates| {
            for (gate, up) in gates.iter_mut().zip(&up[row * width..]) {
                *gate = *gate * up / (1.0 + exp(-*gate));
            }
        });
        Ok(())
    })
}

/// Rotates the first half of each head's axes against the second, in rows of heads `[N,h*w]`: the axes of a row by the
/// angles of its position. `turns` has for each position the cosines of half a head's axes, then the sines.
pub fn rotate(
    x: Tensor<2>,
    positions: &[usize],
    turns: &[f32],
    head_width: usize,
) -> Result<Tensor<2>, Error> {
    let width = x.dims()[1];
    changed(x, |x| {
        each_row(x, width, |row, heads| {
            let turn = &turns[positions[row] * head_width..][..head_width];
            let (cos, sin) = turn.split_at(head_width / 2);
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

/// What a token of a pack may look at: keys of two ranges, the second behind the first.
pub type Sight = [std::ops::Range<usize>; 2];

/// Softmax of scaled scores `[..,q,k]` over what each query sees; everything else weighs 0. `sights` has the queries.
pub fn attention_weights(scores: Tensor<4>, scale: f32, sights: &[Sight]) -> Result<Tensor<4>, Error> {
    let width = scores.dims()[3];
    changed(scores, |scores| {
        each_row(scores, width, |row, scores| {
            let [first, second] = &sights[row % sights.len()];
            let most = largest(&scores[first.clone()]).max(largest(&scores[second.clone()]));
            let mut sum = 0.0;
            for range in [first, second] {
                let seen = &mut scores[range.clone()];
                for score in seen.iter_mut() {
                    *score *= scale;
                }
                sum += exponentials(seen, most * scale);
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

/// What the head needs of a row of logits.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct RowSum {
    /// The largest logit.
    pub largest: f32,
    /// Its place; the first of equal ones.
    pub at: u32,
    /// Sum of `e^(logit - largest)`.
    pub sum: f32,
}

/// Sums rows of logits that are in memory, in their place.
pub fn sums(logits: &mut [f32], width: usize) -> Vec<RowSum> {
    let mut rows: Vec<&mut [f32]> = logits.chunks_mut(width.max(1)).collect();
    threads::all_mut(&mut rows, |row| {
        let largest = largest(row);
        let at = row.iter().position(|&logit| logit >= largest).unwrap_or(0) as u32;
        RowSum { largest, at, sum: exponentials(row, largest) }
    })
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, Tensor, TensorData};

    use super::{RowSum, attention_weights, gated, rms_norm, sums};
    use crate::device::Backend;

    #[test]
    fn rows_are_those_of_plain_operations() {
        let device = Device::flex();
        let made = |n: usize, scale: f32| -> Vec<f32> {
            (0..n).map(|at| ((at * 7919 % 1009) as f32 / 504.0 - 1.0) * scale).collect()
        };
        let tensor = |scale| Tensor::<2>::from_data(TensorData::new(made(40 * 70, scale), [40, 70]), &device);
        let weight = Tensor::<1>::from_data(TensorData::new(made(70, 2.0), [70]), &device);
        let near = |a: Tensor<2>, b: Tensor<2>| {
            let (a, b) = (a.into_data(), b.into_data());
            let (a, b) = (a.try_to_vec::<f32>().unwrap(), b.try_to_vec::<f32>().unwrap());
            a.iter().zip(&b).for_each(|(a, b)| assert!((a - b).abs() <= 1e-6 * b.abs().max(1.0), "{a} {b}"));
        };
        near(
            rms_norm(Backend::Cpu, tensor(3.0), &weight, 1e-5).unwrap(),
            rms_norm(Backend::Gpu, tensor(3.0), &weight, 1e-5).unwrap(),
        );
        near(
            gated(Backend::Cpu, tensor(9.0), tensor(2.0)).unwrap(),
            gated(Backend::Gpu, tensor(9.0), tensor(2.0)).unwrap(),
        );
    }

    #[test]
    fn what_is_not_seen_weighs_nothing() {
        let device = Device::flex();
        let scores = vec![1.0, 9.0, 2.0, 5.0, 0.5, 0.5, 0.5, 7.0_f32];
        let scores = Tensor::<4>::from_data(TensorData::new(scores, [1, 1, 2, 4]), &device);
        let weights = attention_weights(scores, 1.0, &[[0..1, 2..3], [0..3, 3..3]]).unwrap();
        let weights = weights.into_data().try_to_vec::<f32>().unwrap();
        let first = 1.0 / (1.0 + std::f32::consts::E);
        let expected = [first, 0.0, 1.0 - first, 0.0, 1.0 / 3.0, 1.0 / 3.0, 1.0 / 3.0, 0.0];
        weights.iter().zip(expected).for_each(|(a, b)| assert!((a - b).abs() < 1e-6, "{a} {b}"));
    }

    #[test]
    fn the_first_of_equal_logits_is_the_largest() {
        let found = sums(&mut [0.0, 2.0, 2.0, -1.0, -1.0, -1.0], 3);
        let e = std::f32::consts::E;
        assert_eq!((found[0].largest, found[0].at), (2.0, 1));
        assert!((found[0].sum - (2.0 + 1.0 / (e * e))).abs() < 1e-6);
        assert_eq!(found[1], RowSum { largest: -1.0, at: 0, sum: 3.0 });
    }
}
