//! Records of Megatron's tracer, and ids and logits of its steps on request.

use std::{collections::BTreeMap, ops::Range};

use crate::{
    error::Error,
    format::expert_ids::{
        block::Block,
        fold::is_recorded,
        lines::changed,
        scan::{Fault, ONE_RECORD_PER_LINE, Scan},
    },
    io::{
        lines::{self, Span},
        source::{ByteSource as _, Source},
    },
    numeric::{numbers::widen_bf16, softmax::add_softmax},
    open_trace::{GatesFound, bad_samples::BadSample},
    text::step_name::trailing_number,
};

/// Bytes of logits per read.
const CHUNK: u64 = 4 << 20;

/// What to do about a record that does not agree with itself.
const TRACE_AGAIN: &str = "Write the trace again with Megatron's router tracer.";

/// Bytes per bfloat16.
pub const LOGIT: u64 = 2;

/// One record.
#[derive(Default)]
pub struct Record {
    step: Option<u64>,
    pub rank: u64,
    layer: Option<u64>,
    pub skip: bool,
    pub tokens: Option<usize>,
    top_k: Option<usize>,
    ids: Option<Block>,
    pub offset: Option<u64>,
    pub bytes: Option<u64>,
    shape: Option<Vec<u64>>,
    pub experts: Option<usize>,
}

impl Record {
    pub fn read(bytes: &[u8]) -> Result<Self, Fault> {
        const COUNT: &str = "a whole number from 0";
        let mut record = Self::default();
        let mut scan = Scan::new(bytes);
        scan.object(|scan, key| {
            if scan.is_null() {
                return scan.value().map(drop);
            }
            let name = String::from_utf8_lossy(key);
            let locate = |fault: Fault| fault.inside(&name);
            match key {
                b"step" => record.step = Some(scan.parse(COUNT).map_err(locate)?),
                b"rank" => record.rank = scan.parse(COUNT).map_err(locate)?,
                b"layer" => record.layer = Some(scan.parse(COUNT).map_err(locate)?),
                // Other blocks than the decoder, and other stages of the same tokens.
                b"block" => record.skip |= scan.value()? != b"\"decoder\"",
                b"stage" => record.skip |= scan.value()? != b"\"pre_dispatch\"",
                b"mtp_idx" => {
                    scan.value()?;
                    record.skip = true;
                }
                b"num_tokens" => record.tokens = Some(scan.parse(COUNT).map_err(locate)?),
                b"topk" => record.top_k = Some(scan.parse(COUNT).map_err(locate)?),
                b"num_experts" => record.experts = Some(scan.parse(COUNT).map_err(locate)?),
                b"top_indices" => record.ids = Some(Block::read_layer(scan).map_err(locate)?),
                b"logit_offset" => record.offset = Some(scan.parse(COUNT).map_err(locate)?),
                b"logit_bytes" => record.bytes = Some(scan.parse(COUNT).map_err(locate)?),
                b"logit_shape" => {
                    record.shape = Some(scan.parse("a list [tokens, experts]").map_err(locate)?);
                }
                _ => drop(scan.value()?),
            }
            Ok(())
        })?;
        if !scan.is_done() {
            return Err(scan.fault("the end of the line: one JSON object per line", ONE_RECORD_PER_LINE));
        }
        Ok(record)
    }

    /// Step, layer, ids and location of the logits, checked against each other.
    pub fn check(&self) -> Result<(u64, u64, &Block, Option<Logits>), Fault> {
        let (Some(step), Some(layer), Some(ids)) = (self.step, self.layer, &self.ids) else {
            return Err(Fault::of_record(
                "",
                "a record without all of `step`, `layer` and `top_indices`".to_owned(),
                "all three",
                TRACE_AGAIN,
            ));
        };
        let counted = [(self.tokens, ids.tokens, "num_tokens"), (self.top_k, ids.k, "topk")];
        for (declared, actual, name) in counted {
            if let Some(declared) = declared.filter(|&declared| declared != actual && ids.tokens > 0) {
                return Err(Fault::of_record(
                    "`top_indices`",
                    format!("{actual} where `{name}` is {declared}"),
                    "as many as the record declares",
                    TRACE_AGAIN,
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
                TRACE_AGAIN,
            ));
        };
        let fits = tokens == ids.tokens as u64
            && (1..=65_535).contains(&experts)
            && tokens.checked_mul(experts * LOGIT) == Some(bytes);
        if !fits {
            return Err(Fault::of_record(
                "`logit_shape`",
                format!("[{tokens},{experts}] in {bytes} bytes"),
                &format!("[{}, experts] and two bytes per logit", ids.tokens),
                TRACE_AGAIN,
            ));
        }
        Ok((step, layer, ids, Some(Logits { offset, experts: experts as usize })))
    }
}

/// The location of a record's logits.
#[derive(Clone, Copy, Debug)]
pub struct Logits {
    pub offset: u64,
    pub experts: usize,
}

/// The location of one record.
#[derive(Clone, Copy, Debug)]
pub struct Piece {
    pub span: Span,
    pub tokens: u32,
    pub logits: Option<Logits>,
    /// Its row of the counts.
    pub row: usize,
}

/// The records of one pass, by layer; several per layer if a pass was split into micro-batches.
pub type Pass = BTreeMap<u64, Vec<Piece>>;

/// The pieces of each layer of one sample.
pub type Sample = Vec<Vec<Piece>>;

/// The locations of the samples' ids and logits.
#[derive(Debug)]
pub struct Steps {
    /// Per sample the pieces of each layer, `[S]`.
    pub samples: Vec<Sample>,
    /// Number of experts in the logits' shape, if all records have logits of one shape.
    pub experts: Option<usize>,
    /// The end of the last record's logits.
    pub bytes: u64,
}

impl Steps {
    /// Ids `[T,L,k]` of a range of samples.
    ///
    /// # Errors
    /// Errors of the source, and when the file has changed.
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

    /// Mean gates `[n,L,E]` from logits: softmax in f32, sums in f64
    /// (`docs/metrics.md#mean-gates`); and the samples with a logit that is not finite, whose gates
    /// are NaN in that layer.
    ///
    /// # Errors
    /// Errors of the source.
    pub async fn gates(
        &self,
        logits: &Source,
        samples: Range<usize>,
        experts: usize,
    ) -> Result<GatesFound, Error> {
        let first = samples.start;
        let mut bad: Vec<BadSample> = Vec::new();
        let mut gates = Vec::with_capacity(samples.len() * experts);
        let mut row = vec![0.0; experts];
        let mut weights = vec![0.0; experts];
        for (i, sample) in self.samples.get(samples).unwrap_or_default().iter().enumerate() {
            for (layer, pieces) in sample.iter().enumerate() {
                let mut sums = vec![0.0_f64; experts];
                let mut tokens = 0_u32;
                let mut fault = None;
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
                                let line = piece.span.number;
                                fault.get_or_insert_with(|| {
                                    not_finite(logits, first + i, layer, expert, line)
                                });
                            }
                            tokens += 1;
                        }
                        done += count;
                    }
                }
                if let Some(fault) = fault {
                    sums.fill(f64::NAN);
                    if bad.last().is_none_or(|last| last.row != first + i) {
                        bad.push(BadSample { row: first + i, id: (first + i).to_string(), fault });
                    }
                }
                gates.extend(sums.iter().map(|sum| (sum / f64::from(tokens.max(1))) as f32));
            }
        }
        Ok((gates, bad))
    }
}

fn not_finite(logits: &Source, sample: usize, layer: usize, expert: usize, line: usize) -> Error {
    Error::Format {
        name: logits.name().to_owned(),
        part: format!("logits of sample {sample}, layer {layer}, by line {line} of the trace"),
        found: format!("the logit of expert {expert} is not a finite number"),
        expected: "finite logits in bfloat16".to_owned(),
        advice: "Check that both files are of one trace; if they are, trace again in float32.",
    }
}

/// The rank of a file of logits, `logits_rank0.bin`; `None` for other names.
pub fn logits_rank(file: &str) -> Option<u64> {
    let name = file.rsplit(['/', '\\']).next()?.to_ascii_lowercase();
    let rank = name.strip_prefix("logits_rank")?.strip_suffix(".bin")?;
    rank.parse().ok()
}

/// Whether a file of logits has the folder and the rank of a trace.
pub fn belong_together(trace: &str, logits: &str) -> bool {
    let split =
        |path: &str| path.rsplit_once(['/', '\\']).map_or(String::new(), |(folder, _)| folder.to_owned());
    split(trace) == split(logits) && trailing_number(trace) == logits_rank(logits)
}
