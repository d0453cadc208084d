//! Megatron-LM's router tracer (`--moe-routing-trace-path`): `router_trace_rank{r}.jsonl`, a record a step, block and layer,
//! and beside it, where it was asked for, `logits_rank{r}.bin`: raw bfloat16 by the records' `logit_offset`.
//!
//! A step of the tracer is one pass through the model; where its sequences begin is not told, so each is one sample. With
//! a boolean routing map ids come sorted by id. Top-k of the rounded logits need not be the recorded ids: the recorded
//! ones count. Records of multi-token prediction are no decoder layers, and are left out.

use std::{collections::BTreeMap, ops::Range, rc::Rc};

use super::{
    Settings,
    block::Block,
    body::{IdsBody, Places, changed},
    fold::{Fold, Folded, is_recorded},
    lines::{self, Lines, Span},
    opened::{self, Known},
    scan::{BROKEN, Fault, Scan},
};
use crate::{
    error::Error,
    model::GateKind,
    numbers::widen_bf16,
    open_trace::OpenTrace,
    softmax::add_softmax,
    source::{ByteSource as _, Source},
    step_name::trailing_number,
};

/// Bytes of logits read at once.
const CHUNK: u64 = 4 << 20;

/// What such a file is called in the table of files.
pub const FORMAT: &str = "Megatron router trace";

/// Bytes of a bfloat16.
const LOGIT: u64 = 2;

/// One record.
#[derive(Default)]
struct Record {
    step: Option<u64>,
    rank: u64,
    layer: Option<u64>,
    skip: bool,
    tokens: Option<usize>,
    top_k: Option<usize>,
    ids: Option<Block>,
    offset: Option<u64>,
    bytes: Option<u64>,
    shape: Option<Vec<u64>>,
    experts: Option<usize>,
}

impl Record {
    fn read(bytes: &[u8]) -> Result<Self, Fault> {
        const COUNT: &str = "a whole number from 0";
        let mut record = Self::default();
        let mut scan = Scan::new(bytes);
        scan.object(|scan, key| {
            if scan.is_null() {
                return scan.value().map(drop);
            }
            let name = String::from_utf8_lossy(key);
            let told = |fault: Fault| fault.inside(&name);
            match key {
                b"step" => record.step = Some(scan.parse(COUNT).map_err(told)?),
                b"rank" => record.rank = scan.parse(COUNT).map_err(told)?,
                b"layer" => record.layer = Some(scan.parse(COUNT).map_err(told)?),
                // Another block than the decoder, or a second look at the same tokens.
                b"block" => record.skip |= scan.value()? != b"\"decoder\"",
                b"stage" => record.skip |= scan.value()? != b"\"pre_dispatch\"",
                b"mtp_idx" => {
                    scan.value()?;
                    record.skip = true;
                }
                b"num_tokens" => record.tokens = Some(scan.parse(COUNT).map_err(told)?),
                b"topk" => record.top_k = Some(scan.parse(COUNT).map_err(told)?),
                b"num_experts" => record.experts = Some(scan.parse(COUNT).map_err(told)?),
                b"top_indices" => record.ids = Some(Block::read_layer(scan).map_err(told)?),
                b"logit_offset" => record.offset = Some(scan.parse(COUNT).map_err(told)?),
                b"logit_bytes" => record.bytes = Some(scan.parse(COUNT).map_err(told)?),
                b"logit_shape" => record.shape = Some(scan.parse("a list [tokens, experts]").map_err(told)?),
                _ => drop(scan.value()?),
            }
            Ok(())
        })?;
        if !scan.is_done() {
            return Err(scan.fault("the end of the line: one JSON object a line", BROKEN));
        }
        Ok(record)
    }

    /// Its ids, and what its logits' place is; checked against what the record says of itself.
    fn check(&self) -> Result<(u64, u64, &Block, Option<Logits>), Fault> {
        let (Some(step), Some(layer), Some(ids)) = (self.step, self.layer, &self.ids) else {
            return Err(Fault::of_record(
                "",
                "a record without all of `step`, `layer` and `top_indices`".to_owned(),
                "all three",
                "Write the trace with Megatron's router tracer.",
            ));
        };
        let counted = [(self.tokens, ids.tokens, "num_tokens"), (self.top_k, ids.k, "topk")];
        for (told, there, name) in counted {
            if let Some(told) = told.filter(|&told| told != there && ids.tokens > 0) {
                return Err(Fault::of_record(
                    "`top_indices`",
                    format!("{there} where `{name}` is {told}"),
                    "as many as the record says",
                    BROKEN,
                ));
            }
        }
        let (Some(offset), Some(bytes), Some(shape)) = (self.offset, self.bytes, &self.shape) else {
            return Ok((step, layer, ids, None));
        };
        let &[tokens, experts] = shape.as_slice() else {
            return Err(Fault::of_record(
                "`logit_shape`",
                format!("{} axes", shape.len()),
                "[tokens, experts]",
                BROKEN,
            ));
        };
        let fits = tokens == ids.tokens as u64
            && (1..=65_535).contains(&experts)
            && tokens.checked_mul(experts * LOGIT) == Some(bytes);
        if !fits {
            return Err(Fault::of_record(
                "`logit_shape`",
                format!("[{tokens},{experts}] in {bytes} bytes"),
                &format!("[{}, experts] and two bytes a logit", ids.tokens),
                BROKEN,
            ));
        }
        Ok((step, layer, ids, Some(Logits { offset, experts: experts as usize })))
    }
}

/// Where the logits of a record are.
#[derive(Clone, Copy, Debug)]
struct Logits {
    offset: u64,
    experts: usize,
}

/// One record's place.
#[derive(Clone, Copy, Debug)]
struct Piece {
    span: Span,
    tokens: u32,
    logits: Option<Logits>,
    /// Its row among all counts.
    row: usize,
}

/// The records of one pass, by layer; several where a pass was cut into micro-batches.
type Pass = BTreeMap<u64, Vec<Piece>>;

/// The pieces of each layer of one sample.
type Sample = Vec<Vec<Piece>>;

/// Where the ids and logits of every sample are.
#[derive(Debug)]
pub struct Steps {
    /// `[S]`, the pieces of each layer.
    samples: Vec<Sample>,
    /// Experts by the logits' shape, if all records have logits of one.
    experts: Option<usize>,
    /// The end of the last record's logits.
    bytes: u64,
}

/// Why a line is not of such a trace, if it is not.
pub fn declines(text: &str) -> Option<String> {
    let has = |key: &str| text.contains(&format!("\"{key}\""));
    if has("top_indices") && has("layer") { None } else { Some(super::LOOKED_FOR.to_owned()) }
}

/// Reads a trace.
///
/// # Errors
/// [`Error::Text`] with the line and field of what is wrong.
pub async fn open(
    source: &Source,
    settings: &Settings,
    warnings: &mut Vec<String>,
) -> Result<OpenTrace, Error> {
    let name = source.name();
    let mut fold = Fold::new(settings.experts, super::most_counts(source));
    let mut passes: BTreeMap<(u64, u64), Pass> = BTreeMap::new();
    // Passes in the order in which they come.
    let mut order: Vec<(u64, u64)> = Vec::new();
    let mut told_experts = None;
    let mut lines = Lines::new(Rc::clone(source));
    while let Some(line) = lines.next().await? {
        if line.bytes.trim_ascii().is_empty() {
            continue;
        }
        let number = line.span.number;
        let told = |fault: Fault| fault.in_line(name, number);
        let record = Record::read(line.bytes).map_err(told)?;
        if record.skip {
            continue;
        }
        told_experts = told_experts.or(record.experts);
        let (step, layer, ids, logits) = record.check().map_err(told)?;
        let row = fold.samples();
        if !fold.push(&[ids], number).map_err(|fault| told(fault.inside("top_indices")))? {
            continue;
        }
        let recorded = ids.ids.chunks_exact(ids.k).filter(|token| is_recorded(token, ids.k)).count();
        // Rows of logits are told apart by their place, so none may be missing between them.
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
    let (kept, layers) = whole(name, order, passes, warnings)?;
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
        "{name}: the tracer does not tell where sequences begin, so each of its {} steps is one sample, called by its \
         place. Trace the same batches in the same order at every checkpoint.",
        kept.len()
    ));
    let steps = Steps { samples: kept, experts, bytes };
    let known = Known { experts: settings.experts.or(told_experts).or(experts), ..Known::default() };
    opened::trace(source, FORMAT, folded, known, Places::Layers(Rc::new(steps)), warnings)
}

/// Passes that have every layer, and how many layers there are.
fn whole(
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
            "{name}: {} steps do not have the same tokens in each of {most} layers (step {first} for one) and are left \
             out. A trace that was stopped ends like this.",
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

/// Rows of records become rows of samples and layers.
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

impl Steps {
    /// Ids `[T,L,k]` of a range of samples.
    ///
    /// # Errors
    /// What the source answers, and when the file has changed.
    pub async fn topk(&self, source: &Source, samples: Range<usize>, k: usize) -> Result<Vec<u16>, Error> {
        let mut all = Vec::new();
        for sample in self.samples.get(samples).unwrap_or_default() {
            let tokens: usize =
                sample.first().map_or(0, |pieces| pieces.iter().map(|p| p.tokens as usize).sum());
            let start = all.len();
            let row = sample.len() * k;
            all.resize(start + tokens * row, 0);
            let here = all.get_mut(start..).unwrap_or_default();
            for (layer, pieces) in sample.iter().enumerate() {
                let mut rows = here.chunks_exact_mut(row.max(1));
                for piece in pieces {
                    let bytes = lines::read(source, piece.span).await?;
                    let record = Record::read(&bytes)
                        .map_err(|fault| fault.in_line(source.name(), piece.span.number))?;
                    let Some(block) = record.ids.filter(|block| block.k == k) else {
                        return Err(changed(source.name(), piece.span.number));
                    };
                    for ids in block.ids.chunks_exact(k.max(1)).filter(|token| is_recorded(token, k)) {
                        let slot = rows.next().and_then(|row| row.get_mut(layer * k..(layer + 1) * k));
                        let Some(slot) = slot else { return Err(changed(source.name(), piece.span.number)) };
                        slot.copy_from_slice(ids);
                    }
                }
            }
        }
        Ok(all)
    }

    /// Mean gates `[n,L,E]` from logits: softmax in f32, sums in f64 (METRICS 1).
    ///
    /// # Errors
    /// [`Error::Format`] for a logit that is not finite, and what the source answers.
    pub async fn gates(
        &self,
        logits: &Source,
        samples: Range<usize>,
        experts: usize,
    ) -> Result<Vec<f32>, Error> {
        let first = samples.start;
        let mut gates = Vec::with_capacity(samples.len() * experts);
        let mut row = vec![0.0; experts];
        let mut weights = vec![0.0; experts];
        for (i, sample) in self.samples.get(samples).unwrap_or_default().iter().enumerate() {
            for (layer, pieces) in sample.iter().enumerate() {
                let mut sums = vec![0.0_f64; experts];
                let mut tokens = 0_u32;
                for piece in pieces {
                    let Some(at) = piece.logits else { continue };
                    let bytes_a_row = experts as u64 * LOGIT;
                    let at_once = (CHUNK / bytes_a_row).max(1);
                    let mut done = 0_u64;
                    while done < u64::from(piece.tokens) {
                        let count = at_once.min(u64::from(piece.tokens) - done);
                        let bytes = logits
                            .read(at.offset + done * bytes_a_row, (count * bytes_a_row) as usize)
                            .await?;
                        for token in bytes.chunks_exact(bytes_a_row as usize) {
                            for (logit, &bytes) in row.iter_mut().zip(token.as_chunks::<2>().0) {
                                *logit = widen_bf16(u16::from_le_bytes(bytes));
                            }
                            if !add_softmax(&row, &mut weights, &mut sums) {
                                let expert = row.iter().position(|logit| !logit.is_finite()).unwrap_or(0);
                                return Err(not_finite(logits, first + i, layer, expert, piece.span.number));
                            }
                            tokens += 1;
                        }
                        done += count;
                    }
                }
                gates.extend(sums.iter().map(|sum| (sum / f64::from(tokens.max(1))) as f32));
            }
        }
        Ok(gates)
    }
}

fn not_finite(logits: &Source, sample: usize, layer: usize, expert: usize, line: usize) -> Error {
    Error::Format {
        name: logits.name().to_owned(),
        part: format!("logits of sample {sample}, layer {layer}, by line {line} of the trace"),
        found: format!("the logit of expert {expert} is not a finite number"),
        expected: "finite logits in bfloat16".to_owned(),
        advice: "The routing overflowed, or the file is of another trace; make both again.",
    }
}

/// The rank of a file of logits, `logits_rank0.bin`; `None` for other names.
pub fn logits_rank(file: &str) -> Option<u64> {
    let name = file.rsplit(['/', '\\']).next()?.to_ascii_lowercase();
    let rank = name.strip_prefix("logits_rank")?.strip_suffix(".bin")?;
    rank.parse().ok()
}

/// Whether a file of logits has the folder and rank of a trace.
pub fn belong_together(trace: &str, logits: &str) -> bool {
    let split =
        |path: &str| path.rsplit_once(['/', '\\']).map_or(String::new(), |(folder, _)| folder.to_owned());
    split(trace) == split(logits) && trailing_number(trace) == logits_rank(logits)
}

/// Gives a trace its logits: its gates are then mean routing weights.
///
/// # Errors
/// [`Error::Mismatch`] when the trace has no place for all its logits, [`Error::Truncated`] when the file ends before.
pub fn attach(trace: &mut OpenTrace, body: &IdsBody, logits: &Source) -> Result<IdsBody, Error> {
    let Places::Layers(steps) = &body.places else { return Err(no_logits(trace)) };
    let Some(experts) = steps.experts else { return Err(no_logits(trace)) };
    if steps.bytes > logits.len() {
        return Err(Error::Truncated {
            name: logits.name().to_owned(),
            part: format!("logits of {}", trace.info.name),
            needed: steps.bytes,
            len: logits.len(),
        });
    }
    trace.info.experts = experts;
    trace.info.gate_kind = GateKind::SoftmaxMean;
    trace.info.half_precision = true;
    trace.info.bytes = steps.bytes;
    Ok(IdsBody { logits: Some(Rc::clone(logits)), experts_given: true, ..body.clone() })
}

fn no_logits(trace: &OpenTrace) -> Error {
    Error::Mismatch {
        name: trace.info.name.clone(),
        given: "a file of router logits was given".to_owned(),
        has: "no `logit_offset`, `logit_bytes` and `logit_shape` of one width in every record".to_owned(),
        advice: "Trace ids and logits in one go.",
    }
}
