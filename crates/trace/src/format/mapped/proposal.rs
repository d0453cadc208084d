//! Guesses the meaning of tensors with unknown names from names, shapes and first values, with
//! reasons, for the user to confirm or correct.

use serde::{Deserialize, Serialize};

use crate::{
    container::{
        open_tensors,
        tensors::{TensorFile, TensorInfo, shape_text},
    },
    error::Error,
    format::mapped::mapping::{Axis, MappedTensor, Mapping, Role},
    io::source::Source,
    text::shorten,
};

/// Values per tensor that are inspected.
const INSPECTED: u64 = 1 << 14;

/// The most tensors of a file for which a mapping is proposed. Files with more are usually
/// checkpoints.
const MOST_TENSORS: usize = 2000;

/// The most selected experts per token.
const MOST_RANKS: u64 = 64;

/// A description of one tensor for the user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShownTensor {
    /// Name of the tensor.
    pub name: String,
    /// Type of the values: `F32`.
    pub dtype: String,
    /// Shape of the tensor, the last axis varying fastest.
    pub shape: Vec<u64>,
}

/// A guess of the meaning of a file's tensors.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proposal {
    /// The file.
    pub name: String,
    /// All tensors of the file, ascending by name.
    pub tensors: Vec<ShownTensor>,
    /// The proposed mapping.
    pub mapping: Mapping,
    /// The reasons, one sentence per tensor or group of tensors.
    pub reasons: Vec<String>,
}

/// Tensors of a [`Proposal`] with one meaning: a single tensor, or tensors whose names differ only
/// by a number, with it.
pub type TensorGroup<'a> = Vec<(Option<u64>, &'a ShownTensor)>;

impl Proposal {
    /// All tensors in groups, ascending by their numbers.
    #[must_use]
    pub fn groups(&self) -> Vec<TensorGroup<'_>> {
        let mut groups: Vec<(String, TensorGroup<'_>)> = Vec::new();
        for tensor in &self.tensors {
            let (stem, number) = match cut_number(&tensor.name) {
                Some((stem, number)) => (stem, Some(number)),
                None => (tensor.name.clone(), None),
            };
            let like = |first: &ShownTensor| first.dtype == tensor.dtype && first.shape == tensor.shape;
            let alike = groups.iter_mut().find(|(known, group)| {
                *known == stem && group.first().is_some_and(|(_, first)| number.is_some() && like(first))
            });
            match alike {
                Some((_, group)) => group.push((number, tensor)),
                None => groups.push((stem, vec![(number, tensor)])),
            }
        }
        let mut groups: Vec<TensorGroup<'_>> = groups.into_iter().map(|(_, group)| group).collect();
        for group in &mut groups {
            group.sort_by_key(|&(number, _)| number);
        }
        groups
    }

    /// The proposal in a sentence, for users who cannot confirm it interactively.
    #[must_use]
    pub fn sentence(&self) -> String {
        format!(
            "{}: tensors under other names, which could be routing: {} Confirm or correct this mapping to use the file: {}",
            self.name,
            self.reasons.join(" "),
            self.mapping.json()
        )
    }
}

/// Proposes a mapping for a file of tensors; `None` if no tensor can be routing, or there are more
/// than 2000 tensors.
///
/// # Errors
/// [`Error::Format`] for other files, and errors of the source.
pub async fn propose(source: Source) -> Result<Option<Proposal>, Error> {
    of_file(&open_tensors(source).await?).await
}

/// Proposes a mapping for an open file.
///
/// # Errors
/// Errors of the source.
pub async fn of_file(file: &TensorFile) -> Result<Option<Proposal>, Error> {
    if file.tensors.len() > MOST_TENSORS {
        return Ok(None);
    }
    let mut mapping = Mapping::default();
    let mut reasons = Vec::new();
    let side = Side::find(file);
    side.map(&mut mapping, &mut reasons);
    // Of several candidates, the most informative one: gates before ids, single tokens before
    // means.
    let mut best: Option<(u32, Vec<MappedTensor>, String)> = None;
    for group in groups(file, &side) {
        if let Some(found) = routing(file, &group, &side).await?
            && best.as_ref().is_none_or(|best| found.0 > best.0)
        {
            best = Some(found);
        }
    }
    let Some((_, tensors, reason)) = best else { return Ok(None) };
    let samples = tensors.first().and_then(|first| {
        let shape = &file.get(&first.name)?.shape;
        first.axes.iter().position(|&axis| axis == Axis::Samples).and_then(|at| shape.get(at).copied())
    });
    let rows = tensors.first().and_then(|first| {
        let shape = &file.get(&first.name)?.shape;
        first.axes.iter().position(|&axis| axis == Axis::Rows).and_then(|at| shape.get(at).copied())
    });
    // A mask or losses of other samples do not belong to the routing.
    mapping.tensors.retain(|mapped| {
        let Some(tensor) = file.get(&mapped.name) else { return false };
        let own = tensor.shape.first().copied();
        let of_these = samples.is_none() || own == samples;
        of_these && (mapped.role != Role::Mask || rows.is_none() || rows == Some(tensor.values()))
    });
    mapping.tensors.splice(0..0, tensors);
    reasons.insert(0, reason);
    let tensors = file.tensors.values().map(|tensor| ShownTensor {
        name: tensor.name.clone(),
        dtype: tensor.dtype.to_string(),
        shape: tensor.shape.clone(),
    });
    Ok(Some(Proposal { name: file.name().to_owned(), tensors: tensors.collect(), mapping, reasons }))
}

/// Tensors that accompany the routing.
#[derive(Default)]
struct Side<'a> {
    mask: Option<&'a TensorInfo>,
    loss: Option<&'a TensorInfo>,
    counts: Option<&'a TensorInfo>,
    /// `[samples, tokens]` of a tensor that is not routing, such as the token ids.
    text: Option<&'a TensorInfo>,
}

fn has(name: &str, words: &[&str]) -> bool {
    let name = name.to_ascii_lowercase();
    words.iter().any(|word| name.contains(word))
}

impl<'a> Side<'a> {
    fn find(file: &'a TensorFile) -> Self {
        let find = |wanted: &dyn Fn(&TensorInfo) -> bool| file.tensors.values().find(|tensor| wanted(tensor));
        Self {
            mask: find(&|tensor| {
                tensor.shape.len() == 2
                    && tensor.dtype.size().is_some()
                    && has(&tensor.name, &["mask", "padding", "is_real", "valid"])
            }),
            loss: find(&|tensor| {
                (1..=2).contains(&tensor.shape.len())
                    && tensor.values() > 1
                    && tensor.dtype.is_float()
                    && has(&tensor.name, &["loss", "nll", "cross_entropy", "perplexity"])
                    && !has(&tensor.name, &["perplexity"])
            }),
            counts: find(&|tensor| {
                tensor.shape.len() == 1
                    && tensor.dtype.is_integer()
                    && has(
                        &tensor.name,
                        &["n_tokens", "num_tokens", "length", "lens", "token_count", "seq_len"],
                    )
            }),
            text: find(&|tensor| {
                tensor.shape.len() == 2
                    && tensor.dtype.is_integer()
                    && has(&tensor.name, &["input_ids", "tokens", "labels"])
            }),
        }
    }

    /// Samples and positions, as far as these tensors state them.
    fn anchors(&self) -> (Option<u64>, Option<u64>) {
        let grid = self.mask.or(self.text).and_then(|tensor| match *tensor.shape {
            [samples, tokens] => Some((samples, tokens)),
            _ => None,
        });
        let first = |tensor: Option<&TensorInfo>| tensor.and_then(|tensor| tensor.shape.first().copied());
        (
            grid.map(|(samples, _)| samples).or_else(|| first(self.counts)).or_else(|| first(self.loss)),
            grid.map(|(_, tokens)| tokens),
        )
    }

    fn is_side(&self, tensor: &TensorInfo) -> bool {
        [self.mask, self.loss, self.counts, self.text].iter().flatten().any(|side| side.name == tensor.name)
    }

    fn map(&self, mapping: &mut Mapping, reasons: &mut Vec<String>) {
        let mut add = |tensor: Option<&TensorInfo>, role: Role| {
            let Some(tensor) = tensor else { return };
            let axes =
                if tensor.shape.len() == 2 { vec![Axis::Samples, Axis::Tokens] } else { vec![Axis::Samples] };
            reasons.push(format!("`{}` is {} by its name.", shorten(&tensor.name), role.name()));
            mapping.tensors.push(MappedTensor { name: tensor.name.clone(), role, axes, layer: None });
        };
        add(self.mask, Role::Mask);
        add(self.loss, Role::Loss);
        add(self.counts, Role::TokenCounts);
    }
}

/// Tensors with one meaning: tensors whose names differ only by a number, or a single tensor.
struct Group<'a> {
    /// The numbers of their layers, ascending; `None` for a single tensor.
    tensors: Vec<(Option<u64>, &'a TensorInfo)>,
}

/// The name without its last number, and the number.
fn cut_number(name: &str) -> Option<(String, u64)> {
    let end = name.rfind(|c: char| c.is_ascii_digit())? + 1;
    let start = name.get(..end)?.trim_end_matches(|c: char| c.is_ascii_digit()).len();
    let number = name.get(start..end)?.parse().ok()?;
    Some((format!("{}#{}", name.get(..start)?, name.get(end..)?), number))
}

fn groups<'a>(file: &'a TensorFile, side: &Side<'_>) -> Vec<Group<'a>> {
    let mut groups: Vec<(String, Group<'a>)> = Vec::new();
    for tensor in file.tensors.values().filter(|tensor| !side.is_side(tensor)) {
        let (stem, number) = match cut_number(&tensor.name) {
            Some((stem, number)) => (stem, Some(number)),
            None => (tensor.name.clone(), None),
        };
        let alike = groups.iter_mut().find(|(known, group)| {
            *known == stem
                && number.is_some()
                && group
                    .tensors
                    .first()
                    .is_some_and(|(_, first)| first.shape == tensor.shape && first.dtype == tensor.dtype)
        });
        match alike {
            Some((_, group)) => group.tensors.push((number, tensor)),
            None => groups.push((stem, Group { tensors: vec![(number, tensor)] })),
        }
    }
    let mut groups: Vec<Group<'a>> = groups.into_iter().map(|(_, group)| group).collect();
    for group in &mut groups {
        group.tensors.sort_by_key(|&(number, _)| number);
        if let [(number, _)] = group.tensors.as_mut_slice() {
            *number = None;
        }
    }
    groups
}

/// The kind of a tensor's first values, along its last axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum RowKind {
    /// Every row is a distribution.
    Distributions,
    /// Other floats.
    Floats,
    /// Ids, distinct in every row.
    Different,
    /// Other whole numbers.
    Whole,
}

async fn row_kind(file: &TensorFile, tensor: &TensorInfo) -> Result<RowKind, Error> {
    let width = tensor.shape.last().copied().unwrap_or(1).max(1);
    let lines = (INSPECTED / width).max(1).min(tensor.values() / width);
    let range = 0..lines * width;
    if range.end > 1 << 20 {
        return Ok(if tensor.dtype.is_float() { RowKind::Floats } else { RowKind::Whole });
    }
    if tensor.dtype.is_float() {
        let values = file.floats(tensor, range).await?;
        let tolerance = if tensor.dtype.is_half() { 1e-2 } else { 1e-3 };
        let distributions = values.chunks_exact(width as usize).all(|line| {
            let sum: f64 = line.iter().map(|&value| f64::from(value)).sum();
            line.iter().all(|value| (0.0..=1.0).contains(value)) && (sum - 1.0).abs() <= tolerance
        });
        return Ok(if distributions { RowKind::Distributions } else { RowKind::Floats });
    }
    let values = file.integers(tensor, range).await?;
    let different = values.chunks_exact(width as usize).all(|line| {
        let padding = line.iter().all(|&id| id < 0);
        let unlike = |(at, id): (usize, &i64)| !line.iter().take(at).any(|other| other == id);
        padding || (line.iter().all(|&id| (0..1 << 16).contains(&id)) && line.iter().enumerate().all(unlike))
    });
    Ok(if different { RowKind::Different } else { RowKind::Whole })
}

/// A possible meaning of a group of tensors, with its score and the reason.
async fn routing(
    file: &TensorFile,
    group: &Group<'_>,
    side: &Side<'_>,
) -> Result<Option<(u32, Vec<MappedTensor>, String)>, Error> {
    let Some(&(_, first)) = group.tensors.first() else { return Ok(None) };
    let many = group.tensors.len() > 1;
    let fits = (first.dtype.is_float() || first.dtype.is_integer())
        && (2..=4).contains(&first.shape.len())
        && first.shape.iter().all(|&n| n > 0)
        && first.shape.last().is_some_and(|&n| n > 1)
        && !has(&first.name, &["weight", "bias", "embed", "hidden", "optimizer"]);
    if !fits || (many && first.shape.len() > 3) {
        return Ok(None);
    }
    let kind = row_kind(file, first).await?;
    let named =
        has(&first.name, &["rout", "gate", "expert", "moe", "prob", "logit", "topk", "top_k", "select"]);
    let (last, what) = match kind {
        RowKind::Distributions => (Axis::Experts, "every row of it sums to 1"),
        RowKind::Floats if named => {
            (Axis::Experts, "its name suggests routing, and its rows are not distributions")
        }
        RowKind::Different if first.shape.last().is_some_and(|&n| n <= MOST_RANKS) => {
            (Axis::Rank, "its rows are distinct small whole numbers")
        }
        RowKind::Floats | RowKind::Different | RowKind::Whole => return Ok(None),
    };
    let Some((axes, why)) = outer_axes(first, many, side, last == Axis::Rank || kind == RowKind::Floats)
    else {
        return Ok(None);
    };
    let per_token = axes.iter().any(|axis| matches!(axis, Axis::Tokens | Axis::Rows));
    let role = match (last, kind, per_token) {
        (Axis::Rank, ..) => Role::Ids,
        (_, RowKind::Distributions, true) => Role::Probabilities,
        (_, RowKind::Distributions, false) => Role::Gates,
        _ => Role::Logits,
    };
    let score = u32::from(named)
        + match role {
            Role::Logits | Role::Probabilities => 6,
            Role::Gates => 4,
            _ => 2,
        };
    let mut all_axes = axes;
    all_axes.push(last);
    let names: Vec<&str> = all_axes.iter().map(|axis| axis.name()).collect();
    let shown = match group.tensors.as_slice() {
        [(_, one)] => format!("`{}` {}", shorten(&one.name), one.shape_text()),
        more => {
            format!("`{}` and {} more {}", shorten(&first.name), more.len() - 1, shape_text(&first.shape))
        }
    };
    let reason = format!("{shown} could be {} [{}]: {what}{why}.", role.name(), names.join(", "));
    let tensors = group.tensors.iter().map(|&(layer, tensor)| MappedTensor {
        name: tensor.name.clone(),
        role,
        axes: all_axes.clone(),
        layer,
    });
    Ok(Some((score, tensors.collect(), reason)))
}

/// The meaning of the axes before the last one. With `tokens` the values are of single tokens
/// whatever the sizes are.
fn outer_axes(
    tensor: &TensorInfo,
    many: bool,
    side: &Side<'_>,
    tokens: bool,
) -> Option<(Vec<Axis>, &'static str)> {
    let (samples, positions) = side.anchors();
    let outer = tensor.shape.get(..tensor.shape.len() - 1)?;
    let is_samples = |n: u64| samples == Some(n);
    let is_positions = |n: u64| positions == Some(n);
    let is_rows = |n: u64| samples.zip(positions).is_some_and(|(s, p)| s.checked_mul(p) == Some(n));
    let by_sizes = "; its axes follow from the sizes of the other tensors";
    Some(match (outer, many) {
        (&[n], _) if is_samples(n) && !tokens => (vec![Axis::Samples], by_sizes),
        (&[n], _) if is_rows(n) => (vec![Axis::Rows], by_sizes),
        (&[_], _) => (vec![Axis::Rows], ""),
        (&[a, b], true) if is_samples(a) && positions.is_none_or(|p| p == b) => {
            (vec![Axis::Samples, Axis::Tokens], by_sizes)
        }
        (&[_, _], true) => (vec![Axis::Samples, Axis::Tokens], ""),
        (&[a, b], false) if is_samples(a) && is_positions(b) => (vec![Axis::Samples, Axis::Tokens], by_sizes),
        (&[a, _], false) if is_rows(a) => (vec![Axis::Rows, Axis::Layers], by_sizes),
        (&[_, b], false) if is_rows(b) => (vec![Axis::Layers, Axis::Rows], by_sizes),
        (&[a, _], false) if is_samples(a) && !tokens => (vec![Axis::Samples, Axis::Layers], by_sizes),
        // There are more tokens than layers.
        (&[a, b], false) if tokens && a >= b => {
            (vec![Axis::Rows, Axis::Layers], "; its longer axis is taken for tokens")
        }
        (&[_, _], false) if tokens => {
            (vec![Axis::Layers, Axis::Rows], "; its longer axis is taken for tokens")
        }
        (&[a, b], false) if a >= b => {
            (vec![Axis::Samples, Axis::Layers], "; its longer axis is taken for samples")
        }
        (&[_, _], false) => (vec![Axis::Layers, Axis::Samples], "; its longer axis is taken for samples"),
        (&[a, b, _], false) if is_samples(a) && is_positions(b) => {
            (vec![Axis::Samples, Axis::Tokens, Axis::Layers], by_sizes)
        }
        (&[_, b, c], false) if is_samples(b) && is_positions(c) => {
            (vec![Axis::Layers, Axis::Samples, Axis::Tokens], by_sizes)
        }
        (&[a, _, c], false) if is_samples(a) && is_positions(c) => {
            (vec![Axis::Samples, Axis::Layers, Axis::Tokens], by_sizes)
        }
        // Stacked lists of layers have layers first.
        (&[a, b, c], false) if a <= b && a <= c => {
            (vec![Axis::Layers, Axis::Samples, Axis::Tokens], "; its shortest axis is taken for layers")
        }
        (&[_, b, c], false) if b <= c => {
            (vec![Axis::Samples, Axis::Layers, Axis::Tokens], "; its shortest axis is taken for layers")
        }
        (&[_, _, _], false) => {
            (vec![Axis::Samples, Axis::Tokens, Axis::Layers], "; its shortest axis is taken for layers")
        }
        _ => return None,
    })
}
