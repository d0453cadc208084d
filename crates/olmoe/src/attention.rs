//! Attention of one layer over the sequences of a block: rotary positions, causal, keys and values shared by groups of
//! heads.
//!
//! The processor rotates rows where they lie and attends to several packs of sequences side by side, one a thread; a
//! graphics processor is given all packs of one form at once.

use std::{rc::Rc, sync::Arc};

use burn::tensor::{Device, Tensor, activation::softmax};

use crate::{
    config::Config,
    device::Backend,
    error::Error,
    family::Projection,
    plan::{Form, Group},
    rows::{self, Sight, attention_weights, rms_norm},
    threads,
    weights::{Dense, Projected, upload},
};

/// Scores of all heads and sequences that are in memory at once.
pub const MOST_SCORES: usize = 1 << 24;

/// The same on a thread of the processor: what stays in its caches.
const NEAR_SCORES: usize = 1 << 20;

/// Queries that look back together, on the processor and on a graphics processor, which minds calls more than figures.
const STEP: (usize, usize) = (128, 1024);

/// Short sequences are attended to in packs of about so many tokens, in which none sees another: matrices of a few rows
/// keep no processor busy, and a pack's mask costs less than calls for each of them.
const PACK: usize = 64;

/// What all layers share: rotation tables and masks, by form of sequence. The last one is kept, since sequences come
/// by form.
pub struct Positions<'a> {
    config: &'a Config,
    device: &'a Device,
    backend: Backend,
    last: Option<((Rc<Form>, usize), Tables)>,
    /// For the processor: the angles of positions from 0 on, `[P,w]`, cosines before sines.
    turns: Vec<f32>,
}

/// What the attention to packs of one form of sequence needs.
#[derive(Clone)]
struct Tables {
    /// What each token sees.
    sights: Arc<[Sight]>,
    /// What a graphics processor needs besides.
    gpu: Option<Gpu>,
}

/// Rotation and mask as tensors.
#[derive(Clone)]
struct Gpu {
    /// Cosines and sines, `[1,1,T,w/2]`.
    rotation: [Tensor<4>; 2],
    /// 0 where a token may look, else so low that its weight is 0, `[1,1,T,T]`.
    mask: Tensor<4>,
}

impl<'a> Positions<'a> {
    /// Those of a model.
    pub fn new(config: &'a Config, device: &'a Device, backend: Backend) -> Self {
        Self { config, device, backend, last: None, turns: Vec::new() }
    }

    /// For packs of `size` sequences.
    fn tables(&mut self, form: &Rc<Form>, size: usize) -> Tables {
        if let Some(((last, last_size), tables)) = &self.last
            && (last, *last_size) == (form, size)
        {
            return tables.clone();
        }
        let places = form.places();
        let sights: Arc<[Sight]> =
            (0..size).flat_map(|sequence| form.sights(sequence * places.len())).collect();
        let gpu = (self.backend == Backend::Gpu).then(|| {
            let positions = (0..size).flat_map(|_| places.iter().map(|(_, position)| *position));
            Gpu { rotation: self.rotation(&positions.collect::<Vec<_>>()), mask: self.mask(&sights) }
        });
        let tables = Tables { sights, gpu };
        self.last = Some(((Rc::clone(form), size), tables.clone()));
        tables
    }

    /// Cosines, or sines, of a position's angles by half axis, computed as transformers does: frequencies and angles in
    /// f32.
    fn angles(&self, position: usize, of: fn(f64) -> f64) -> impl Iterator<Item = f32> {
        let Config { head_width, rope_theta, .. } = *self.config;
        (0..head_width / 2).map(move |axis| {
            let frequency = (1.0 / libm::pow(rope_theta, (2 * axis) as f64 / head_width as f64)) as f32;
            of(f64::from(position as f32 * frequency)) as f32
        })
    }

    fn rotation(&self, positions: &[usize]) -> [Tensor<4>; 2] {
        let shape = [1, 1, positions.len(), self.config.head_width / 2];
        [libm::cos, libm::sin].map(|of: fn(f64) -> f64| {
            let values = positions.iter().flat_map(|&position| self.angles(position, of));
            upload(values.collect(), shape, self.device)
        })
    }

    /// The angles of all positions up to the last of some, for the processor.
    fn turns(&mut self, positions: &[usize]) -> &[f32] {
        let known = self.turns.len() / self.config.head_width.max(1);
        let wanted = positions.iter().max().map_or(0, |last| last + 1);
        for position in known..wanted {
            let more: Vec<f32> =
                self.angles(position, libm::cos).chain(self.angles(position, libm::sin)).collect();
            self.turns.extend(more);
        }
        &self.turns
    }

    fn mask(&self, sights: &[Sight]) -> Tensor<4> {
        let len = sights.len();
        let rows = sights.iter().flat_map(|[first, second]| {
            (0..len).map(
                move |from| {
                    if first.contains(&from) || second.contains(&from) { 0.0 } else { f32::MIN }
                },
            )
        });
        upload(rows.collect(), [1, 1, len, len], self.device)
    }
}

/// Packs that are attended to in one go, from one row of a block on.
struct Job {
    start: usize,
    count: usize,
    /// Tokens of each.
    len: usize,
    tables: Tables,
}

/// What the attention of a layer adds to the residual stream of a block, `[N,d]`, from its normed input.
pub fn attend(
    dense: &Dense,
    x: &Tensor<2>,
    groups: &[Group],
    positions: &mut Positions<'_>,
) -> Result<Tensor<2>, Error> {
    let (config, backend) = (positions.config, positions.backend);
    let mut q = project(dense, config, backend, Projection::Q, x)?;
    let mut k = project(dense, config, backend, Projection::K, x)?;
    let v = project(dense, config, backend, Projection::V, x)?;
    if backend == Backend::Cpu {
        let of_group = |group: &Group| {
            let places = group.form.places();
            (0..group.count).flat_map(move |_| places.clone()).map(|(_, position)| position)
        };
        let rows: Vec<usize> = groups.iter().flat_map(of_group).collect();
        let turns = positions.turns(&rows);
        q = rows::rotate(q, &rows, turns, config.head_width)?;
        k = rows::rotate(k, &rows, turns, config.head_width)?;
    }
    let mut jobs = Vec::with_capacity(groups.len());
    for Group { start, count, form } in groups {
        let size = (PACK / form.len()).clamp(1, *count);
        let len = size * form.len();
        let (packs, rest) = (count / size, count % size);
        let at_once = match backend {
            Backend::Cpu => packs.div_ceil(threads::count() * 2),
            Backend::Gpu => packs,
        };
        for first in (0..packs).step_by(at_once) {
            let tables = positions.tables(form, size);
            jobs.push(Job { start: start + first * len, count: at_once.min(packs - first), len, tables });
        }
        if rest > 0 {
            let tables = positions.tables(form, rest);
            jobs.push(Job { start: start + packs * len, count: 1, len: rest * form.len(), tables });
        }
    }
    let attend = |job: &Job| attend_packs(config, job, [&q, &k, &v]);
    let attended = match backend {
        Backend::Cpu => threads::all(&jobs, attend),
        Backend::Gpu => jobs.iter().map(attend).collect(),
    };
    let mut attended = attended.into_iter().collect::<Result<Vec<_>, _>>()?;
    let attended = if attended.len() == 1 { attended.remove(0) } else { Tensor::cat(attended, 0) };
    project(dense, config, backend, Projection::O, &attended)
}

/// Projects; queries, keys and values are then normed where the family does so, and clipped: `[N,out]`.
fn project(
    dense: &Dense,
    config: &Config,
    backend: Backend,
    projection: Projection,
    x: &Tensor<2>,
) -> Result<Tensor<2>, Error> {
    let Projected { matrix, bias, norm } = dense.projection(projection);
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

/// Rotates the first half of each head's axes against the second.
fn rotate(x: Tensor<4>, [cos, sin]: &[Tensor<4>; 2]) -> Tensor<4> {
    let half = x.dims()[3] / 2;
    let a = x.clone().narrow(3, 0, half);
    let b = x.narrow(3, half, half);
    let first = a.clone() * cos.clone() - b.clone() * sin.clone();
    let second = b * cos.clone() + a * sin.clone();
    Tensor::cat(vec![first, second], 3)
}

/// Attends to the packs of a job: `[count*len,h*w]`.
fn attend_packs(
    config: &Config,
    &Job { start, count, len, tables: Tables { ref sights, ref gpu } }: &Job,
    [q, k, v]: [&Tensor<2>; 3],
) -> Result<Tensor<2>, Error> {
    let Config { heads, kv_heads, head_width, .. } = *config;
    let by_head = |x: &Tensor<2>, heads: usize| {
        x.clone().narrow(0, start, count * len).reshape([count, len, heads, head_width]).swap_dims(1, 2)
    };
    let rotated = |x: Tensor<4>| match gpu {
        Some(Gpu { rotation, .. }) => rotate(x, rotation),
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
    // Some queries at a time, which bounds the scores in memory; none looks at what comes behind the last of them.
    let (most, scores) = if gpu.is_some() { (STEP.1, MOST_SCORES) } else { (STEP.0, NEAR_SCORES) };
    let step = (scores / (count * heads * len)).clamp(1, len.min(most));
    let mut seen = Vec::with_capacity(len.div_ceil(step));
    for first in (0..len).step_by(step) {
        let last = (first + step).min(len);
        let (q, k) = (q.clone().narrow(2, first, last - first), k.clone().narrow(3, 0, last));
        let scores = q.matmul(k);
        let weights = match gpu {
            Some(Gpu { mask, .. }) => {
                let mask = mask.clone().narrow(2, first, last - first).narrow(3, 0, last);
                softmax(scores * scale as f32 + mask, 3)
            }
            None => attention_weights(scores, scale as f32, &sights[first..last])?,
        };
        seen.push(weights.matmul(v.clone().narrow(2, 0, last)));
    }
    let seen = if seen.len() == 1 { seen.remove(0) } else { Tensor::cat(seen, 2) };
    Ok(seen.swap_dims(1, 2).reshape([count * len, heads * head_width]))
}
