//! Attention of one layer over the sequences of a block: rotary positions, causal, keys and values shared by groups of
//! heads.

use std::rc::Rc;

use burn::tensor::{Device, Tensor, activation::softmax};

use crate::{
    config::Config,
    family::Projection,
    plan::{Form, Group},
    weights::{Dense, Projected, upload},
};

/// Scores of all heads and sequences that are in memory at once.
pub const MOST_SCORES: usize = 1 << 24;

/// Short sequences are attended to in packs of about so many tokens, in which none sees another: matrices of a few rows
/// keep no processor busy, and a pack's mask costs less than calls for each of them.
const PACK: usize = 64;

/// What all layers share: rotation tables and masks, by form of sequence. The last one is kept, since sequences come
/// by form.
pub struct Positions<'a> {
    config: &'a Config,
    device: &'a Device,
    last: Option<((Rc<Form>, usize), Tables)>,
}

/// What the attention to packs of one form of sequence needs.
#[derive(Clone)]
struct Tables {
    /// Cosines and sines, `[1,1,T,w/2]`.
    rotation: [Tensor<4>; 2],
    /// 0 where a token may look, else so low that its weight is 0, `[1,1,T,T]`.
    mask: Tensor<4>,
}

/// `x / sqrt(mean(x^2) + eps) * weight` over the last axis of `[N,n]`.
pub fn rms_norm(x: Tensor<2>, weight: Tensor<1>, eps: f64) -> Tensor<2> {
    let mean = (x.clone() * x.clone()).mean_dim(1);
    x / (mean + eps as f32).sqrt() * weight.unsqueeze()
}

impl<'a> Positions<'a> {
    /// Those of a model.
    pub fn new(config: &'a Config, device: &'a Device) -> Self {
        Self { config, device, last: None }
    }

    /// For packs of `size` sequences.
    fn tables(&mut self, form: &Rc<Form>, size: usize) -> Tables {
        if let Some(((last, last_size), tables)) = &self.last
            && (last, *last_size) == (form, size)
        {
            return tables.clone();
        }
        let places = form.places();
        let places: Vec<Place> = (0..size)
            .flat_map(|sequence| {
                places.iter().map(move |&(branch, position)| Place { sequence, branch, position })
            })
            .collect();
        let positions: Vec<usize> = places.iter().map(|place| place.position).collect();
        let tables = Tables { rotation: self.rotation(&positions), mask: self.mask(&places) };
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

    fn mask(&self, places: &[Place]) -> Tensor<4> {
        let rows = places
            .iter()
            .flat_map(|to| places.iter().map(move |from| if to.sees(from) { 0.0 } else { f32::MIN }));
        upload(rows.collect(), [1, 1, places.len(), places.len()], self.device)
    }
}

/// Where a token of a pack belongs.
struct Place {
    sequence: usize,
    branch: Option<usize>,
    position: usize,
}

impl Place {
    /// A token sees the stem and its own branch of its own sequence, up to itself.
    fn sees(&self, from: &Self) -> bool {
        from.sequence == self.sequence
            && from.position <= self.position
            && (from.branch.is_none() || from.branch == self.branch)
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
pub fn attend(dense: &Dense, x: &Tensor<2>, groups: &[Group], positions: &mut Positions<'_>) -> Tensor<2> {
    let config = positions.config;
    let q = project(dense, config, Projection::Q, x);
    let k = project(dense, config, Projection::K, x);
    let v = project(dense, config, Projection::V, x);
    let mut attended = Vec::with_capacity(groups.len());
    for Group { start, count, form } in groups {
        let len = form.len();
        let size = (PACK / len).clamp(1, *count);
        let (packs, rest) = (count / size, count % size);
        let mut attend = |start: usize, count: usize, size: usize| {
            let tables = positions.tables(form, size);
            attended.push(attend_packs(config, (start, count, size * len), [&q, &k, &v], &tables));
        };
        attend(*start, packs, size);
        if rest > 0 {
            attend(start + packs * size * len, 1, rest);
        }
    }
    let attended = if attended.len() == 1 { attended.remove(0) } else { Tensor::cat(attended, 0) };
    project(dense, config, Projection::O, &attended)
}

/// Projects; queries, keys and values are then normed where the family does so, and clipped: `[N,out]`.
fn project(dense: &Dense, config: &Config, projection: Projection, x: &Tensor<2>) -> Tensor<2> {
    let Projected { matrix, bias, norm } = dense.projection(projection);
    let mut projected = x.clone().matmul(matrix.clone());
    if let Some(bias) = bias {
        projected = projected + bias.clone().unsqueeze();
    }
    if let Some(norm) = norm {
        projected = rms_norm(projected, norm.clone(), config.norm_eps);
    }
    match config.clip_qkv {
        Some(clip) if projection != Projection::O => projected.clamp(-clip as f32, clip as f32),
        _ => projected,
    }
}

/// `count` packs of `len` tokens from a row on.
fn attend_packs(
    config: &Config,
    (start, count, len): (usize, usize, usize),
    [q, k, v]: [&Tensor<2>; 3],
    Tables { rotation: [cos, sin], mask }: &Tables,
) -> Tensor<2> {
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
    // A long sequence looks back some queries at a time, which bounds the scores in memory.
    let step = (MOST_SCORES / (count * heads * len)).clamp(1, len);
    let mut seen = Vec::with_capacity(len.div_ceil(step));
    for first in (0..len).step_by(step) {
        let queries = step.min(len - first);
        let (q, mask) = (q.clone().narrow(2, first, queries), mask.clone().narrow(2, first, queries));
        let scores = q.matmul(k.clone()) * scale as f32 + mask;
        seen.push(softmax(scores, 3).matmul(v.clone()));
    }
    let seen = if seen.len() == 1 { seen.remove(0) } else { Tensor::cat(seen, 2) };
    seen.swap_dims(1, 2).reshape([count * len, heads * head_width])
}
