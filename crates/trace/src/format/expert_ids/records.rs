//! Files of records: one served answer or one block of text per line, from vLLM, SGLang or the
//! OLMoE scripts.

use std::collections::BTreeMap;

use crate::{
    error::{Error, GIVE_SHAPE},
    format::{
        expert_ids::{
            body::Places,
            fold::{Fold, most_counts},
            lines::{CONTENT, beginning, record_lines},
            opened::{self, Known},
            read,
            record::{Record, Writer},
            scan,
            shape::{Shape, Solver},
        },
        kind::{Entry, FileKind, Format, Match, Opened},
        probe::{Probe, Settings},
    },
    io::{
        lines::{Line, Span},
        source::{ByteSource as _, Source},
    },
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
pub const FORMAT: Format = Format {
    endings: &["jsonl", "ndjson", "json"],
    in_tensors: false,
    content: CONTENT,
    entry: Some(Entry {
        place: 30,
        name: "Expert ids without weights",
        form: "JSON Lines of vLLM, SGLang or Megatron’s tracer, CSV, or Parquet (FLAME-MoE)",
    }),
    probe,
};

fn probe(probe: &Probe) -> Option<Match<'_>> {
    let writer = writer(beginning(probe)?)?;
    Some(Box::pin(async move {
        let mut warnings = Vec::new();
        let traces = records(&probe.source, writer, &probe.settings, &mut warnings).await?;
        Ok(Opened { what: FileKind::of_traces(traces), warnings })
    }))
}

/// Checkpoints that one file may hold.
const MOST_CHECKPOINTS: usize = 4096;

/// Content of the records of one checkpoint.
struct Checkpoint {
    /// The step that its records name.
    step: Option<u64>,
    fold: Fold,
    samples: Vec<SampleMeta>,
    /// The sample of each id that a record names.
    named: BTreeMap<String, usize>,
    /// Samples whose records name them.
    identified: usize,
    /// Samples that are named by their prompt.
    prompted: usize,
    places: Vec<(Span, u32)>,
    losses: Vec<f32>,
}

/// Content of all records of a file.
#[derive(Default)]
struct Collected {
    /// In the order of their first records.
    checkpoints: Vec<Checkpoint>,
    /// Step of the whole file, from a record without ids.
    header_step: Option<u64>,
    experts: Option<usize>,
    model: Option<String>,
    /// Bytes of all counts.
    bytes: usize,
    /// Records with ids that name no step.
    without_step: usize,
    /// Records without ids.
    without: usize,
    first_without: usize,
    /// Samples that came again with the same ids.
    repeated: usize,
}

async fn records(
    source: &Source,
    writer: Writer,
    settings: &Settings,
    warnings: &mut Vec<String>,
) -> Result<Vec<OpenTrace>, Error> {
    let name = source.name();
    let shape = find_shape(source, writer, settings, warnings).await?;
    let mut all = Collected::default();
    let mut lines = record_lines(source).await?;
    while let Some(line) = lines.next().await? {
        each_record(name, &line, &mut |bytes, span| {
            let locate = |fault: scan::Fault| fault.in_line(name, span.number);
            let record = read::read(writer, bytes, shape).map_err(locate)?;
            all.push(&record, span, settings, most_counts(source)).map_err(locate)?;
            Ok(true)
        })?;
    }
    all.finish(source, writer, shape, settings, warnings)
}

/// Takes the bytes and the place of a record, and returns whether to go on.
type TakeRecord<'a> = dyn FnMut(&[u8], Span) -> Result<bool, Error> + 'a;

/// Calls `take` with every record of a line and its place: the line itself, or each entry of a list, as servers answer a
/// batch. `take` returns whether to go on.
fn each_record(name: &str, line: &Line<'_>, take: &mut TakeRecord<'_>) -> Result<(), Error> {
    let bytes = without_mark(line.span.number, line.bytes);
    let skipped = line.bytes.len() - bytes.len();
    if bytes.trim_ascii().is_empty() {
        return Ok(());
    }
    let mut scan = scan::Scan::new(bytes);
    if scan.peek() != Some(b'[') {
        return take(bytes, line.span).map(drop);
    }
    let mut outcome = Ok(true);
    let listed = scan.list(|scan, _| {
        scan.peek();
        let start = scan.place();
        let entry = scan.value()?;
        let offset = line.span.offset + (skipped + start) as u64;
        if matches!(outcome, Ok(true)) && entry != b"null" {
            outcome = take(entry, Span { offset, len: entry.len(), ..line.span });
        }
        Ok(())
    });
    outcome?;
    listed.map_err(|fault| fault.in_line(name, line.span.number))?;
    if !scan.is_done() {
        return Err(scan
            .fault("the end of the list", scan::ONE_RECORD_PER_LINE)
            .in_line(name, line.span.number));
    }
    Ok(())
}

/// Whether a name has its step at the end, as in `c4_results_1000.jsonl`.
fn is_results_name(name: &str) -> bool {
    let file = name.rsplit(['/', '\\']).next().unwrap_or(name);
    file.to_ascii_lowercase().contains("results_")
}

fn without_mark(number: usize, bytes: &[u8]) -> &[u8] {
    if number == 1 { bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes) } else { bytes }
}

impl Checkpoint {
    /// Takes a record with ids; returns how many of its samples are there already with the same ids.
    fn push(&mut self, record: &Record, span: Span) -> Result<usize, scan::Fault> {
        let mut repeated = 0;
        let choices = record.choices.len().max(1);
        for choice in 0..choices {
            if !self.fold.push(&record.parts(choice), span.number)? {
                continue;
            }
            let id = match (&record.id, record.prompt) {
                (Some(id), _) => id.clone(),
                (None, Some(prompt)) => format!("prompt {:016x}", prompt.fingerprint),
                (None, None) => self.samples.len().to_string(),
            };
            let id = if choices > 1 { format!("{id} #{choice}") } else { id };
            if record.id.is_some() {
                if self.named.get(&id).is_some_and(|&before| self.fold.repeats(before)) {
                    self.fold.drop_last();
                    repeated += 1;
                    continue;
                }
                self.named.entry(id.clone()).or_insert(self.samples.len());
                self.identified += 1;
            } else if record.prompt.is_some() {
                self.prompted += 1;
            }
            self.places.push((span, choice as u32));
            self.losses.push(record.loss.unwrap_or(f32::NAN));
            let domain = record.domain.clone().unwrap_or_else(|| "all".to_owned());
            self.samples.push(SampleMeta { id, domain });
        }
        Ok(repeated)
    }
}

impl Collected {
    fn push(
        &mut self,
        record: &Record,
        span: Span,
        settings: &Settings,
        most: usize,
    ) -> Result<(), scan::Fault> {
        self.experts = self.experts.or(record.experts);
        if self.model.is_none() {
            self.model.clone_from(&record.model);
        }
        if !record.has_ids() {
            // A first record with only metadata of the file is not a response without ids.
            if span.number > 1 || (record.experts.is_none() && record.step.is_none()) {
                if self.without == 0 {
                    self.first_without = span.number;
                }
                self.without += 1;
            } else {
                self.header_step = record.step;
            }
            return Ok(());
        }
        let at = self.checkpoint(record.step, settings, most)?;
        let others = self.bytes;
        let Some(checkpoint) = self.checkpoints.get_mut(at) else { return Ok(()) };
        let before = checkpoint.fold.bytes();
        checkpoint.fold.limit(most.saturating_sub(others - before));
        self.repeated += checkpoint.push(record, span)?;
        self.bytes = others - before + checkpoint.fold.bytes();
        Ok(())
    }

    /// The place of the checkpoint of a step, made if it is not there.
    fn checkpoint(
        &mut self,
        step: Option<u64>,
        settings: &Settings,
        most: usize,
    ) -> Result<usize, scan::Fault> {
        if step.is_none() {
            self.without_step += 1;
        }
        // Records need not repeat a step that others of the same file name.
        if let [only] = self.checkpoints.as_mut_slice()
            && (only.step.is_none() || step.is_none())
        {
            only.step = only.step.or(step);
            return Ok(0);
        }
        // Records of a checkpoint mostly follow each other.
        if let Some(at) = self.checkpoints.iter().rposition(|checkpoint| checkpoint.step == step) {
            return Ok(at);
        }
        if self.checkpoints.len() >= MOST_CHECKPOINTS {
            return Err(scan::Fault::of_record(
                "`step`",
                format!("more than {MOST_CHECKPOINTS} different steps"),
                "the training step of the checkpoint",
                "Write the checkpoint's step, not the record's number, or a file per checkpoint.",
            ));
        }
        self.checkpoints.push(Checkpoint {
            step,
            fold: Fold::new(settings.experts, most),
            samples: Vec::new(),
            named: BTreeMap::new(),
            identified: 0,
            prompted: 0,
            places: Vec::new(),
            losses: Vec::new(),
        });
        Ok(self.checkpoints.len() - 1)
    }

    /// Says what was left out.
    fn warn(&self, name: &str, warnings: &mut Vec<String>) {
        if self.without > 0 {
            warnings.push(format!(
                "{name}: {} records have no expert ids (the first on line {}) and are left out.",
                self.without, self.first_without
            ));
        }
        if self.repeated > 0 {
            warnings.push(format!(
                "{name}: {} records repeat a sample with the same ids; each sample counts once.",
                self.repeated
            ));
        }
        let folds = || self.checkpoints.iter().map(|checkpoint| &checkpoint.fold);
        let missing: u64 = folds().map(|fold| fold.missing).sum();
        if missing > 0 {
            warnings.push(format!(
                "{name}: {missing} tokens have no recorded ids (-1 or zeros: taken from a prefix cache, or padding) and \
                 are not counted. Turn prefix caching off to record all tokens."
            ));
        }
        let by_place = |checkpoint: &Checkpoint| {
            let count = checkpoint.samples.len();
            checkpoint.identified < count && checkpoint.identified + checkpoint.prompted < count
        };
        if self.checkpoints.iter().any(by_place) {
            warnings.push(format!(
                "{name}: records have neither an id of the sample (`sample_id`) nor the prompt's tokens, so samples are \
                 identified by their index. Write the same samples in the same order at every checkpoint."
            ));
        }
    }

    /// One trace per step.
    fn finish(
        mut self,
        source: &Source,
        writer: Writer,
        shape: Shape,
        settings: &Settings,
        warnings: &mut Vec<String>,
    ) -> Result<Vec<OpenTrace>, Error> {
        let name = source.name();
        if self.checkpoints.len() > 1 && self.without_step > 0 {
            return Err(Error::Text {
                name: name.to_owned(),
                place: "`step`".to_owned(),
                found: format!("{} records without a step, and others of several steps", self.without_step),
                expected: "the step in every record, or one step in the file".to_owned(),
                advice: "Write `step` into every record.",
            });
        }
        self.warn(name, warnings);
        let mut traces = Vec::with_capacity(self.checkpoints.len());
        self.checkpoints.sort_by_key(|checkpoint| checkpoint.step);
        for checkpoint in self.checkpoints {
            let Checkpoint { step, fold, samples, identified, places, losses, .. } = checkpoint;
            let dense = fold.dense;
            let Some(folded) = fold.finish() else { continue };
            let zeros = folded.live.as_ref().map_or(0, |live| live.iter().filter(|&&live| !live).count());
            let mut said = Vec::new();
            if dense.max(zeros) > 0 {
                said.push(format!(
                    "{name}: {} layers have only zeros or -1 and are left out as dense layers.",
                    dense.max(zeros)
                ));
            }
            let known = Known {
                experts: settings.experts.or(self.experts),
                model: self.model.clone(),
                step: step.or(self.header_step),
                named: if writer == Writer::Olmoe && is_results_name(name) {
                    trailing_number(name)
                } else {
                    None
                },
                labelled: identified == samples.len(),
                samples: Some(samples),
                loss: losses.iter().any(|loss| loss.is_finite()).then_some(losses),
                ..Known::default()
            };
            let places = Places::Records { writer, shape, places };
            traces.push(opened::trace(source, writer.words(), folded, known, places, &mut said)?);
            said.retain(|warning| !warnings.contains(warning));
            warnings.append(&mut said);
        }
        if traces.is_empty() {
            return Err(opened::no_ids(name));
        }
        if traces.len() > 1 {
            warnings.push(format!("{name}: records of {} checkpoints, by their `step`.", traces.len()));
        }
        Ok(traces)
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
    let mut lines = record_lines(source).await?;
    let mut seen = 0;
    let mut more = true;
    while more {
        let Some(line) = lines.next().await? else { break };
        each_record(source.name(), &line, &mut |bytes, span| {
            let record =
                read::fields(writer, bytes).map_err(|fault| fault.in_line(source.name(), span.number))?;
            solver.push(&record);
            seen += usize::from(record.has_ids());
            // Writers that give shapes give them in every record.
            more = seen < LOOK_AT.0 && solver.ids < LOOK_AT.1 && !(record.has_ids() && solver.ids == 0);
            Ok(more)
        })?;
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
