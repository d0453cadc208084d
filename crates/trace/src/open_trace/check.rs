//! Checks that gates are distributions over the experts, and selections distinct experts.

use std::{
    iter::Sum,
    ops::{AddAssign, Range},
};

use crate::{
    container::tensors::Dtype, error::Error, model::TraceInfo, numeric::vector::widest,
    open_trace::bad_samples::BadSample, text::shorten,
};

/// How far the sum of a row of gates may deviate from 1 without a warning.
///
/// A stored weight is off by at most half a unit in its last place, so that a row's sum is off by
/// at most 2^-11 in f16 and 2^-8 in bf16. Sums of f32 are off by the rounding of the writer's own
/// sum in f32.
fn tolerance(dtype: &Dtype) -> f64 {
    match dtype {
        Dtype::F16 => 1e-3,
        Dtype::Bf16 => 4e-3,
        _ => 1e-4,
    }
}

/// The deviation beyond which rows are not routing weights, which is an error.
const FAR_OFF: f64 = 1e-2;

/// The longest row that is summed in f32 first. Such a sum, in sixteen parts, is off by at most
/// 2e-5, which is within half of any tolerance.
const SHORT: usize = 4096;

/// What a check of gates found.
#[derive(Debug, Default)]
pub struct Checked {
    /// A warning where rows sum to 1 only roughly.
    pub notice: Option<String>,
    /// Samples with a value that is negative or not finite, or with a row that does not sum to 1
    /// within [`FAR_OFF`], ascending.
    pub bad: Vec<BadSample>,
}

/// Checks gates `[n,L,E]` of the given samples.
pub fn gates(info: &TraceInfo, dtype: &Dtype, samples: &Range<usize>, values: &[f32]) -> Checked {
    let name = |row: usize| {
        let id = info.samples.get(row).map_or_else(String::new, |meta| shorten(&meta.id));
        format!("sample {row} (`{id}`)")
    };
    gates_of(info, dtype, samples, values, &name)
}

/// Checks gates `[n,L,E]` of the given rows, which messages call by the names that `name` gives.
pub fn gates_of(
    info: &TraceInfo,
    dtype: &Dtype,
    samples: &Range<usize>,
    values: &[f32],
    name: &dyn Fn(usize) -> String,
) -> Checked {
    let tolerance = tolerance(dtype);
    let mut bad: Vec<BadSample> = Vec::new();
    let mut rough: Option<(usize, f64)> = None;
    let mut rough_rows = 0_usize;
    for (i, row) in values.chunks_exact(info.experts.max(1)).enumerate() {
        // Most rows are clearly within the tolerance and need no sum in f64.
        let (sum, sound) = row_sum::<f32>(row);
        if sound && row.len() <= SHORT && f64::from(sum - 1.0).abs() <= tolerance / 2.0 {
            continue;
        }
        let (sum, sound) = row_sum::<f64>(row);
        let off = (sum - 1.0).abs();
        if sound && off <= tolerance {
            continue;
        }
        if !sound || off.is_nan() || off > FAR_OFF {
            let at = samples.start + i / info.layers.max(1);
            if bad.last().is_none_or(|last| last.row != at) {
                let id = info.samples.get(at).map_or_else(String::new, |meta| meta.id.clone());
                bad.push(BadSample { row: at, id, fault: bad_row(info, name(at), i, row, sum) });
            }
            continue;
        }
        rough_rows += 1;
        rough.get_or_insert((i, sum));
    }
    let notice = rough.map(|(i, sum)| {
        let (sample, layer) = (samples.start + i / info.layers.max(1), i % info.layers.max(1));
        format!(
            "{}: {rough_rows} rows of gates sum to 1 only roughly; the first is {}, layer {layer}, \
             with {sum:.5}. They are used as they are; writing gates as F32 avoids this.",
            info.name,
            name(sample),
        )
    });
    Checked { notice, bad }
}

/// The sum, in several running sums for speed, and whether no value is negative or NaN.
fn row_sum<T: AddAssign + Copy + Default + From<f32> + Sum>(row: &[f32]) -> (T, bool) {
    widest(
        #[inline(always)]
        || {
            let (chunks, rest) = row.as_chunks::<16>();
            // Numbers as wide as the values instead of booleans, so that comparisons need no
            // narrowing.
            let (mut sums, mut sound) = ([T::default(); 16], [1_u32; 16]);
            for chunk in chunks.iter().map(<[f32; 16]>::as_slice).chain([rest]) {
                for ((sum, sound), &value) in sums.iter_mut().zip(&mut sound).zip(chunk) {
                    *sum += T::from(value);
                    *sound &= u32::from(value >= 0.0);
                }
            }
            (sums.into_iter().sum(), sound.iter().all(|&sound| sound == 1))
        },
    )
}

fn bad_row(info: &TraceInfo, name: String, i: usize, row: &[f32], sum: f64) -> Error {
    let layer = i % info.layers.max(1);
    let bad =
        row.iter().enumerate().find(|&(_, &value)| value.is_nan() || value < 0.0 || value.is_infinite());
    let (found, expected, advice) = match bad {
        Some((expert, value)) if value.is_finite() => (
            format!("expert {expert} has the weight {value}"),
            "weights from 0 to 1",
            "If these are router logits, apply softmax over all experts before the mean.",
        ),
        Some((expert, value)) => (
            format!("expert {expert} has the weight {value}"),
            "finite weights from 0 to 1",
            "Make the trace again in float32, with at least one real token per sample.",
        ),
        None if sum < 1.0 => (
            format!("the weights sum to {sum:.5}"),
            "1",
            "If only the selected experts' weights were kept, write the softmax over all experts instead.",
        ),
        None => (
            format!("the weights sum to {sum:.5}"),
            "1",
            "If these are sums or router logits, write the mean over tokens of the softmax over all experts.",
        ),
    };
    Error::Gates { name: info.name.clone(), row: name, layer, found, expected, advice }
}

/// Checks selections `[T,L,k]`, the first token being the file's token `first`, and narrows them.
///
/// # Errors
/// [`Error::Selection`] at the first id that is out of range or repeated.
pub fn selections(
    info: &TraceInfo,
    k: usize,
    first: usize,
    ids: impl ExactSizeIterator<Item = i64>,
) -> Result<Vec<u16>, Error> {
    let mut narrow = Vec::with_capacity(ids.len());
    // The last row with each expert; rows count from 1.
    let mut seen = vec![0_usize; info.experts];
    let (mut row, mut rank) = (1_usize, 0_usize);
    for id in ids {
        if rank == k {
            (row, rank) = (row + 1, 0);
        }
        rank += 1;
        let slot = usize::try_from(id).ok().and_then(|id| seen.get_mut(id));
        let (Some(slot), Ok(small)) = (slot, u16::try_from(id)) else {
            return Err(bad_selection(
                info,
                first,
                row - 1,
                format!("expert {id}"),
                format!("ids from 0 to {}", info.experts.saturating_sub(1)),
                "Write only real tokens, and the experts' own numbers (no -1 for padding, no shared experts).",
            ));
        };
        if *slot == row {
            return Err(bad_selection(
                info,
                first,
                row - 1,
                format!("expert {id} twice"),
                format!("{k} different experts"),
                "Write distinct experts per token; leave out dense layers and padding.",
            ));
        }
        *slot = row;
        narrow.push(small);
    }
    Ok(narrow)
}

fn bad_selection(
    info: &TraceInfo,
    first: usize,
    row: usize,
    found: String,
    expected: String,
    advice: &'static str,
) -> Error {
    Error::Selection {
        name: info.name.clone(),
        token: first + row / info.layers.max(1),
        layer: row % info.layers.max(1),
        found,
        expected,
        advice,
    }
}

#[cfg(test)]
mod tests {
    use super::{SHORT, row_sum};

    #[test]
    fn sums_in_f32_are_within_the_tolerances() {
        let mut state = 1_u32;
        for experts in [1, 7, 16, 64, 1024, SHORT] {
            for _ in 0..200 {
                let mut row: Vec<f32> = Vec::new();
                row.resize_with(experts, || {
                    state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    let part = f64::from(state) / f64::from(u32::MAX);
                    (part * part * part * part * part) as f32
                });
                let whole: f32 = row.iter().sum();
                for value in &mut row {
                    *value /= whole;
                }
                let ((near, sound), (sum, _)) = (row_sum::<f32>(&row), row_sum::<f64>(&row));
                assert!(
                    sound && (f64::from(near) - sum).abs() < 2e-5,
                    "{experts} experts: {near}, not {sum}"
                );
            }
        }
    }

    #[test]
    fn rows_of_other_values_than_weights_are_rejected() {
        for (bad, at) in [(f32::NAN, 3), (-0.1, 17), (f32::NEG_INFINITY, 64)] {
            let mut row = [1.0 / 65.0_f32; 65];
            row[at] = bad;
            assert!(!row_sum::<f32>(&row).1 && !row_sum::<f64>(&row).1, "{bad} at {at}");
        }
    }
}
