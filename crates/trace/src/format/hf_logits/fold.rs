//! Folds logits of single tokens into mean gates of samples (`docs/metrics.md#mean-gates`): softmax
//! or normalized sigmoid over all experts in f32, sums over a sample's real tokens in f64, the mean
//! stored as f32.

use std::{collections::BTreeMap, rc::Rc};

use crate::{
    container::tensors::TensorFile,
    error::Error,
    format::hf_logits::layers::{Layer, Layers},
    io::source::PIECE,
    model::{GateKind, TopK, offsets_of},
    numeric::{rows::add, sigmoid::add_normalized_sigmoid, softmax::add_softmax},
    open_trace::bad_samples::{BadSample, most_are_bad},
};

/// The most selections that are kept in memory; with more, saturation and load are omitted.
const MAX_SELECTIONS: usize = 1 << 28;

/// Tokens of each layer that are checked for sigmoid scores.
const CHECKED_TOKENS: usize = 64;

/// Number of values from which all of them between 0 and 1 cannot be a coincidence.
const MIN_SCORES: usize = 64;

/// Samples and positions of a dump's rows.
#[derive(Clone)]
pub struct Batch {
    /// Samples, `B`.
    pub count: usize,
    /// Positions per sample, including padding.
    pub positions: usize,
    /// Whether each row is a real token, `[B * positions]`; `None` when all are.
    pub real: Option<Vec<bool>>,
    /// Where the rows of each sample begin and end, `[B + 1]`, where samples have different numbers
    /// of positions.
    pub offsets: Option<Rc<[usize]>>,
    /// Whether all rows are one sample because the file does not state where samples end.
    pub endless: bool,
}

impl Batch {
    /// A grid of samples and positions; `real` marks the real tokens.
    pub fn grid(count: usize, positions: usize, real: Option<Vec<bool>>) -> Self {
        Self { count, positions, real, offsets: None, endless: false }
    }

    /// All rows as one sample, because the file does not state where samples end.
    pub fn endless(rows: usize) -> Self {
        Self { endless: true, ..Self::grid(1, rows, None) }
    }

    /// Samples of different lengths, concatenated.
    pub fn of_lengths(counts: &[u32]) -> Self {
        let offsets = offsets_of(counts).into_iter().map(|offset| offset as usize).collect();
        Self { offsets: Some(offsets), ..Self::grid(counts.len(), 0, None) }
    }

    /// The sample of a row, and its position there.
    fn place(&self, row: usize) -> (usize, usize) {
        match &self.offsets {
            None => (row / self.positions.max(1), row % self.positions.max(1)),
            Some(offsets) => {
                let sample = offsets.partition_point(|&start| start <= row).saturating_sub(1);
                (sample, row - offsets.get(sample).copied().unwrap_or(0))
            }
        }
    }

    /// Whether a row is a real token.
    pub fn is_real(&self, row: usize) -> bool {
        self.real.as_ref().is_none_or(|real| real.get(row).copied().unwrap_or(false))
    }

    /// Makes all positions of a sample padding.
    fn mask_sample(&mut self, sample: usize) {
        let (count, positions) = (self.count, self.positions);
        let real = self.real.get_or_insert_with(|| vec![true; count * positions]);
        let span = sample * positions..(sample + 1) * positions;
        real.get_mut(span).unwrap_or_default().fill(false);
    }

    /// Real tokens of each sample, `[B]`.
    pub fn token_counts(&self) -> Vec<u32> {
        if let Some(offsets) = &self.offsets {
            let lengths =
                offsets.windows(2).map(|span| span.iter().rev().copied().reduce(|end, start| end - start));
            return lengths.map(|length| length.unwrap_or(0) as u32).collect();
        }
        match &self.real {
            None => vec![self.positions as u32; self.count],
            Some(real) => real
                .chunks(self.positions.max(1))
                .map(|sample| sample.iter().filter(|&&real| real).count() as u32)
                .collect(),
        }
    }
}

/// The result of folding a dump.
pub struct Folded {
    /// Mean gates `[S,L,E]` of the samples with tokens.
    pub gates: Vec<f32>,
    /// Selections by the logits' rank, if `k` is known.
    pub topk: Option<TopK>,
    /// Whether the logits were probabilities.
    pub probabilities: bool,
    /// Whether the first logits all lie between 0 and 1 without being probabilities, as sigmoid scores do.
    pub scores: bool,
}

/// Sums of one layer's rows.
struct Sums {
    /// Sums of the rows' routing weights, `[B,E]`.
    weights: Vec<f64>,
    /// Sums of the rows as stored, `[B,E]`, while all of them are distributions.
    plain: Option<Vec<f64>>,
    /// Values of the first tokens that lie between 0 and 1; `None` once one does not.
    between: Option<usize>,
}

/// Folds all layers by a rule. Samples with a logit that is not finite become samples without real
/// tokens.
///
/// # Errors
/// [`Error::BadSamples`] when these are more than half, and [`Error::Tensor`] when only some layers
/// are probabilities.
pub async fn fold_usable(
    file: &TensorFile,
    layers: &Layers,
    batch: &mut Batch,
    top_k: Option<usize>,
    kind: GateKind,
) -> Result<(Folded, Vec<BadSample>), Error> {
    let mut bad = BTreeMap::new();
    let folded = fold(file, layers, batch, top_k, kind, &mut bad).await?;
    if bad.is_empty() {
        return Ok((folded, Vec::new()));
    }
    let bad = bad.into_iter().map(|(row, fault)| BadSample { row, id: row.to_string(), fault });
    let bad: Vec<BadSample> = bad.collect();
    if batch.endless {
        // The rows of the other samples may be usable, once something tells which these are.
        let gates = vec![f32::NAN; folded.gates.len()];
        return Ok((Folded { gates, ..folded }, Vec::new()));
    }
    if let Some(error) = most_are_bad(&bad, batch.count) {
        return Err(error);
    }
    for bad in &bad {
        batch.mask_sample(bad.row);
    }
    let folded = fold(file, layers, batch, top_k, kind, &mut BTreeMap::new()).await?;
    Ok((folded, bad))
}

/// Gates of all layers by another rule or of other samples, and the samples with a logit that is
/// not finite.
///
/// # Errors
/// [`Error::Tensor`] when only some layers are probabilities.
pub async fn fold_again(
    file: &TensorFile,
    layers: &Layers,
    batch: &Batch,
    kind: GateKind,
) -> Result<(Vec<f32>, Vec<BadSample>), Error> {
    let mut bad = BTreeMap::new();
    let gates = fold(file, layers, batch, None, kind, &mut bad).await?.gates;
    let bad = bad.into_iter().map(|(row, fault)| BadSample { row, id: row.to_string(), fault });
    Ok((gates, bad.collect()))
}

/// Folds all layers by a rule. The first fault of every sample with a logit that is not finite goes
/// to `bad`.
async fn fold(
    file: &TensorFile,
    layers: &Layers,
    batch: &Batch,
    top_k: Option<usize>,
    kind: GateKind,
    bad: &mut BTreeMap<usize, Error>,
) -> Result<Folded, Error> {
    let counts = batch.token_counts();
    let experts = layers.experts;
    let mut topk = top_k.and_then(|k| empty_selections(k, layers.layers.len(), &counts));
    let mut all = Vec::with_capacity(layers.layers.len());
    for (l, layer) in layers.layers.iter().enumerate() {
        all.push(
            fold_layer(file, layers, layer, batch, kind, bad, |token, row| {
                if let Some(topk) = &mut topk {
                    let at = (token * topk.layers + l) * topk.k;
                    if let Some(slots) = topk.ids.get_mut(at..at + topk.k) {
                        select(row, slots);
                    }
                }
            })
            .await?,
        );
    }
    let plain = all.iter().filter(|sums| sums.plain.is_some()).count();
    if plain > 0 && plain < all.len() {
        let odd = all.iter().position(|sums| sums.plain.is_none()).and_then(|at| layers.layers.get(at));
        return Err(Error::Tensor {
            name: file.name().to_owned(),
            tensor: odd.map(|layer| layer.tensor.name.clone()).unwrap_or_default(),
            found: "router logits, while other layers hold probabilities".to_owned(),
            expected: "the same in every layer".to_owned(),
            advice: "Write all layers from one pass of the model.",
        });
    }
    let mut gates = Vec::with_capacity(counts.len() * all.len() * experts);
    for (sample, &tokens) in counts.iter().enumerate().filter(|&(_, &tokens)| tokens > 0) {
        for sums in &all {
            let sums = sums.plain.as_ref().unwrap_or(&sums.weights);
            let row = sums.get(sample * experts..(sample + 1) * experts).unwrap_or_default();
            gates.extend(row.iter().map(|sum| (sum / f64::from(tokens)) as f32));
        }
    }
    let between: Option<usize> = all.iter().map(|sums| sums.between).sum();
    let scores = plain == 0 && between.is_some_and(|values| values >= MIN_SCORES);
    Ok(Folded { gates, topk, probabilities: plain > 0, scores })
}

fn empty_selections(k: usize, layers: usize, counts: &[u32]) -> Option<TopK> {
    let mut offsets = vec![0];
    let mut tokens = 0_usize;
    for &count in counts.iter().filter(|&&count| count > 0) {
        tokens += count as usize;
        offsets.push(tokens);
    }
    let size = tokens.checked_mul(layers)?.checked_mul(k).filter(|&size| size <= MAX_SELECTIONS)?;
    Some(TopK { k, layers, ids: vec![0; size], offsets })
}

/// Reads one layer some rows at a time, and calls `token` with the index and the row of each real
/// token. The first fault of every sample with a logit that is not finite goes to `bad`.
async fn fold_layer(
    file: &TensorFile,
    layers: &Layers,
    layer: &Layer,
    batch: &Batch,
    kind: GateKind,
    bad: &mut BTreeMap<usize, Error>,
    mut token: impl FnMut(usize, &[f32]),
) -> Result<Sums, Error> {
    let experts = layers.experts;
    let tolerance = if layer.tensor.dtype.is_half() { 1e-2 } else { 1e-3 };
    let size = batch.count * experts;
    let mut sums = Sums { weights: vec![0.0; size], plain: Some(vec![0.0; size]), between: Some(0) };
    let (mut logits, mut weights) = (vec![0.0_f32; experts], vec![0.0_f32; experts]);
    let mut tokens = 0;
    let value_bytes = layer.tensor.dtype.size().unwrap_or(4) as usize;
    let (row_bytes, stride_bytes) = (experts * value_bytes, layers.row_stride * value_bytes);
    let at_once = (PIECE / stride_bytes.max(1)).max(1);
    let mut start = 0;
    while start < layers.rows {
        let end = layers.run_end(start, at_once);
        let first = layer.start + layers.offset(start);
        let last = layer.start + layers.offset(end - 1) + experts as u64;
        let bytes = file.bytes(&layer.tensor, first..last).await?;
        for (row, bytes) in (start..end).zip(bytes.chunks(stride_bytes.max(1))) {
            let bytes = bytes.get(..row_bytes).unwrap_or_default();
            if !batch.is_real(row) {
                continue;
            }
            // Row by row, so that a row stays in cache between the steps.
            layer.tensor.dtype.widen_over(bytes, &mut logits);
            let (sample, _) = batch.place(row);
            let span = sample * experts..(sample + 1) * experts;
            let sum = sums.weights.get_mut(span.clone()).unwrap_or_default();
            let added = match kind {
                GateKind::SigmoidNormalizedMean => add_normalized_sigmoid(&logits, &mut weights, sum),
                _ => add_softmax(&logits, &mut weights, sum),
            };
            if !added {
                bad.entry(sample).or_insert_with(|| not_finite(file, layer, batch, row, &logits));
                continue;
            }
            if sums.plain.is_some() && !is_distribution(&logits, tolerance) {
                sums.plain = None;
            }
            if let Some(plain) = sums.plain.as_mut().and_then(|plain| plain.get_mut(span)) {
                add(plain, &logits);
            }
            if tokens < CHECKED_TOKENS {
                let all = logits.iter().all(|value| (0.0..=1.0).contains(value));
                sums.between = sums.between.filter(|_| all).map(|values| values + experts);
            }
            token(tokens, &logits);
            tokens += 1;
        }
        start = end;
    }
    Ok(sums)
}

fn not_finite(file: &TensorFile, layer: &Layer, batch: &Batch, row: usize, logits: &[f32]) -> Error {
    let (sample, position) = batch.place(row);
    let expert = logits.iter().position(|logit| !logit.is_finite()).unwrap_or(0);
    Error::Tensor {
        name: file.name().to_owned(),
        tensor: layer.tensor.name.clone(),
        found: format!(
            "{} for expert {expert} at sample {sample}, position {position}",
            logits.get(expert).copied().unwrap_or(f32::NAN),
        ),
        expected: "finite logits for real tokens".to_owned(),
        advice: "Run the model again in float32 or bfloat16.",
    }
}

/// Whether a row is a distribution over the experts.
fn is_distribution(row: &[f32], tolerance: f64) -> bool {
    let mut sum = 0.0_f64;
    for &value in row {
        if !(0.0..=1.0).contains(&value) {
            return false;
        }
        sum += f64::from(value);
    }
    (sum - 1.0).abs() <= tolerance
}

/// The experts with the largest logits, largest first; equal logits by id, lower first.
fn select(logits: &[f32], slots: &mut [u16]) {
    let k = slots.len();
    let mut best: Vec<(f32, u16)> = Vec::with_capacity(k + 1);
    for (expert, &logit) in logits.iter().enumerate() {
        let at = best.partition_point(|&(other, _)| other >= logit);
        if at < k {
            best.insert(at, (logit, expert as u16));
            best.truncate(k);
        }
    }
    for (slot, (_, expert)) in slots.iter_mut().zip(best) {
        *slot = expert;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_logits_are_selected_by_id() {
        let mut slots = [0; 3];
        select(&[1.0, 3.0, 3.0, 0.5, 1.0], &mut slots);
        assert_eq!(slots, [1, 2, 0]);
    }

    #[test]
    fn distributions_are_recognized() {
        assert!(is_distribution(&[0.25, 0.75], 1e-3));
        assert!(!is_distribution(&[0.25, 0.7], 1e-3));
        assert!(!is_distribution(&[-0.25, 1.25], 1e-3));
    }
}
