//! Attention of one layer over all sequences: rotary positions, causal, keys and values shared by groups of heads.

use burn::tensor::{Device, Tensor, activation::softmax};

use crate::{
    config::Config,
    error::Error,
    family::Projection,
    plan::Group,
    weights::{Weights, upload},
};

/// What all layers share: rotation tables and masks, by length of sequence.
pub struct Positions {
    head_width: usize,
    theta: f64,
}

/// `x / sqrt(mean(x^2) + eps) * weight` over the last axis of `[N,n]`.
pub fn rms_norm(x: Tensor<2>, weight: Tensor<1>, eps: f64) -> Tensor<2> {
    let mean = (x.clone() * x.clone()).mean_dim(1);
    x / (mean + eps as f32).sqrt() * weight.unsqueeze()
}

impl Positions {
    /// Those of a model.
    pub fn new(config: &Config) -> Self {
        Self { head_width: config.head_width, theta: config.rope_theta }
    }

    /// Cosine and sine of each position and half axis, `[T,w/2]`, computed as transformers does: frequencies and angles
    /// in f32.
    fn rotation(&self, len: usize, device: &Device) -> [Tensor<4>; 2] {
        let half = self.head_width / 2;
        let frequency =
            |axis: usize| (1.0 / libm::pow(self.theta, (2 * axis) as f64 / self.head_width as f64)) as f32;
        let frequencies: Vec<f32> = (0..half).map(frequency).collect();
        let angles = || {
            (0..len).flat_map(|position| {
                frequencies.iter().map(move |frequency| f64::from(position as f32 * frequency))
            })
        };
        let shape = [1, 1, len, half];
        [
            upload(angles().map(|angle| libm::cos(angle) as f32).collect(), shape, device),
            upload(angles().map(|angle| libm::sin(angle) as f32).collect(), shape, device),
        ]
    }

    /// 0 where a position may look, else so low that its weight is 0, `[1,1,T,T]`.
    fn mask(len: usize, device: &Device) -> Tensor<4> {
        let rows = (0..len).flat_map(|to| (0..len).map(move |from| if from > to { f32::MIN } else { 0.0 }));
        upload(rows.collect(), [1, 1, len, len], device)
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

/// What the attention of a layer adds to the residual stream, `[N,d]`, from its normed input.
pub async fn attend(
    weights: &Weights<'_>,
    layer: usize,
    x: &Tensor<2>,
    groups: &[Group],
    positions: &Positions,
) -> Result<Tensor<2>, Error> {
    let config = &weights.checkpoint.config;
    let q = project(weights, layer, Projection::Q, x).await?;
    let k = project(weights, layer, Projection::K, x).await?;
    let v = project(weights, layer, Projection::V, x).await?;
    let output = weights.projection(layer, Projection::O).await?;
    let bias = weights.bias(layer, Projection::O).await?;
    let mut attended = Vec::with_capacity(groups.len());
    let mut tables: Option<(usize, [Tensor<4>; 2], Tensor<4>)> = None;
    for group in groups {
        // Groups come by length, so the tables of the last one often serve.
        if tables.as_ref().is_none_or(|(len, ..)| *len != group.len) {
            let rotation = positions.rotation(group.len, weights.device);
            tables = Some((group.len, rotation, Positions::mask(group.len, weights.device)));
        }
        if let Some((_, rotation, mask)) = &tables {
            attended.push(attend_group(config, *group, [&q, &k, &v], rotation, mask));
        }
    }
    let attended = Tensor::cat(attended, 0).matmul(output);
    Ok(match bias {
        Some(bias) => attended + bias.unsqueeze(),
        None => attended,
    })
}

/// Projects, norms and clips: `[N,out]`.
async fn project(
    weights: &Weights<'_>,
    layer: usize,
    projection: Projection,
    x: &Tensor<2>,
) -> Result<Tensor<2>, Error> {
    let config = &weights.checkpoint.config;
    let mut projected = x.clone().matmul(weights.projection(layer, projection).await?);
    if let Some(bias) = weights.bias(layer, projection).await? {
        projected = projected + bias.unsqueeze();
    }
    if let Some(norm) = config.family.projection_norm(layer, projection) {
        let [out, _] = weights.checkpoint.projection_shape(projection);
        projected = rms_norm(projected, weights.vector(&norm, out).await?, config.norm_eps);
    }
    Ok(match config.clip_qkv {
        Some(clip) => projected.clamp(-clip as f32, clip as f32),
        None => projected,
    })
}

fn attend_group(
    config: &Config,
    Group { start, count, len }: Group,
    [q, k, v]: [&Tensor<2>; 3],
    [cos, sin]: &[Tensor<4>; 2],
    mask: &Tensor<4>,
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
    let k = shared(rotate(by_head(k, kv_heads), cos, sin));
    let v = shared(by_head(v, kv_heads));
    let scale = 1.0 / libm::sqrt(head_width as f64);
    let scores = q.matmul(k.swap_dims(2, 3)) * scale as f32 + mask.clone();
    softmax(scores, 3).matmul(v).swap_dims(1, 2).reshape([count * len, heads * head_width])
}
