//! Gates of other rows than samples: of the benchmark items at the last checkpoint
//! (`items-last.safetensors`), or of single tokens (`tokens-7000.safetensors`). Both have only the
//! tensor `gates` and are distinguished by the file's name or the metadata `rows`.

use crate::{
    container::tensors::{TensorFile, TensorInfo},
    error::Error,
    format::{
        kind::{FileKind, Format, Match, Opened},
        metadata,
        probe::Probe,
    },
    io::source::MAX_READ,
    model::{
        GateKind, SampleMeta, StepSource, TraceInfo,
        results::{ItemGates, TokenGates, UnusableRows},
    },
    open_trace::{
        bad_samples::{BadSample, most},
        check::{self, Checked},
    },
    text::{
        file_name,
        step_name::{step_from_name, trailing_number},
    },
};

/// Values read at once: 4 MiB of f32.
const CHUNK: u64 = 1 << 20;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Rows {
    Items,
    Tokens,
}

/// The meaning of the rows of a file of gates, unless they are samples.
fn rows(file: &TensorFile) -> Option<Rows> {
    file.get("gates")?;
    match file.metadata("rows") {
        Some("items") => return Some(Rows::Items),
        Some("tokens") => return Some(Rows::Tokens),
        Some(_) => return None,
        None => {}
    }
    if file.tensors.len() > 1 {
        return None;
    }
    let name = file_name(file.name());
    let word = |word: &str| name.split(|c: char| !c.is_ascii_alphabetic()).any(|part| part == word);
    if word("items") {
        Some(Rows::Items)
    } else if word("tokens") && !word("step") && step_from_name(&name).is_none() && !named_in_billions(&name)
    {
        Some(Rows::Tokens)
    } else {
        None
    }
}

/// Whether `tokens` in a name is training progress, as in `tokens20B`, and not the kind of rows.
fn named_in_billions(name: &str) -> bool {
    name.split_once("tokens").is_some_and(|(_, rest)| {
        let digits = rest.trim_start_matches(|c: char| c.is_ascii_digit());
        digits.len() < rest.len() && digits.starts_with('b')
    })
}

/// Files of gates of items or tokens.
pub const FORMAT: Format = Format {
    endings: &["safetensors", "npz"],
    in_tensors: true,
    content: "a tensor `gates` [samples, layers, experts]",
    entry: None,
    probe,
};

fn probe(probe: &Probe) -> Option<Match<'_>> {
    let file = probe.tensors.as_ref()?;
    let rows = rows(file)?;
    let tensor = file.get("gates")?;
    Some(Box::pin(async move {
        let mut warnings = Vec::new();
        let what = open(file, tensor, rows, &mut warnings).await?;
        Ok(Opened { what, warnings })
    }))
}

/// Reads the gates.
///
/// # Errors
/// [`Error::Tensor`] for another shape or type, [`Error::BadSamples`] where the values of more than
/// half of the rows are not routing weights.
async fn open(
    file: &TensorFile,
    tensor: &TensorInfo,
    rows: Rows,
    warnings: &mut Vec<String>,
) -> Result<FileKind, Error> {
    let meaning = if rows == Rows::Items { "[items, layers, experts]" } else { "[tokens, layers, experts]" };
    let [count, layers, experts] = file.three_axes(tensor, meaning)?;
    if layers == 0 || experts == 0 || !tensor.dtype.is_float() {
        return Err(file.wrong(tensor, format!("F32 or F16 {meaning}"), "Write the gates as F32."));
    }
    let info = row_info(file, layers, experts);
    if rows == Rows::Items {
        let values = tensor.values();
        if values.saturating_mul(4) > MAX_READ {
            return Err(Error::TooLarge {
                name: file.name().to_owned(),
                what: "gates of items".to_owned(),
                bytes: values.saturating_mul(4),
                limit: MAX_READ,
                advice: "Keep the items of the benchmark only.",
            });
        }
        let gates = file.floats(tensor, 0..values).await?;
        let name = |row: usize| format!("item {row}");
        let Checked { notice, bad } = check::gates_of(&info, &tensor.dtype, &(0..count), &gates, &name);
        warnings.extend(notice);
        let mut unusable = None;
        add_unusable(&mut unusable, bad);
        most_are_unusable(unusable.as_ref(), count, "items")?;
        return Ok(FileKind::ItemGates(ItemGates { layers, experts, values: gates, unusable }));
    }
    let (entropy, unusable) = token_entropy(file, tensor, &info, warnings).await?;
    most_are_unusable(unusable.as_ref(), count, "tokens")?;
    let step = metadata::number(file, "step", warnings).or_else(|| trailing_number(file.name()));
    Ok(FileKind::TokenGates(TokenGates { step, layers, experts, entropy, unusable }))
}

/// Adds rows that cannot be used to those before them.
fn add_unusable(all: &mut Option<UnusableRows>, found: Vec<BadSample>) {
    for BadSample { row, fault, .. } in found {
        match all {
            Some(all) => all.rows.push(row),
            None => *all = Some(UnusableRows { rows: vec![row], fault }),
        }
    }
}

/// Refuses a file of which more than half of the rows cannot be used.
fn most_are_unusable(unusable: Option<&UnusableRows>, count: usize, rows: &'static str) -> Result<(), Error> {
    match unusable.and_then(|found| most(&found.fault, found.rows.len(), count, rows)) {
        Some(error) => Err(error),
        None => Ok(()),
    }
}

/// Reads the gates of single tokens piece by piece and keeps one entropy per token, which is NaN
/// where the gates cannot be used.
async fn token_entropy(
    file: &TensorFile,
    tensor: &TensorInfo,
    info: &TraceInfo,
    warnings: &mut Vec<String>,
) -> Result<(Vec<f64>, Option<UnusableRows>), Error> {
    let width = info.layers * info.experts;
    let count = tensor.shape.first().copied().unwrap_or(0);
    let at_once = (CHUNK / width as u64).max(1);
    let mut entropy = Vec::new();
    let mut unusable = None;
    let name = |row: usize| format!("token {row}");
    let mut start = 0;
    while start < count {
        let end = (start + at_once).min(count);
        let gates = file.floats(tensor, start * width as u64..end * width as u64).await?;
        let rows = start as usize..end as usize;
        let Checked { notice, bad } = check::gates_of(info, &tensor.dtype, &rows, &gates, &name);
        if warnings.is_empty() {
            warnings.extend(notice);
        }
        entropy.extend(gates.chunks_exact(width).map(|token| mean_entropy(token, info.layers)));
        for bad in &bad {
            if let Some(entropy) = entropy.get_mut(bad.row) {
                *entropy = f64::NAN;
            }
        }
        add_unusable(&mut unusable, bad);
        start = end;
    }
    Ok((entropy, unusable))
}

/// Mean over layers of the entropy of one token's gates, nats, summed in f64.
fn mean_entropy(gates: &[f32], layers: usize) -> f64 {
    let sum: f64 = gates
        .iter()
        .filter(|&&gate| gate > 0.0)
        .map(|&gate| {
            let gate = f64::from(gate);
            -gate * libm::log(gate)
        })
        .sum();
    sum / layers as f64
}

/// Metadata for messages about single rows.
fn row_info(file: &TensorFile, layers: usize, experts: usize) -> TraceInfo {
    TraceInfo {
        name: file.name().to_owned(),
        format: "gates",
        model: None,
        step: None,
        step_from: StepSource::None,
        tokens: None,
        samples: Vec::<SampleMeta>::new(),
        labelled: false,
        layers,
        experts,
        top_k: None,
        topk_ordered: true,
        gate_kind: GateKind::SoftmaxMean,
        half_precision: false,
        loss: None,
        n_tokens: None,
        has_topk: false,
        has_router: false,
        layer: None,
        bytes: 0,
    }
}
