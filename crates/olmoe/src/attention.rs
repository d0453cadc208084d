//! Causal attention of one layer over the sequences of a batch, with rotary positions and
//! grouped-query heads.
//!
//! The CPU rotates rows in place and attends to several packs of sequences in parallel. A GPU
//! receives all packs of one shape in one call.

use std::{rc::Rc, sync::Arc};

use burn::tensor::{Device, Tensor, activation::softmax};

use crate::{
    config::Config,
    device::Backend,
    error::Error,
    family::Projection,
    plan::{Group, SequenceShape},
    rowwise::{self, VisibleKeys, masked_softmax, rms_norm},
    threads,
    weights::{LayerWeights, ProjectionWeights, upload},
};

/// Attention scores of all heads and sequences that are in memory at once.
pub const MAX_SCORES: usize = 1 << 24;

/// Attention scores per CPU thread that are in memory at once, few enough for its caches.
const MAX_CPU_SCORES: usize = 1 << 20;

/// Queries per matrix product on the CPU.
const CPU_QUERIES: usize = 128;

/// Queries per matrix product on a GPU, where fewer calls matter more than fewer masked scores.
const GPU_QUERIES: usize = 1024;

/// Tokens of a pack. Short sequences are packed because products of a few rows leave a processor
/// idle, and the mask between them costs less than a call for each.
const PACK_TOKENS: usize = 64;

/// Rotations and masks that all layers share. Those of the last shape are cached, since sequences
/// are sorted by shape.
pub struct Positions<'a> {
    config: &'a Config,
    device: &'a Device,
    backend: Backend,
    last: Option<((Rc<SequenceShape>, usize), PackTables)>,
    /// For the CPU: cosines, then sines, of all half axes for positions from 0, `[P,w]`.
    angles: Vec<f32>,
}

/// Mask and rotation of a pack.
#[derive(Clone)]
struct PackTables {
    /// Keys that each token sees.
    visible: Arc<[VisibleKeys]>,
    /// The tensors for a GPU; none on the CPU.
    gpu: Option<GpuTables>,
}

/// Rotation and mask of a pack as tensors.
#[derive(Clone)]
struct GpuTables {
    /// Cosines and sines, `[1,1,T,w/2]`.
    rotation: [Tensor<4>; 2],
    /// 0 for visible keys, else `f32::MIN`, so that their weight is 0, `[1,1,T,T]`.
    mask: Tensor<4>,
}

impl<'a> Positions<'a> {
    /// Positions of a model, without any tables yet.
    pub fn new(config: &'a Config, device: &'a Device, backend: Backend) -> Self {
        Self { config, device, backend, last: None, angles: Vec::new() }
    }

    /// Tables for packs of `count` sequences.
    fn tables(&mut self, shape: &Rc<SequenceShape>, count: usize) -> PackTables {
        if let Some(((last, last_count), tables)) = &self.last
            && (last, *last_count) == (shape, count)
        {
            return tables.clone();
        }
        let visible: Arc<[VisibleKeys]> =
            (0..count).flat_map(|sequence| shape.visible_keys(sequence * shape.len())).collect();
        let gpu = (self.backend == Backend::Gpu).then(|| {
            let positions: Vec<usize> = (0..count).flat_map(|_| shape.positions()).collect();
            GpuTables { rotation: self.rotation(&positions), mask: self.mask(&visible) }
        });
        let tables = PackTables { visible, gpu };
        self.last = Some(((Rc::clone(shape), count), tables.clone()));
        tables
    }

    /// Cosine or sine of a position's angle for each half axis. Frequencies and angles are f32, as
    /// in transformers.
    fn half_axes(&self, position: usize, function: fn(f64) -> f64) -> impl Iterator<Item = f32> {
        let Config { head_width, rope_theta, .. } = *self.config;
        (0..head_width / 2).map(move |axis| {
            let frequency = (1.0 / libm::pow(rope_theta, (2 * axis) as f64 / head_width as f64)) as f32;
            function(f64::from(position as f32 * frequency)) as f32
        })
    }

    fn rotation(&self, positions: &[usize]) -> [Tensor<4>; 2] {
        let shape = [1, 1, positions.len(), self.config.head_width / 2];
        [libm::cos, libm::sin].map(|function: fn(f64) -> f64| {
            let values = positions.iter().flat_map(|&position| self.half_axes(position, function));
            upload(values.collect(), shape, self.device)
        })
    }

    /// Cosines and sines from position 0 to at least the largest of `positions`.
    fn angles(&mut self, positions: &[usize]) -> &[f32] {
        let known = self.angles.len() / self.config.head_width.max(1);
        let wanted = positions.iter().max().map_or(0, |last| last + 1);
        for position in known..wanted {
            let more: Vec<f32> =
                self.half_axes(position, libm::cos).chain(self.half_axes(position, libm::sin)).collect();
            self.angles.extend(more);
        }
        &self.angles
    }

    fn mask(&self, visible: &[VisibleKeys]) -> Tensor<4> {
        let len = visible.len();
        let rows = visible.iter().flat_map(|[first, second]| {
            (0..len).map(
                move |key| {
                    if first.contains(&key) || second.contains(&key) { 0.0 } else { f32::MIN }
                },
            )
        });
        upload(rows.collect(), [1, 1, len, len], self.device)
    }
}

/// Consecutive packs of one shape that are attended to in one call.
struct Packs {
    /// First row of the batch.
    start: usize,
    count: usize,
    /// Tokens per pack.
    len: usize,
    tables: PackTables,
}

/// Attention output of a batch, `[N,d]`, from its normed input `x`, `[N,d]`.
pub fn attend(
    weights: &LayerWeights,
    x: &Tensor<2>,
    groups: &[Group],
    positions: &mut Positions<'_>,
) -> Result<Tensor<2>, Error> {
    let (config, backend) = (positions.config, positions.backend);
    let mut q = project(weights, config, backend, Projection::Q, x)?;
    let mut k = project(weights, config, backend, Projection::K, x)?;
    let v = project(weights, config, backend, Projection::V, x)?;
    if backend == Backend::Cpu {
        let of_group = |group: &Group| {
            let positions: Vec<usize> = group.shape.positions().collect();
            (0..group.count).flat_map(move |_| positions.clone())
        };
        let rows: Vec<usize> = groups.iter().flat_map(of_group).collect();
        let angles = positions.angles(&rows);
        q = rowwise::rotate(q, &rows, angles, config.head_width)?;
        k = rowwise::rotate(k, &rows, angles, config.head_width)?;
    }
    let mut calls = Vec::with_capacity(groups.len());
    for Group { start, count, shape } in groups {
        let sequences = (PACK_TOKENS / shape.len()).clamp(1, *count);
        let len = sequences * shape.len();
        let (packs, rest) = (count / sequences, count % sequences);
        let packs_per_call = match backend {
            Backend::Cpu => packs.div_ceil(threads::count() * 2),
            Backend::Gpu => packs,
        };
        for first in (0..packs).step_by(packs_per_call) {
            let count = packs_per_call.min(packs - first);
            let tables = positions.tables(shape, sequences);
            calls.push(Packs { start: start + first * len, count, len, tables });
        }
        if rest > 0 {
            let tables = positions.tables(shape, rest);
            calls.push(Packs { start: start + packs * len, count: 1, len: rest * shape.len(), tables });
        }
    }
    let attend = |packs: &Packs| attend_packs(config, packs, [&q, &k, &v]);
    let attended = match backend {
        Backend::Cpu => threads::map(&calls, attend),
        Backend::Gpu => calls.iter().map(attend).collect(),
    };
    let mut attended = attended.into_iter().collect::<Result<Vec<_>, _>>()?;
    let attended = if attended.len() == 1 { attended.remove(0) } else { Tensor::cat(attended, 0) };
    project(weights, config, backend, Projection::O, &attended)
}

/// Projects rows `x` to `[N,out]`, with bias and norm if the model has them. Queries, keys and
/// values are clipped if the config says so.
fn project(
    weights: &LayerWeights,
    config: &Config,
    backend: Backend,
    projection: Projection,
    x: &Tensor<2>,
) -> Result<Tensor<2>, Error> {
    let ProjectionWeights { matrix, bias, norm } = weights.projection(projection);
    let mut projected = x.clone().matmul(matrix.clone());
    if let Some(bias) = bias {
        projected = projected + bias.clone().unsqueeze();
    }
    if let Some(norm) = norm {
        projected = rms_norm(backend, projected, norm, config.norm_eps)?;
    }
    Ok(match config.clip_qkv {
        Some(clip) if projection != Projection::O => projected.clamp(-clip as f32, clip as f32),
        _ => projected,
    })
}

/// Rotates the first half of each head's axes against the second half.
fn rotate(x: Tensor<4>, [cos, sin]: &[Tensor<4>; 2]) -> Tensor<4> {
    let half = x.dims()[3] / 2;
    let a = x.clone().narrow(3, 0, half);
    let b = x.narrow(3, half, half);
    let first = a.clone() * cos.clone() - b.clone() * sin.clone();
    let second = b * cos.clone() + a * sin.clone();
    Tensor::cat(vec![first, second], 3)
}

/// Attention of consecutive packs, `[count*len,h*w]`, before the output projection.
fn attend_packs(
    config: &Config,
    &Packs { start, count, len, tables: PackTables { ref visible, ref gpu } }: &Packs,
    [q, k, v]: [&Tensor<2>; 3],
) -> Result<Tensor<2>, Error> {
    let Config { heads, kv_heads, head_width, .. } = *config;
    let by_head = |x: &Tensor<2>, heads: usize| {
        x.clone().narrow(0, start, count * len).reshape([count, len, heads, head_width]).swap_dims(1, 2)
    };
    let rotated = |x: Tensor<4>| match gpu {
        Some(GpuTables { rotation, .. }) => rotate(x, rotation),
        None => x,
    };
    let shared = |x: Tensor<4>| {
        let times = heads / kv_heads;
        if times == 1 {
            return x;
        }
        x.unsqueeze_dim::<5>(2).repeat_dim(2, times).reshape([count, heads, len, head_width])
    };
    let q = rotated(by_head(q, heads));
    let k = shared(rotated(by_head(k, kv_heads))).swap_dims(2, 3);
    let v = shared(by_head(v, kv_heads));
    let scale = 1.0 / libm::sqrt(head_width as f64);
    // Some queries at a time, which bounds the scores in memory. No query sees a key after the last
    // query of its step.
    let (queries, scores) =
        if gpu.is_some() { (GPU_QUERIES, MAX_SCORES) } else { (CPU_QUERIES, MAX_CPU_SCORES) };
    let step = (scores / (count * heads * len)).clamp(1, len.min(queries));
    let mut attended = Vec::with_capacity(len.div_ceil(step));
    for first in (0..len).step_by(step) {
        let last = (first + step).min(len);
        let (q, k) = (q.clone().narrow(2, first, last - first), k.clone().narrow(3, 0, last));
        let scores = q.matmul(k);
        let weights = match gpu {
            Some(GpuTables { mask, .. }) => {
                let mask = mask.clone().narrow(2, first, last - first).narrow(3, 0, last);
                softmax(scores * scale as f32 + mask, 3)
            }
            None => masked_softmax(scores, scale as f32, &visible[first..last])?,
        };
        attended.push(weights.matmul(v.clone().narrow(2, 0, last)));
    }
    let attended = if attended.len() == 1 { attended.remove(0) } else { Tensor::cat(attended, 2) };
    Ok(attended.swap_dims(1, 2).reshape([count * len, heads * head_width]))
}
