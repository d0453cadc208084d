//! Reads a file of tensors with axes in any order by a [`Mapping`] into a router trace.

pub mod mapping;
pub mod proposal;

use std::collections::BTreeMap;

use crate::{
    container::{open_tensors, tensors::TensorFile},
    error::Error,
    format::{
        kind::{FileKind, Opened},
        mapped::mapping::{Axis, Found, Mapping, Role, size_of},
        metadata,
    },
    io::source::{MAX_READ, Source},
    model::{GateKind, MAX_EXPERTS, RouterTrace, SampleMeta, TopK},
    numeric::{sigmoid::normalized_sigmoid, softmax::softmax},
    open_trace::{
        OpenTrace,
        bad_samples::{BadSample, most_are_bad},
    },
    text::shorten,
};

/// Values read at once: 4 MiB of f32.
const CHUNK: u64 = 1 << 20;

/// The most values of a trace in memory.
const MAX_VALUES: usize = 1 << 28;

/// Opens a file of tensors by a mapping.
///
/// Values of single tokens are folded into mean gates, ids into selection frequencies
/// (`docs/metrics.md#mean-gates`). The whole file is read, some rows at a time if experts or ranks
/// are the last axis.
///
/// # Errors
/// [`Error::Mapping`] and [`Error::Tensor`] when mapping and file do not fit, and for values that
/// are not routing.
pub async fn open_mapped(source: Source, mapping: &Mapping) -> Result<Opened, Error> {
    let file = open_tensors(source).await?;
    let mut warnings = Vec::new();
    let trace = read(&file, mapping, &mut warnings).await?;
    Ok(Opened { what: FileKind::Trace(trace), warnings })
}

/// The samples and positions of the rows.
struct Rows {
    /// Samples, `S`.
    samples: usize,
    /// For each position of all samples: the sample, and whether it is a real token.
    owner: Vec<Option<u32>>,
    /// Positions per sample, if equal for all.
    positions: Option<usize>,
}

impl Rows {
    /// Real tokens of each sample, `[S]`.
    fn counts(&self) -> Vec<u32> {
        let mut counts = vec![0_u32; self.samples];
        for &sample in self.owner.iter().flatten() {
            if let Some(count) = counts.get_mut(sample as usize) {
                *count += 1;
            }
        }
        counts
    }
}

async fn read(file: &TensorFile, mapping: &Mapping, warnings: &mut Vec<String>) -> Result<OpenTrace, Error> {
    let routing = mapping.check(file)?;
    let Some(&first) = routing.first() else { return Err(lost(file)) };
    let role = first.0.role;
    let layers =
        if first.0.layer.is_some() { routing.len() } else { size_of(first, Axis::Layers).unwrap_or(1) };
    let rows = if role == Role::Gates {
        // Means over tokens have been masked already.
        masked(file, None, size_of(first, Axis::Samples).unwrap_or(1), 1).await?
    } else {
        rows(file, mapping, first, warnings).await?
    };
    let width = size_of(first, if role == Role::Ids { Axis::Rank } else { Axis::Experts }).unwrap_or(0);
    let per_token = role == Role::Ids;
    let size = if per_token { rows.owner.len() } else { rows.samples };
    let size = size.checked_mul(layers).and_then(|n| n.checked_mul(width)).filter(|&n| n <= MAX_VALUES);
    let Some(size) = size.filter(|_| width > 0 && width <= MAX_EXPERTS) else {
        return Err(file.wrong(
            first.1,
            "at most 65535 experts, and 268435456 values of all samples",
            "Split the samples over several files.",
        ));
    };
    let mut counts = rows.counts();
    let rule = match role {
        Role::Ids => None,
        Role::Logits => metadata::gate_kind(file, &GateKind::RULES)?,
        _ => metadata::gate_kind(file, &GateKind::ALL)?,
    };
    let rule = rule.unwrap_or(GateKind::SoftmaxMean);
    // The first fault of every sample that cannot be used.
    let mut bad: BTreeMap<usize, Error> = BTreeMap::new();
    let (gates, topk, experts, gate_kind) = if role == Role::Ids {
        let mut ids = vec![-1_i64; size];
        each_line(file, &routing, &rows, layers, |row, layer, line, _| {
            if let (Line::Ints(values), Some(Some(_))) = (line, rows.owner.get(row)) {
                let at = (row * layers + layer) * width;
                if let Some(slots) = ids.get_mut(at..at + width) {
                    slots.copy_from_slice(values);
                }
            }
            Ok(())
        })
        .await?;
        let (topk, experts) = selections(file, mapping, first, &rows, layers, width, &ids)?;
        counts = topk
            .offsets
            .windows(2)
            .map(|span| span.last().zip(span.first()).map_or(0, |(b, a)| (b - a) as u32))
            .collect();
        (Vec::new(), Some(topk), experts, GateKind::SelectionFrequency)
    } else {
        let mut sums = vec![0.0_f64; size];
        let mut weights = vec![0.0_f32; width];
        each_line(file, &routing, &rows, layers, |row, layer, line, place| {
            let (Line::Floats(values), Some(&Some(sample))) = (line, rows.owner.get(row)) else {
                return Ok(());
            };
            if let Some(value) = values.iter().find(|value| !value.is_finite()) {
                bad.entry(sample as usize).or_insert_with(|| Error::Tensor {
                    name: file.name().to_owned(),
                    tensor: place.to_owned(),
                    found: format!("{value} at position {row}, layer {layer}"),
                    expected: "finite values for real tokens".to_owned(),
                    advice: "Map a mask if positions are padding, or run the model again in float32 or bfloat16.",
                });
                return Ok(());
            }
            let values = if role == Role::Logits {
                match rule {
                    GateKind::SigmoidNormalizedMean => normalized_sigmoid(values, &mut weights),
                    _ => softmax(values, &mut weights),
                }
                &weights
            } else {
                values
            };
            let at = (sample as usize * layers + layer) * width;
            for (sum, &value) in sums.get_mut(at..at + width).unwrap_or_default().iter_mut().zip(values) {
                *sum += f64::from(value);
            }
            Ok(())
        })
        .await?;
        for &sample in bad.keys() {
            if let Some(count) = counts.get_mut(sample) {
                *count = 0;
            }
        }
        let mut gates = Vec::with_capacity(size);
        for (sums, &tokens) in
            sums.chunks_exact(layers * width).zip(&counts).filter(|&(_, &tokens)| tokens > 0)
        {
            gates.extend(sums.iter().map(|sum| (sum / f64::from(tokens)) as f32));
        }
        (gates, None, width, rule)
    };
    let given_counts = token_counts(file, mapping, rows.samples).await?;
    let mut loss = losses(file, mapping, &rows).await?;
    let mut samples = metadata::samples(file, rows.samples, warnings)?;
    let kept: Vec<bool> = counts.iter().map(|&tokens| tokens > 0).collect();
    let empty: Vec<bool> =
        (0..).zip(&counts).map(|(row, &tokens)| tokens == 0 && !bad.contains_key(&row)).collect();
    let mut bad: Vec<BadSample> = bad
        .into_iter()
        .map(|(row, fault)| {
            let named = samples.as_ref().and_then(|samples| samples.get(row));
            BadSample { row, id: named.map_or_else(|| row.to_string(), |named| named.id.clone()), fault }
        })
        .collect();
    if let Some(error) = most_are_bad(&bad, rows.samples) {
        return Err(error);
    }
    warnings.extend(BadSample::left_out(&bad));
    let none = empty.iter().filter(|&&empty| empty).count();
    if none == rows.samples {
        return Err(Error::Mapping {
            name: file.name().to_owned(),
            given: "a mask that leaves no token".to_owned(),
            has: "1 for real tokens, 0 for padding".to_owned(),
        });
    }
    let mut n_tokens = match (role, given_counts) {
        // Mean gates do not state their number of tokens.
        (Role::Gates, given) => given,
        _ => Some(counts.clone()),
    };
    if none > 0 {
        warnings.push(format!(
            "{}: {none} of {} samples have no real token and are left out.",
            file.name(),
            rows.samples
        ));
    }
    if kept.contains(&false) {
        keep(n_tokens.as_mut(), &kept);
        keep(loss.as_mut(), &kept);
        keep::<SampleMeta>(samples.as_mut(), &kept);
    }
    let gates = match &topk {
        Some(topk) => topk.frequencies(experts),
        None => gates,
    };
    let topk = topk.map(|topk| TopK { offsets: without_repeats(&topk.offsets), ..topk });
    let (step, step_from, named_tokens) = metadata::step_of(file, warnings);
    let trace = RouterTrace {
        model: file.metadata("model").filter(|model| !model.is_empty()).map(str::to_owned),
        step,
        tokens: metadata::number(file, "tokens", warnings).or(named_tokens),
        samples,
        layers,
        experts,
        gate_kind,
        gates,
        loss,
        n_tokens,
        router: None,
        topk,
        topk_ordered: false,
    };
    let mut open = OpenTrace::from_memory(file.name(), "tensors by a mapping", trace)?;
    open.info.step_from = step_from;
    open.info.bytes = file.source.len();
    open.info.half_precision = first.1.dtype.is_half();
    // Rows count without samples that have no token.
    for bad in &mut bad {
        bad.row -= empty.iter().take(bad.row).filter(|&&empty| empty).count();
    }
    open.set_left_out(bad);
    Ok(open)
}

/// An error that cannot happen, as a mapping without routing has been rejected.
fn lost(file: &TensorFile) -> Error {
    Error::Mapping {
        name: file.name().to_owned(),
        given: "no tensor".to_owned(),
        has: "gates, logits, probabilities or ids".to_owned(),
    }
}

fn keep<T>(list: Option<&mut Vec<T>>, kept: &[bool]) {
    let mut kept = kept.iter().copied();
    if let Some(list) = list {
        list.retain(|_| kept.next().unwrap_or(true));
    }
}

/// Offsets of the samples with tokens.
fn without_repeats(offsets: &[usize]) -> Vec<usize> {
    let mut offsets = offsets.to_vec();
    offsets.dedup();
    offsets
}

/// Samples and positions, from the routing's own axes, the mask, the token counts and the losses,
/// in this order.
async fn rows(
    file: &TensorFile,
    mapping: &Mapping,
    routing: Found<'_>,
    warnings: &mut Vec<String>,
) -> Result<Rows, Error> {
    let find = |role| mapping.of_role(role).next().and_then(|mapped| Some((mapped, file.get(&mapped.name)?)));
    let mask = find(Role::Mask);
    let counts = token_counts(file, mapping, 0).await?;
    let (own_samples, own_tokens) = (size_of(routing, Axis::Samples), size_of(routing, Axis::Tokens));
    if let Some(rows) = size_of(routing, Axis::Rows) {
        let grid = mask.and_then(|mask| size_of(mask, Axis::Samples).zip(size_of(mask, Axis::Tokens)));
        if let Some((samples, positions)) = grid {
            if samples.checked_mul(positions) != Some(rows) {
                let expected = format!("{} rows, one a place of the mask", samples.saturating_mul(positions));
                return Err(file.wrong(routing.1, expected, "Write mask and routing of the same batch."));
            }
            return masked(file, mask, samples, positions).await;
        }
        // Samples concatenated, without padding.
        if let Some(counts) =
            counts.filter(|counts| counts.iter().map(|&n| u64::from(n)).sum::<u64>() == rows as u64)
        {
            let owner = counts
                .iter()
                .enumerate()
                .flat_map(|(sample, &count)| std::iter::repeat_n(Some(sample as u32), count as usize))
                .collect();
            return Ok(Rows { samples: counts.len(), owner, positions: None });
        }
        let losses = find(Role::Loss).and_then(|loss| size_of(loss, Axis::Samples));
        let samples = losses.filter(|&samples| rows % samples == 0).unwrap_or(1);
        if samples == 1 {
            warnings.push(format!(
                "{}: the mapping does not state where samples end, so all {rows} rows are taken as one sample. Map a mask [samples, tokens] \
                 or token counts.",
                file.name()
            ));
        }
        return masked(file, mask, samples, rows / samples).await;
    }
    masked(file, mask, own_samples.unwrap_or(1), own_tokens.unwrap_or(1)).await
}

/// A grid of samples and positions; the mask marks real tokens.
async fn masked(
    file: &TensorFile,
    mask: Option<Found<'_>>,
    samples: usize,
    positions: usize,
) -> Result<Rows, Error> {
    let size =
        samples.checked_mul(positions).filter(|&size| size <= MAX_VALUES && u32::try_from(samples).is_ok());
    let Some(size) = size else {
        return Err(Error::Mapping {
            name: file.name().to_owned(),
            given: format!("{samples} samples of {positions} positions"),
            has: format!("at most {MAX_VALUES} positions"),
        });
    };
    let mut owner: Vec<Option<u32>> = (0..size).map(|at| Some((at / positions.max(1)) as u32)).collect();
    if let Some(mask) = mask {
        let (mapped, tensor) = mask;
        if tensor.values() != size as u64 {
            return Err(file.wrong(
                tensor,
                format!("{size} values, one a position"),
                "Write mask and routing of the same batch.",
            ));
        }
        let values: Vec<i64> = if tensor.dtype.is_float() {
            file.floats(tensor, 0..size as u64).await?.into_iter().map(|v| i64::from(v > 0.5)).collect()
        } else {
            file.integers(tensor, 0..size as u64).await?
        };
        let turned = mapped.axes == [Axis::Tokens, Axis::Samples];
        for (at, value) in values.into_iter().enumerate() {
            let at = if turned { at % samples * positions + at / samples } else { at };
            if value == 0
                && let Some(owner) = owner.get_mut(at)
            {
                *owner = None;
            }
        }
    }
    Ok(Rows { samples, owner, positions: Some(positions) })
}

/// The token counts; `samples` is their required number, or 0 for any.
async fn token_counts(
    file: &TensorFile,
    mapping: &Mapping,
    samples: usize,
) -> Result<Option<Vec<u32>>, Error> {
    let mapped = mapping.of_role(Role::TokenCounts).next();
    let Some(tensor) = mapped.and_then(|mapped| file.get(&mapped.name)) else { return Ok(None) };
    if samples > 0 && tensor.values() != samples as u64 {
        return Err(file.wrong(tensor, format!("{samples} counts, one per sample"), "Correct the mapping."));
    }
    let counts: Option<Vec<u32>> =
        file.integers(tensor, 0..tensor.values()).await?.into_iter().map(|n| u32::try_from(n).ok()).collect();
    match counts {
        Some(counts) => Ok(Some(counts)),
        None => {
            Err(file.wrong(tensor, "counts from 0 to 4294967295", "Count the real tokens of each sample."))
        }
    }
}

/// Losses of the samples; losses of tokens are averaged over real tokens.
async fn losses(file: &TensorFile, mapping: &Mapping, rows: &Rows) -> Result<Option<Vec<f32>>, Error> {
    let mapped = mapping.of_role(Role::Loss).next();
    let Some(tensor) = mapped.and_then(|mapped| file.get(&mapped.name)) else { return Ok(None) };
    let values = tensor.values();
    if values == rows.samples as u64 {
        return file.floats(tensor, 0..values).await.map(Some);
    }
    if values != rows.owner.len() as u64 {
        let expected =
            format!("{} losses, one per sample, or {}, one per position", rows.samples, rows.owner.len());
        return Err(file.wrong(tensor, expected, "Write the losses of the same samples."));
    }
    let mut sums = vec![(0.0_f64, 0_u32); rows.samples];
    for (loss, owner) in file.floats(tensor, 0..values).await?.into_iter().zip(&rows.owner) {
        if let Some((sum, count)) = owner.and_then(|sample| sums.get_mut(sample as usize)) {
            *sum += f64::from(loss);
            *count += 1;
        }
    }
    Ok(Some(sums.into_iter().map(|(sum, count)| (sum / f64::from(count)) as f32).collect()))
}

/// Values of one position and layer.
enum Line<'a> {
    Floats(&'a [f32]),
    Ints(&'a [i64]),
}

/// Values of either kind.
enum Values {
    Floats(Vec<f32>),
    Ints(Vec<i64>),
}

/// Passes each row along experts or ranks to `take`, with its position among all samples'
/// positions, its layer, its values, and the tensor's name.
async fn each_line(
    file: &TensorFile,
    routing: &[Found<'_>],
    rows: &Rows,
    layers: usize,
    mut take: impl FnMut(usize, usize, Line<'_>, &str) -> Result<(), Error>,
) -> Result<(), Error> {
    for (number, &(mapped, tensor)) in routing.iter().enumerate() {
        let axes: Vec<(Axis, usize)> =
            mapped.axes.iter().copied().zip(tensor.shape.iter().map(|&n| n as usize)).collect();
        let along = |axis: Axis| matches!(axis, Axis::Experts | Axis::Rank);
        let Some(at) = axes.iter().position(|&(axis, _)| along(axis)) else { continue };
        let width = axes.get(at).map_or(1, |&(_, n)| n).max(1);
        // The stride of that axis: 1 if it is the last, so that rows are contiguous.
        let stride: usize = axes.iter().skip(at + 1).map(|&(_, n)| n).product();
        let others: Vec<(Axis, usize)> = axes.into_iter().filter(|&(axis, _)| !along(axis)).collect();
        let place = |line: usize| {
            let (mut sample, mut token, mut row, mut layer) = (0, 0, 0, number);
            let mut rest = line;
            for &(axis, n) in others.iter().rev() {
                let here = rest % n.max(1);
                rest /= n.max(1);
                match axis {
                    Axis::Samples => sample = here,
                    Axis::Tokens => token = here,
                    Axis::Rows => row = here,
                    Axis::Layers => layer = here,
                    Axis::Experts | Axis::Rank | Axis::Single => {}
                }
            }
            (row + sample * rows.positions.unwrap_or(0) + token, layer)
        };
        let total = tensor.values();
        // Rows that are not contiguous are gathered from the block that contains them.
        let block = (width * stride) as u64;
        let at_once = if stride == 1 { (CHUNK / width as u64).max(1) * width as u64 } else { block };
        if at_once.saturating_mul(8) > MAX_READ {
            return Err(Error::TooLarge {
                name: file.name().to_owned(),
                what: format!("a block of tensor `{}`", shorten(&mapped.name)),
                bytes: at_once.saturating_mul(8),
                limit: MAX_READ,
                advice: "Write it with the experts as the last axis.",
            });
        }
        let mut start = 0;
        while start < total {
            let end = (start + at_once).min(total);
            let values = if mapped.role == Role::Ids {
                Values::Ints(file.integers(tensor, start..end).await?)
            } else {
                Values::Floats(file.floats(tensor, start..end).await?)
            };
            let first = (start / width as u64) as usize;
            for line in 0..(end - start) as usize / width {
                let (row, layer) = place(first + line);
                debug_assert!(layer < layers.max(1), "layers are counted from the same axes");
                let from = if stride == 1 { line * width } else { line };
                match &values {
                    Values::Floats(values) if stride == 1 => {
                        take(
                            row,
                            layer,
                            Line::Floats(values.get(from..from + width).unwrap_or_default()),
                            &mapped.name,
                        )?;
                    }
                    Values::Ints(values) if stride == 1 => {
                        take(
                            row,
                            layer,
                            Line::Ints(values.get(from..from + width).unwrap_or_default()),
                            &mapped.name,
                        )?;
                    }
                    Values::Floats(values) => {
                        let line: Vec<f32> = values.iter().skip(from).step_by(stride).copied().collect();
                        take(row, layer, Line::Floats(&line), &mapped.name)?;
                    }
                    Values::Ints(values) => {
                        let line: Vec<i64> = values.iter().skip(from).step_by(stride).copied().collect();
                        take(row, layer, Line::Ints(&line), &mapped.name)?;
                    }
                }
            }
            start = end;
        }
    }
    Ok(())
}

/// Keeps the ids of real tokens. A token with only negative ids is padding.
fn selections(
    file: &TensorFile,
    mapping: &Mapping,
    routing: Found<'_>,
    rows: &Rows,
    layers: usize,
    k: usize,
    ids: &[i64],
) -> Result<(TopK, usize), Error> {
    let mut topk = TopK { k, layers, ids: Vec::new(), offsets: vec![0] };
    let (mut sample, mut tokens) = (0, 0);
    let wrong = |found: String, expected: &str| Error::Tensor {
        name: file.name().to_owned(),
        tensor: shorten(&routing.0.name),
        found,
        expected: expected.to_owned(),
        advice: "Correct the mapping, or map a mask that leaves out padding.",
    };
    for (row, (owner, token)) in rows.owner.iter().zip(ids.chunks_exact((layers * k).max(1))).enumerate() {
        let Some(owner) = *owner else { continue };
        if token.iter().all(|&id| id < 0) {
            continue;
        }
        while sample < owner {
            topk.offsets.push(tokens);
            sample += 1;
        }
        for (layer, selected) in token.chunks_exact(k.max(1)).enumerate() {
            for (at, &id) in selected.iter().enumerate() {
                let narrow =
                    u16::try_from(id).ok().filter(|&id| usize::from(id) < MAX_EXPERTS).ok_or_else(|| {
                        wrong(format!("expert {id} at position {row}, layer {layer}"), "ids from 0 to 65534")
                    })?;
                if selected.iter().take(at).any(|&other| other == id) {
                    return Err(wrong(
                        format!("expert {id} twice at position {row}, layer {layer}"),
                        "different experts",
                    ));
                }
                topk.ids.push(narrow);
            }
        }
        tokens += 1;
    }
    while topk.offsets.len() <= rows.samples {
        topk.offsets.push(tokens);
    }
    let largest = topk.ids.iter().copied().max().map_or(0, usize::from);
    let least = (largest + 1).max(k);
    let experts = mapping.experts.unwrap_or(least.next_multiple_of(4).min(MAX_EXPERTS));
    if experts < least || experts > MAX_EXPERTS {
        return Err(wrong(format!("expert {largest}"), &format!("ids below {experts}, as the mapping says")));
    }
    Ok((topk, experts))
}
