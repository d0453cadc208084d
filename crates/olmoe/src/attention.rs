//! Attention of one layer over the sequences of a block: rotary positions, causal, keys and values shared by groups of
//! heads.

use std::rc::Rc;

use burn::tensor::{Device, Tensor, activation::softmax};

use crate::{
    config::Config,
    device::Backend,
    error::Error,
    family::Projection,
    plan::{Form, Group},
    rows::{Sight, attention_weights, rms_norm},
    weights::{Dense, Projected, upload},
};

/// Scores of all heads and sequences that are in memory at once.
pub const MOST_SCORES: usize = 1 << 24;

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
}

/// What the attention to packs of one form of sequence needs.
#[derive(Clone)]
struct Tables {
    /// Cosines and sines, `[1,1,T,w/2]`.
    rotation: [Tensor<4>; 2],
    /// What each token sees.
    sights: Rc<[Sight]>,
    /// The same for graphics processors: 0 where a token may look, else so low that its weight is 0, `[1,1,T,T]`.
    mask: Option<Tensor<4>>,
}

impl<'a> Positions<'a> {
    /// Those of a model.
    pub fn new(config: &'a Config, device: &'a Device, backend: Backend) -> Self {
        Self { config, device, backend, last: None }
    }

    /// For packs of `size` sequences.
    fn tables(&mut self, form: &Rc<Form>, size: usize) -> Tables {
        if let Some(((last, last_size), tables)) = &self.last
            && (last, *last_size) == (form, size)
        {
            return tables.clone();
        }
        let places = form.places();
        let positions: Vec<usize> =
            (0..size).flat_map(|_| places.iter().map(|(_, position)| *position)).collect();
        let sights: Rc<[Sight]> =
            (0..size).flat_map(|sequence| form.sights(sequence * places.len())).collect();
        let mask = (self.backend == Backend::Gpu).then(|| self.mask(&sights));
        let tables = Tables { rotation: self.rotation(&positions), sights, mask };
        self.last = Some(((Rc::clone(form), size), tables.clone()));
        tables
    }

    /// Cosine and sine of each position and half axis, computed as transformers does: frequencies and angles in f32.
    fn rotation(&self, positions: &[usize]) -> [Tensor<4>; 2] {
        let Config { head_width, rope_theta, .. } = *self.config;
        let half = head_width / 2;
        let frequency =
            |axis: usize| (1.0 / libm::pow(rope_theta, (2 * axis) as f64 / head_width as f64)) as f32;
        let frequencies: Vec<f32> = (0..half).map(frequency).collect();
        let angles = || {
            positions.iter().flat_map(|&position| {
                frequencies.iter().map(move |frequency| f64::from(position as f32 * frequency))
            })
        };
        let shape = [1, 1, positions.len(), half];
        [
            upload(angles().map(|angle| libm::cos(angle) as f32).collect(), shape, self.device),
            upload(angles().map(|angle| libm::sin(angle) as f32).collect(), shape, self.device),
        ]
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

/// Rotates the first half of each head's axes against the second.
fn rotate(x: Tensor<4>, cos: &Tensor<4>, sin: &Tensor<4>) -> Tensor<4> {
    let half = x.dims()[3] / 2;
    let a = x.clone().narrow(3, 0, half);
    let b = x.narrow(3, half, half);
    let first = a.clone() * cos.clone() - b.clone() * sin.clone();
    let second = b * cos.clone() + a * sin.clone();
    Tensor::cat(vec![first, second], 3)
}

/// What the attention of a layer adds to the residual stream of a block, `[N,d]`, from its normed input.
pub fn attend(
    dense: &Dense,
    x: &Tensor<2>,
    groups: &[Group],
    positions: &mut Positions<'_>,
) -> Result<Tensor<2>, Error> {
    let (config, backend) = (positions.config, positions.backend);
    let q = project(dense, config, backend, Projection::Q, x)?;
    let k = project(dense, config, backend, Projection::K, x)?;
    let v = project(dense, config, backend, Projection::V, x)?;
    let mut attended = Vec::with_capacity(groups.len());
    for Group { start, count, form } in groups {
        let len = form.len();
        let size = (PACK / len).clamp(1, *count);
        let (packs, rest) = (count / size, count % size);
        let mut attend = |start: usize, count: usize, size: usize| {
            let tables = positions.tables(form, size);
            attended.push(attend_packs(config, (start, count, size * len), [&q, &k, &v], &tables)?);
            Ok::<(), Error>(())
        };
        attend(*start, packs, size)?;
        if rest > 0 {
            attend(start + packs * size * len, 1, rest)?;
        }
    }
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

/// `count` packs of `len` tokens from a row on.
fn attend_packs(
    config: &Config,
    (start, count, len): (usize, usize, usize),
    [q, k, v]: [&Tensor<2>; 3],
    Tables { rotation: [cos, sin], sights, mask }: &Tables,
) -> Result<Tensor<2>, Error> {
    let Config { heads, kv_heads, head_width, .. } = *config;
    let by_head = |x: &Tensor<2>, heads: usize| {
        x.clone().narrow(0, start, count * len).reshape([count, len, heads, head_width]).swap_dims(1, 2)
    };
    let shared = |x: Tensor<4>| {
        let times = heads / kv_heads;
        if times == 1 {
            return x;
        }
        x.unsqueeze_dim::<5>(2).repeat_dim(2, times).reshape([count, heads, len, head_width])
    };
    let q = rotate(by_head(q, heads), cos, sin);
    let k = shared(rotate(by_head(k, kv_heads), cos, sin)).swap_dims(2, 3);
    let v = shared(by_head(v, kv_heads));
    let scale = 1.0 / libm::sqrt(head_width as f64);
    // Some queries at a time, which bounds the scores in memory; none looks at what comes behind the last of them.
    let most = if mask.is_some() { STEP.1 } else { STEP.0 };
    let step = (MOST_SCORES / (count * heads * len)).clamp(1, len.min(most));
    let mut seen = Vec::with_capacity(len.div_ceil(step));
    for first in (0..len).step_by(step) {
        let last = (first + step).min(len);
        let (q, k) = (q.clone().narrow(2, first, last - first), k.clone().narrow(3, 0, last));
        let scores = q.matmul(k);
        let weights = match mask {
            Some(mask) => {
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
