//! Files of records: one served answer or one block of text per line, from vLLM, SGLang or the
//! OLMoE scripts.

use std::rc::Rc;

use crate::{
    error::{Error, GIVE_SHAPE},
    format::{
        expert_ids::{
            body::Places,
            fold::{Fold, most_counts},
            lines::{CONTENT, Lines, Span, beginning},
            opened::{self, Known},
            read,
            record::{Record, Writer},
            scan,
            shape::{Shape, Solver},
        },
        kind::{FileKind, Format, Match, Opened},
        probe::{Probe, Settings},
    },
    io::source::{ByteSource as _, Source},
    model::SampleMeta,
    open_trace::OpenTrace,
    text::step_name::trailing_number,
};

/// Records that are inspected to find ids, and the shape of arrays without one.
const LOOK_AT: (usize, usize) = (64, 1 << 18);

/// The writer of the records, by the fields of the first.
fn writer(text: &str) -> Option<Writer> {
    let has = |key: &str| text.contains(&format!("\"{key}\""));
    if has("exp_ids") {
        return Some(Writer::Olmoe);
    }
    let ids = has("routed_experts") || has("prompt_routed_experts");
    let sglang = has("meta_info") || has("sglext") || has("sgl_ext");
    ids.then_some(if sglang { Writer::Sglang } else { Writer::Vllm })
}

/// Records of vLLM, SGLang and the OLMoE scripts.
pub const FORMAT: Format =
    Format { endings: &["jsonl", "ndjson"], in_tensors: false, content: CONTENT, probe };

fn probe(probe: &Probe) -> Option<Match<'_>> {
    let writer = writer(beginning(probe)?)?;
    Some(Box::pin(async move {
        let mut warnings = Vec::new();
        let trace = records(&probe.source, writer, &probe.settings, &mut warnings).await?;
        Ok(Opened { what: FileKind::Trace(trace), warnings })
    }))
}

/// Data collected from the records so far.
#[derive(Default)]
struct Collected {
    known: Known,
    samples: Vec<SampleMeta>,
    places: Vec<(Span, u32)>,
    losses: Vec<f32>,
    /// Samples named by their own id, and by their prompt.
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
        let locate = |fault: scan::Fault| fault.in_line(name, line.span.number);
        let record = read::read(writer, bytes, shape).map_err(locate)?;
        all.push(&record, line.span, &mut fold).map_err(locate)?;
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
             not counted. Turn prefix caching off to record all tokens."
        ));
    }
    let live = folded.live.as_ref().map_or(0, |live| live.iter().filter(|&&live| !live).count());
    if dense.max(live) > 0 {
        warnings.push(format!(
            "{name}: {} layers have only zeros or -1 and are left out as dense layers.",
            dense.max(live)
        ));
    }
    if named < samples.len() && named + prompted < samples.len() {
        warnings.push(format!(
            "{name}: records have neither an id of the sample (`sample_id`) nor the prompt's tokens, so samples are identified \
             by their index. Write the same samples in the same order at every checkpoint."
        ));
    }
    known.labelled = named == samples.len();
    known.samples = Some(samples);
    known.loss = losses.iter().any(|loss| loss.is_finite()).then_some(losses);
    known.experts = settings.experts.or(known.experts);
    if writer == Writer::Olmoe && is_results_name(name) {
        known.named = trailing_number(name);
    }
    let places = Places::Records { writer, shape, places };
    opened::trace(source, writer.words(), folded, known, places, warnings)
}

/// Whether a name has its step at the end, as in `c4_results_1000.jsonl`.
fn is_results_name(name: &str) -> bool {
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
            // A first line with only metadata of the file is not a response without ids.
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

/// Finds the shape of arrays without one, from the first records.
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
        let record = read::fields(writer, bytes).map_err(|fault| fault.in_line(source.name(), number))?;
        solver.push(&record);
        seen += usize::from(record.has_ids());
        // Writers put shapes into all records or none.
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
                    "{}: arrays have no shape. By their lengths and because no expert is repeated for a token, they are \
                     read as {} layers with {k} experts per token. Give `--layers` and `--top-k` if that is wrong.",
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
