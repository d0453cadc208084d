//! Traces that are text and hold the ids of the chosen experts, token by token, but no weights: what servers return and
//! training frameworks record. All that can be had from them is how often each expert was chosen (METRICS 2).
//!
//! # From a line to a trace
//! - [`lines`] hands out a file line by line, in chunks of some MiB.
//! - [`scan`] goes over the JSON of a line; [`block`] and [`packed`] read its ids as lists or base64.
//! - [`vllm`], [`sglang`], [`olmoe`] know the fields of their records ([`record`]), [`megatron`] and [`table`] their files.
//! - [`fold`] counts and lets the ids go; [`body`] reads them again when single tokens are asked for.
//!
//! In memory are one record, its ids at two bytes each, and the counts.

mod block;
mod body;
mod fold;
mod lines;
mod megatron;
mod olmoe;
mod opened;
mod packed;
mod record;
mod scan;
mod sglang;
mod table;
mod vllm;

use std::rc::Rc;

pub use self::{body::IdsBody, megatron::belong_together};
use self::{
    body::Places,
    fold::Fold,
    lines::{Lines, Span},
    opened::Known,
    record::{Record, Writer},
    sglang::{Shape, Solver},
};
use crate::{
    error::{Error, GIVE_SHAPE},
    inflate,
    model::SampleMeta,
    open_trace::OpenTrace,
    recognise::{Recognised, Sniff},
    source::{ByteSource as _, Source},
    step_name::trailing_number,
};

/// More answers to one prompt than any server gives.
const MAX_CHOICES: usize = 4096;

/// What all of them are, said once.
const LOOKED_FOR: &str = "JSON lines with expert ids (`routed_experts` of vLLM or SGLang, `exp_ids` of the OLMoE scripts, \
     `top_indices` of Megatron's tracer with its `logits_rank0.bin`)";

const LESS: &str = "Write fewer answers into a record.";

/// Records that are looked at to find the shape of arrays without one, and ids.
const LOOK_AT: (usize, usize) = (64, 1 << 18);

/// How much of a long first line is looked at to recognise it.
pub const FIRST_LINE: u64 = 4 << 20;

/// What a file of ids does not say of itself, where the user knows it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// Experts a layer, `E`: ids only bound it from below.
    pub experts: Option<usize>,
    /// Layers that a token has ids of, dense ones included where the file has rows for them.
    pub layers: Option<usize>,
    /// Experts a token, `k`.
    pub top_k: Option<usize>,
}

/// Bytes that the counts of a file may take: as many as a packed file of its size may unpack to. A single id may claim
/// 65,535 experts in each of a thousand layers; whoever has so many also has tokens for them.
fn most_counts(source: &Source) -> usize {
    inflate::limit(source.len()) as usize
}

/// Whose records they are, by the fields of the first.
fn writer(text: &str) -> Option<Writer> {
    let has = |key: &str| text.contains(&format!("\"{key}\""));
    if has("exp_ids") {
        return Some(Writer::Olmoe);
    }
    let ids = has("routed_experts") || has("prompt_routed_experts");
    let sglang = has("meta_info") || has("sglext") || has("sgl_ext");
    ids.then_some(if sglang { Writer::Sglang } else { Writer::Vllm })
}

/// The beginning of a file of JSON lines, as much as was read of it.
fn beginning(sniff: &Sniff) -> Option<&str> {
    let text = sniff.first_line().or_else(|| sniff.text())?;
    text.trim_start().starts_with('{').then_some(text)
}

/// Why a file has no records of ids, if it has none.
pub fn declines_records(sniff: &Sniff) -> Option<String> {
    match beginning(sniff).and_then(writer) {
        Some(_) => None,
        None => Some(LOOKED_FOR.to_owned()),
    }
}

/// Why a file is none of Megatron's tracer, if it is none.
pub fn declines_megatron(sniff: &Sniff) -> Option<String> {
    megatron::declines(beginning(sniff).unwrap_or_default())
}

/// Why a file is no table of ids, if it is none.
pub fn declines_table(sniff: &Sniff) -> Option<String> {
    table::declines(&sniff.head)
}

/// Why a file holds no logits of Megatron's tracer, if it holds none.
pub fn declines_logits(sniff: &Sniff) -> Option<String> {
    match megatron::logits_rank(&sniff.file_name()) {
        Some(_) => None,
        None => Some(LOOKED_FOR.to_owned()),
    }
}

/// Reads Megatron's trace.
///
/// # Errors
/// [`Error::Text`] with the line and field of what is wrong.
pub async fn open_megatron(sniff: &Sniff, warnings: &mut Vec<String>) -> Result<Recognised, Error> {
    megatron::open(&sniff.source, &sniff.settings, warnings).await.map(Recognised::Trace)
}

/// Reads a table.
///
/// # Errors
/// [`Error::Text`] with the line and column of what is wrong.
pub async fn open_table(sniff: &Sniff, warnings: &mut Vec<String>) -> Result<Recognised, Error> {
    table::open(&sniff.source, &sniff.settings, warnings).await.map(Recognised::Trace)
}

/// Reads the records of vLLM, SGLang or the OLMoE scripts.
///
/// # Errors
/// [`Error::Text`] with the line and field of what is wrong.
pub async fn open_records(sniff: &Sniff, warnings: &mut Vec<String>) -> Result<Recognised, Error> {
    let writer = beginning(sniff).and_then(writer).unwrap_or(Writer::Vllm);
    records(&sniff.source, writer, &sniff.settings, warnings).await.map(Recognised::Trace)
}

/// Gives a trace of Megatron's tracer the logits that were recorded beside it.
///
/// # Errors
/// [`Error::Mismatch`] or [`Error::Truncated`] when they are not of this trace.
pub fn attach_logits(trace: &mut OpenTrace, body: &IdsBody, logits: &Source) -> Result<IdsBody, Error> {
    megatron::attach(trace, body, logits)
}

/// What is collected while records come.
#[derive(Default)]
struct Collected {
    known: Known,
    samples: Vec<SampleMeta>,
    places: Vec<(Span, u32)>,
    losses: Vec<f32>,
    /// Samples that are named by themselves, and by their prompt.
    named: usize,
    prompted: usize,
    /// Records without ids.
    without: usize,
    first_without: usize,
}

async fn records(
    source: &Source,
    writer: Writer,
    settings: &Settings,
    warnings: &mut Vec<String>,
) -> Result<OpenTrace, Error> {
    let name = source.name();
    let shape = find_shape(source, writer, settings, warnings).await?;
    let mut fold = Fold::new(settings.experts, most_counts(source));
    let mut all = Collected::default();
    let mut lines = Lines::new(Rc::clone(source));
    while let Some(line) = lines.next().await? {
        let bytes = without_mark(line.span.number, line.bytes);
        if bytes.trim_ascii().is_empty() {
            continue;
        }
        let told = |fault: scan::Fault| fault.in_line(name, line.span.number);
        let record = body::read(writer, bytes, shape).map_err(told)?;
        all.push(&record, line.span, &mut fold).map_err(told)?;
    }
    let (missing, dense) = (fold.missing, fold.dense);
    let Some(folded) = fold.finish() else { return Err(opened::no_ids(name)) };
    let Collected { mut known, samples, places, losses, named, prompted, without, first_without } = all;
    if without > 0 {
        warnings.push(format!(
            "{name}: {without} records have no expert ids (the first on line {first_without}) and are left out."
        ));
    }
    if missing > 0 {
        warnings.push(format!(
            "{name}: {missing} tokens have no recorded ids (-1 or zeros: taken from a prefix cache, or padding) and are \
             not counted. Turn prefix caching off to have all of them."
        ));
    }
    let live = folded.live.as_ref().map_or(0, |live| live.iter().filter(|&&live| !live).count());
    if dense.max(live) > 0 {
        warnings.push(format!(
            "{name}: {} layers have nothing but zeros or -1: dense layers without experts, which are left out.",
            dense.max(live)
        ));
    }
    if named < samples.len() && named + prompted < samples.len() {
        warnings.push(format!(
            "{name}: records have neither an id of the sample (`sample_id`) nor the prompt's tokens, so samples are told \
             by their place. Write the same samples in the same order at every checkpoint."
        ));
    }
    known.labelled = named == samples.len();
    known.samples = Some(samples);
    known.loss = losses.iter().any(|loss| loss.is_finite()).then_some(losses);
    known.experts = settings.experts.or(known.experts);
    if writer == Writer::Olmoe && sniffed_results(name) {
        known.named = trailing_number(name);
    }
    let places = Places::Records { writer, shape, places };
    opened::trace(source, writer.words(), folded, known, places, warnings)
}

/// `c4_results_1000.jsonl` has its step at the end.
fn sniffed_results(name: &str) -> bool {
    let file = name.rsplit(['/', '\\']).next().unwrap_or(name);
    file.to_ascii_lowercase().contains("results_")
}

fn without_mark(number: usize, bytes: &[u8]) -> &[u8] {
    if number == 1 { bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes) } else { bytes }
}

impl Collected {
    fn push(&mut self, record: &Record, span: Span, fold: &mut Fold) -> Result<(), scan::Fault> {
        let known = &mut self.known;
        known.experts = known.experts.or(record.experts);
        known.step = known.step.or(record.step);
        if known.model.is_none() {
            known.model.clone_from(&record.model);
        }
        if !record.has_ids() {
            // A first line that only says something of the file is no answer that failed.
            if span.number > 1 || (record.experts.is_none() && record.step.is_none()) {
                if self.without == 0 {
                    self.first_without = span.number;
                }
                self.without += 1;
            }
            return Ok(());
        }
        let choices = record.choices.len().max(1);
        for choice in 0..choices {
            if !fold.push(&record.parts(choice), span.number)? {
                continue;
            }
            self.places.push((span, choice as u32));
            self.losses.push(record.loss.unwrap_or(f32::NAN));
            let id = match (&record.id, record.prompt) {
                (Some(id), _) => {
                    self.named += 1;
                    id.clone()
                }
                (None, Some(prompt)) => {
                    self.prompted += 1;
                    format!("prompt {:016x}", prompt.fingerprint)
                }
                (None, None) => self.samples.len().to_string(),
            };
            let id = if choices > 1 { format!("{id} #{choice}") } else { id };
            let domain = record.domain.clone().unwrap_or_else(|| "all".to_owned());
            self.samples.push(SampleMeta { id, domain });
        }
        Ok(())
    }
}

/// Finds the shape of arrays that have none, from the first records.
async fn find_shape(
    source: &Source,
    writer: Writer,
    settings: &Settings,
    warnings: &mut Vec<String>,
) -> Result<Shape, Error> {
    let mut solver = Solver::new(settings.layers, settings.top_k);
    let mut lines = Lines::new(Rc::clone(source));
    let mut seen = 0;
    while seen < LOOK_AT.0 && solver.ids < LOOK_AT.1 {
        let Some(line) = lines.next().await? else { break };
        let bytes = without_mark(line.span.number, line.bytes);
        if bytes.trim_ascii().is_empty() {
            continue;
        }
        let number = line.span.number;
        let record = Record::read(writer, bytes).map_err(|fault| fault.in_line(source.name(), number))?;
        solver.push(&record);
        seen += usize::from(record.has_ids());
        // Whoever writes shapes writes them into every record.
        if record.has_ids() && solver.ids == 0 {
            break;
        }
    }
    match solver.solve() {
        Ok(None) => Ok(Shape::default()),
        Ok(Some(shape)) => {
            let (width, k) = (shape.width.unwrap_or(1), shape.k.unwrap_or(1));
            if settings.top_k.is_none() {
                warnings.push(format!(
                    "{}: arrays have no shape. By their lengths and because no expert comes twice for a token, they are \
                     read as {} layers with {k} experts a token. Say `--layers` and `--top-k` if that is wrong.",
                    source.name(),
                    width / k
                ));
            }
            Ok(shape)
        }
        Err(found) => Err(Error::Text {
            name: source.name().to_owned(),
            place: "`routed_experts`".to_owned(),
            found,
            expected: "the shape [tokens, layers, k] of raw arrays".to_owned(),
            advice: GIVE_SHAPE,
        }),
    }
}
