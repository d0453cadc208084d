//! Megatron-LM's router tracer (`--moe-routing-trace-path`): `router_trace_rank{r}.jsonl` with one
//! record per step, block and layer, and optionally `logits_rank{r}.bin` with raw bfloat16 at the
//! records' `logit_offset`.
//!
//! A step of the tracer is one pass through the model. The starts of its sequences are not
//! recorded, so each step is one sample. With a boolean routing map, ids are sorted by id. The top
//! k of the rounded logits can differ from the recorded ids, which take precedence. Records of
//! multi-token prediction are not decoder layers and are omitted.

use std::{collections::BTreeMap, future::ready, rc::Rc};

use crate::{
    error::Error,
    format::{
        expert_ids::{
            body::Places,
            fold::{Fold, Folded, is_recorded, most_counts},
            lines::{CONTENT, beginning, lines_of},
            megatron_steps::{LOGIT, Logits, Pass, Piece, Record, Sample, Steps, logits_rank},
            opened::{self, Known},
            scan::Fault,
        },
        kind::{FileKind, Format, Match, Opened, Sidecar},
        probe::{Probe, Settings},
    },
    io::source::{ByteSource as _, Source},
    open_trace::OpenTrace,
};

/// The format's name in the table of files.
const NAME: &str = "Megatron router trace";

/// The tracer's records.
pub const FORMAT: Format =
    Format { endings: &["jsonl", "ndjson"], in_tensors: false, content: CONTENT, entry: None, probe };

/// The tracer's logits beside its records.
pub const LOGITS: Format = Format {
    endings: &["bin"],
    in_tensors: false,
    content: CONTENT,
    entry: None,
    probe: |probe| {
        logits_rank(&probe.file_name())?;
        let logits = Sidecar { source: Rc::clone(&probe.source) };
        Some(Box::pin(ready(Ok(Opened::plain(FileKind::Logits(logits))))))
    },
};

fn probe(probe: &Probe) -> Option<Match<'_>> {
    let text = beginning(probe)?;
    let has = |key: &str| text.contains(&format!("\"{key}\""));
    if !has("top_indices") || !has("layer") {
        return None;
    }
    Some(Box::pin(async move {
        let mut warnings = Vec::new();
        let trace = open(&probe.source, &probe.settings, &mut warnings).await?;
        Ok(Opened { what: FileKind::Trace(trace), warnings })
    }))
}

/// Reads a trace.
///
/// # Errors
/// [`Error::Text`] with line and field.
async fn open(source: &Source, settings: &Settings, warnings: &mut Vec<String>) -> Result<OpenTrace, Error> {
    let name = source.name();
    let mut fold = Fold::new(settings.experts, most_counts(source));
    let mut passes: BTreeMap<(u64, u64), Pass> = BTreeMap::new();
    // Passes in file order.
    let mut order: Vec<(u64, u64)> = Vec::new();
    let mut stated_experts = None;
    let mut lines = lines_of(source);
    while let Some(line) = lines.next().await? {
        if line.bytes.trim_ascii().is_empty() {
            continue;
        }
        let number = line.span.number;
        let locate = |fault: Fault| fault.in_line(name, number);
        let record = Record::read(line.bytes).map_err(locate)?;
        if record.skip {
            continue;
        }
        stated_experts = stated_experts.or(record.experts);
        let (step, layer, ids, logits) = record.check().map_err(locate)?;
        let row = fold.samples();
        if !fold.push(&[ids], number).map_err(|fault| locate(fault.inside("top_indices")))? {
            continue;
        }
        let recorded = ids.ids.chunks_exact(ids.k).filter(|token| is_recorded(token, ids.k)).count();
        // Rows of logits are identified by their offset, so none may be missing between them.
        let logits = logits.filter(|_| recorded == ids.tokens);
        let key = (record.rank, step);
        let pass = passes.entry(key).or_insert_with(|| {
            order.push(key);
            Pass::new()
        });
        pass.entry(layer).or_default().push(Piece { span: line.span, tokens: recorded as u32, logits, row });
    }
    let Some(folded) = fold.finish() else {
        return Err(opened::no_ids(name));
    };
    let (kept, layers) = complete_passes(name, order, passes, warnings)?;
    let folded = gather(folded, &kept, layers);
    let pieces = || kept.iter().flatten().flatten();
    let shape = pieces().next().and_then(|piece| piece.logits).map(|logits| logits.experts);
    let experts = shape.filter(|&experts| {
        pieces().all(|piece| piece.logits.is_some_and(|logits| logits.experts == experts))
    });
    let bytes = pieces().filter_map(|piece| {
        let Logits { offset, experts } = piece.logits?;
        offset.checked_add(u64::from(piece.tokens) * experts as u64 * LOGIT)
    });
    let bytes = bytes.max().unwrap_or(0);
    if let Some(experts) = experts.filter(|&experts| usize::from(folded.largest) >= experts) {
        return Err(Error::Text {
            name: name.to_owned(),
            place: "`top_indices`".to_owned(),
            found: format!("expert {}", folded.largest),
            expected: format!("ids from 0 to {}, as `logit_shape` says", experts - 1),
            advice: "Write ids and logits of the same routers.",
        });
    }
    warnings.push(format!(
        "{name}: the tracer does not record where sequences begin, so each of its {} steps is one sample, named by its \
         index. Trace the same batches in the same order at every checkpoint.",
        kept.len()
    ));
    let steps = Steps { samples: kept, experts, bytes };
    let known = Known { experts: settings.experts.or(stated_experts).or(experts), ..Known::default() };
    opened::trace(source, NAME, folded, known, Places::Layers(Rc::new(steps)), warnings)
}

/// Passes with all layers, and the number of layers.
fn complete_passes(
    name: &str,
    order: Vec<(u64, u64)>,
    mut passes: BTreeMap<(u64, u64), Pass>,
    warnings: &mut Vec<String>,
) -> Result<(Vec<Sample>, usize), Error> {
    let most = passes.values().map(BTreeMap::len).max().unwrap_or(0);
    let layers: Vec<u64> = passes
        .values()
        .find(|pass| pass.len() == most)
        .map_or_else(Vec::new, |pass| pass.keys().copied().collect());
    let tokens = |pieces: &[Piece]| pieces.iter().map(|piece| u64::from(piece.tokens)).sum::<u64>();
    let mut kept = Vec::new();
    let mut left = Vec::new();
    for key in order {
        let Some(pass) = passes.remove(&key) else { continue };
        let mut counts = pass.values().map(|pieces| tokens(pieces));
        let first = counts.next();
        if pass.keys().eq(&layers) && counts.all(|count| Some(count) == first) {
            kept.push(pass.into_values().collect());
        } else {
            left.push(key.1);
        }
    }
    if let Some(first) = left.first() {
        warnings.push(format!(
            "{name}: {} steps do not have the same tokens in each of {most} layers (for example step {first}) and are \
             left out. Trace complete steps to include them.",
            left.len()
        ));
    }
    if kept.is_empty() {
        return Err(Error::Text {
            name: name.to_owned(),
            place: "the whole file".to_owned(),
            found: "no step with the same tokens in every layer".to_owned(),
            expected: "a record of each layer for each step".to_owned(),
            advice: "Trace all layers; with pipeline stages, join the ranks' files first.",
        });
    }
    Ok((kept, most))
}

/// Reorders rows of records to rows of samples and layers.
fn gather(folded: Folded, samples: &[Sample], layers: usize) -> Folded {
    let Folded { counts, width, .. } = &folded;
    let mut gathered = vec![0; samples.len() * layers * width];
    let mut rows = gathered.chunks_exact_mut((*width).max(1));
    for pieces in samples.iter().flatten() {
        let Some(row) = rows.next() else { break };
        for piece in pieces {
            let from = counts.get(piece.row * width..(piece.row + 1) * width).unwrap_or_default();
            for (sum, count) in row.iter_mut().zip(from) {
                *sum += count;
            }
        }
    }
    let tokens =
        samples.iter().map(|sample| sample.first().map_or(0, |pieces| pieces.iter().map(|p| p.tokens).sum()));
    Folded { tokens: tokens.collect(), counts: gathered, layers, ..folded }
}
