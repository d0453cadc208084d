//! Routing of one layer as FLAME-MoE publishes it (CMU-FLAME/FLAME-MoE-Traces): a Parquet file a layer with a row a token,
//! `indices` (the selected experts) and `scores` (their probabilities); row `i` of every layer is the same token. The
//! layers of a checkpoint lie in one folder, which is named by its step.
//!
//! Scores are those of the selected experts only, so mean gates cannot be had from them: such traces are of selection
//! frequency (METRICS 2). Where samples end is not recorded either: see [`join_layers`].

use std::rc::Rc;

use crate::{
    error::Error,
    metadata::shorten,
    model::{GateKind, RouterTrace, SampleMeta, StepSource, TopK},
    open_trace::{OpenTrace, not_so_many},
    parquet::{self, Page, ParquetFile, Values},
    recognise::{Recognised, Sniff},
    results::SampleRecord,
    step_name::step_from_name,
};

/// Tokens of one sample where nobody says otherwise: a sequence of FLAME-MoE's evaluation.
const SEQUENCE: usize = 2048;

/// What the table of files calls them.
const FORMAT: &str = "FLAME-MoE layer";

/// Selections beyond this many are not read.
const MAX_SELECTIONS: usize = 1 << 28;

/// The selections of one layer at one checkpoint; the layers of a folder make one trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceLayer {
    /// The file's name.
    pub name: String,
    /// What the file was recognised as.
    pub format: &'static str,
    /// The folder that it shares with the checkpoint's other layers.
    pub folder: String,
    /// The layer's number, from the file's name.
    pub layer: u64,
    /// Training step, from the names of the folders.
    pub step: Option<u64>,
    /// Who says what the step is.
    pub step_from: StepSource,
    /// Tokens, `T`.
    pub tokens: usize,
    /// Experts a token, `k`.
    pub k: usize,
    /// Experts a layer, where the user said it.
    pub experts: Option<usize>,
    /// Whether a token's experts come heaviest first, which the scores tell.
    pub ordered: bool,
    /// Bytes of the file.
    pub bytes: u64,
    /// `[T,k]`.
    ids: Rc<[u16]>,
}

impl TraceLayer {
    /// Says what the training step is.
    pub fn set_step(&mut self, step: u64) {
        self.step = Some(step);
        self.step_from = StepSource::User;
    }
}

/// Why a file is no layer of routing, if it is none.
pub fn declines(sniff: &Sniff) -> Option<String> {
    if parquet::looks_like(&sniff.head) {
        None
    } else {
        Some("a Parquet file of one layer (FLAME-MoE)".to_owned())
    }
}

/// Reads one layer; of a file with other columns only the footer.
///
/// # Errors
/// [`Error::Format`] for what is damaged, and for ids and scores that are impossible.
pub async fn open(sniff: &Sniff) -> Result<Recognised, Error> {
    let source = &sniff.source;
    let name = source.name();
    let file = ParquetFile::open(Rc::clone(source)).await?;
    let Some(column) = file.column("indices") else {
        let mut names: Vec<String> = file.names().take(8).map(shorten).collect();
        names.dedup();
        return Ok(Recognised::Unrelated {
            looked_for: format!(
                "{name}: a Parquet file without a column `indices`; it has `{}`. Routing traces in Parquet (FLAME-MoE) have \
                 `indices` and `scores`, a list of each a token.",
                names.join("`, `")
            ),
        });
    };
    let mut ids: Vec<u16> = Vec::new();
    let mut rows = Rows::new(name, "indices");
    file.read(column, |page| {
        let Page { begins, values: Values::Ints(values) } = page else {
            return Err(rows.wrong("floats".to_owned(), "whole numbers", "Write the experts' ids there."));
        };
        rows.take(&begins)?;
        if ids.len() + values.len() > MAX_SELECTIONS {
            return Err(rows.wrong(
                format!("more than {MAX_SELECTIONS} ids"),
                "at most that many in a layer",
                "Write fewer tokens.",
            ));
        }
        for id in values {
            let at = ids.len();
            ids.push(u16::try_from(id).map_err(|_| {
                rows.wrong(
                    format!("expert {id} in row {}", rows.row_of(at)),
                    "ids from 0 to 65535",
                    "Leave out padding, and write the experts' own numbers.",
                )
            })?);
        }
        Ok(())
    })
    .await?;
    let k = rows.finish(file.rows)?;
    for (row, selected) in ids.chunks_exact(k).enumerate() {
        if let Some(twice) =
            selected.iter().enumerate().find_map(|(at, id)| selected.get(..at)?.contains(id).then_some(id))
        {
            return Err(rows.wrong(
                format!("expert {twice} twice in row {row}"),
                "different experts",
                "A token goes to an expert once.",
            ));
        }
    }
    if let Some(experts) = sniff.settings.experts {
        let largest = ids.iter().copied().max().unwrap_or(0);
        if experts <= usize::from(largest) || experts > 1 << 16 {
            return Err(not_so_many(name, experts, format!("ids up to {largest}")));
        }
    }
    let ordered = match file.column("scores") {
        Some(column) => scores_fall(name, &file, column, k).await?,
        None => false,
    };
    let (folder, base) = name.rsplit_once(['/', '\\']).unwrap_or(("", name));
    let step = step_from_name(name).map(|named| named.step).or_else(|| numbered_folder(folder));
    Ok(Recognised::Layer(TraceLayer {
        name: name.to_owned(),
        format: FORMAT,
        folder: folder.to_owned(),
        layer: layer_number(base).ok_or_else(|| Error::Format {
            name: name.to_owned(),
            part: "name".to_owned(),
            found: "no number of a layer".to_owned(),
            expected: "a name like layer_02.parquet".to_owned(),
            advice: "Name each layer's file by its number.",
        })?,
        step,
        step_from: if step.is_some() { StepSource::FileName } else { StepSource::None },
        tokens: ids.len() / k,
        k,
        experts: sniff.settings.experts,
        ordered,
        bytes: source.len(),
        ids: ids.into(),
    }))
}

/// Lists that must all have the same length.
struct Rows<'a> {
    name: &'a str,
    column: &'static str,
    k: Option<usize>,
    rows: u64,
    /// Values of the row under way.
    inside: usize,
}

impl<'a> Rows<'a> {
    fn new(name: &'a str, column: &'static str) -> Self {
        Self { name, column, k: None, rows: 0, inside: 0 }
    }

    fn wrong(&self, found: String, expected: &str, advice: &'static str) -> Error {
        Error::Format {
            name: self.name.to_owned(),
            part: format!("column `{}`", self.column),
            found,
            expected: expected.to_owned(),
            advice,
        }
    }

    /// The row of a value; before the first row ends, all are of that one.
    fn row_of(&self, at: usize) -> usize {
        at.checked_div(self.k.unwrap_or(0)).unwrap_or(0)
    }

    fn take(&mut self, begins: &[bool]) -> Result<(), Error> {
        for &begin in begins {
            if begin {
                self.end_row()?;
                self.rows += 1;
                self.inside = 1;
            } else {
                self.inside += 1;
            }
        }
        Ok(())
    }

    fn end_row(&mut self) -> Result<(), Error> {
        if self.rows == 0 && self.inside == 0 {
            return Ok(());
        }
        match self.k {
            None => self.k = Some(self.inside),
            Some(k) if k == self.inside => {}
            Some(k) => {
                return Err(self.wrong(
                    format!("{} values in row {}", self.inside, self.rows.saturating_sub(1)),
                    &format!("{k}, as in the rows before"),
                    "Write the same number of experts for every token.",
                ));
            }
        }
        Ok(())
    }

    /// The length that all have.
    fn finish(&mut self, rows: u64) -> Result<usize, Error> {
        self.end_row()?;
        if self.rows != rows {
            return Err(self.wrong(
                format!("{} rows", self.rows),
                &format!("{rows}, as the footer says"),
                "The file is damaged; copy, download or write it again.",
            ));
        }
        match self.k {
            // A list that begins in the middle has rows of nothing.
            Some(k) if k > 0 => Ok(k),
            _ => Err(self.wrong("no rows".to_owned(), "one a token", "Check what the file was made from.")),
        }
    }
}

/// Whether every token's scores fall. They are probabilities of the selected experts, so their sum is at most 1.
async fn scores_fall(
    name: &str,
    file: &ParquetFile,
    column: &parquet::Column,
    k: usize,
) -> Result<bool, Error> {
    let mut rows = Rows::new(name, "scores");
    let mut fall = true;
    let (mut before, mut sum, mut at) = (f32::INFINITY, 0.0_f64, 0_usize);
    file.read(column, |page| {
        let Page { begins, values: Values::Floats(values) } = page else {
            return Err(rows.wrong(
                "whole numbers".to_owned(),
                "probabilities",
                "Write the scores as floats.",
            ));
        };
        rows.take(&begins)?;
        for score in values {
            if at % k == 0 {
                (before, sum) = (f32::INFINITY, 0.0);
            }
            sum += f64::from(score);
            if !(0.0..=1.0).contains(&score) || sum > 1.01 {
                return Err(rows.wrong(
                    format!("{score} in row {}, where the scores sum to {sum:.4} so far", at / k),
                    "probabilities, which sum to at most 1",
                    "Write the softmax over all experts, of the selected ones.",
                ));
            }
            fall &= score <= before;
            before = score;
            at += 1;
        }
        Ok(())
    })
    .await?;
    let width = rows.finish(file.rows)?;
    if width == k {
        Ok(fall)
    } else {
        Err(rows.wrong(
            format!("{width} values a row"),
            &format!("{k}, one for each of `indices`"),
            "Write both columns from the same tokens.",
        ))
    }
}

/// The last number in a file's name.
fn layer_number(base: &str) -> Option<u64> {
    let stem = base.split(['?', '#', '.']).next().unwrap_or(base);
    let end = stem.trim_end_matches(|c: char| !c.is_ascii_digit());
    let start = end.trim_end_matches(|c: char| c.is_ascii_digit()).len();
    end.get(start..)?.parse().ok()
}

/// FLAME-MoE's folders are called by the bare number of the step.
fn numbered_folder(folder: &str) -> Option<u64> {
    folder.rsplit(['/', '\\']).find_map(|part| part.parse().ok())
}

/// Makes one trace of the layers of one folder.
///
/// Samples are those of `records` where their token counts sum to the number of rows; otherwise every 2048 rows are one
/// sample. The number of experts is not in such files: where nobody said it, it is the next power of two above the largest
/// id. `warnings` hears of both.
///
/// # Errors
/// [`Error::Mismatch`] when the layers do not fit together.
pub fn join_layers(
    layers: &[&TraceLayer],
    records: &[SampleRecord],
    warnings: &mut Vec<String>,
) -> Result<OpenTrace, Error> {
    let mut layers = layers.to_vec();
    layers.sort_by_key(|layer| layer.layer);
    let wrong = |layer: &TraceLayer, given: String, has: String, advice: &'static str| Error::Mismatch {
        name: layer.name.clone(),
        given,
        has,
        advice,
    };
    let Some(&first) = layers.first() else {
        return Err(Error::Mismatch {
            name: FORMAT.to_owned(),
            given: "no layers were given".to_owned(),
            has: "at least one".to_owned(),
            advice: "This is a fault of the program; please report it.",
        });
    };
    for pair in layers.windows(2) {
        let [before, layer] = pair else { continue };
        if before.layer == layer.layer {
            return Err(wrong(
                layer,
                format!("layer {}", layer.layer),
                format!("that layer from {} already", before.name),
                "Give every checkpoint a folder of its own.",
            ));
        }
        if (layer.tokens, layer.k) != (first.tokens, first.k) {
            return Err(wrong(
                layer,
                format!("{} tokens with {} experts each", layer.tokens, layer.k),
                format!("{} tokens with {} experts each in {}", first.tokens, first.k, first.name),
                "Write all layers from the same tokens.",
            ));
        }
    }
    let shown = if first.folder.is_empty() { &first.name } else { &first.folder };
    let numbers = layers.last().map_or(0, |last| last.layer - first.layer);
    if numbers != layers.len() as u64 - 1 {
        warnings.push(format!(
            "{shown}: layers {} to {} with gaps: {} files. Where a layer between them is missing, the trace is of those that \
             are there.",
            first.layer,
            first.layer + numbers,
            layers.len()
        ));
    }
    let (tokens, k) = (first.tokens, first.k);
    let said = layers.iter().find(|layer| layer.step_from == StepSource::User).unwrap_or(&first);
    let size = tokens.checked_mul(k).and_then(|size| size.checked_mul(layers.len()));
    if size.is_none_or(|size| size > MAX_SELECTIONS) {
        return Err(Error::TooLarge {
            name: shown.clone(),
            what: "its selections".to_owned(),
            bytes: 2 * size.unwrap_or(usize::MAX / 2) as u64,
            limit: 2 * MAX_SELECTIONS as u64,
            advice: "Write fewer tokens.",
        });
    }
    let (samples, offsets) = samples_of(shown, tokens, records, warnings);
    let largest = layers.iter().flat_map(|layer| layer.ids.iter().copied()).max().unwrap_or(0);
    let least = (usize::from(largest) + 1).max(k);
    let told = layers.iter().filter_map(|layer| layer.experts).max();
    let experts = told.unwrap_or_else(|| least.next_power_of_two()).max(least).min(1 << 16);
    if told.is_none() {
        warnings.push(format!(
            "{shown}: how many experts a layer has is not in such files. The ids go up to {largest}, so {experts} are assumed, the \
             next power of two. If there are others, say it to the program (`--experts`; in the page beside the file)."
        ));
    }
    let count = offsets.len() - 1;
    let values = count.checked_mul(layers.len()).and_then(|n| n.checked_mul(experts));
    if values.is_none_or(|values| values > MAX_SELECTIONS) {
        return Err(Error::TooLarge {
            name: shown.clone(),
            what: "its selection frequencies".to_owned(),
            bytes: 4 * values.unwrap_or(usize::MAX / 4) as u64,
            limit: 4 * MAX_SELECTIONS as u64,
            advice: "Write fewer tokens.",
        });
    }
    let mut ids = Vec::with_capacity(size.unwrap_or(0));
    for token in 0..tokens {
        for layer in &layers {
            ids.extend_from_slice(layer.ids.get(token * k..(token + 1) * k).unwrap_or_default());
        }
    }
    let topk = TopK { k, layers: layers.len(), ids, offsets };
    let trace = RouterTrace {
        model: None,
        step: said.step,
        tokens: None,
        samples,
        layers: layers.len(),
        experts,
        gate_kind: GateKind::SelectionFrequency,
        gates: frequencies(&topk, experts),
        loss: None,
        n_tokens: Some(topk.offsets.windows(2).map(|span| (span[1] - span[0]) as u32).collect()),
        router: None,
        topk: Some(topk),
        topk_ordered: layers.iter().all(|layer| layer.ordered),
    };
    let mut open = OpenTrace::from_memory(shown, "FLAME-MoE layers", trace)?;
    open.info.step_from = said.step_from;
    open.info.bytes = layers.iter().map(|layer| layer.bytes).sum();
    Ok(open)
}

/// The samples, and the tokens at which they begin and end.
fn samples_of(
    shown: &str,
    tokens: usize,
    records: &[SampleRecord],
    warnings: &mut Vec<String>,
) -> (Option<Vec<SampleMeta>>, Vec<usize>) {
    let counts: Option<Vec<usize>> =
        records.iter().map(|record| record.tokens.map(|n| n as usize).filter(|&n| n > 0)).collect();
    if let Some(counts) = counts.filter(|counts| counts.iter().sum::<usize>() == tokens) {
        let mut offsets = vec![0];
        let mut sum = 0;
        for count in counts {
            sum += count;
            offsets.push(sum);
        }
        let samples =
            records.iter().map(|record| SampleMeta { id: record.id.clone(), domain: record.domain.clone() });
        return (Some(samples.collect()), offsets);
    }
    warnings.push(format!(
        "{shown}: where samples end is not in such files, so every {SEQUENCE} rows are taken as one sample. A list of the \
         samples with their token counts, which sum to {tokens}, tells better."
    ));
    let mut offsets: Vec<usize> = (0..tokens).step_by(SEQUENCE).collect();
    offsets.push(tokens);
    (None, offsets)
}

/// How often each expert was among the selected, `[S,L,E]`; samples without tokens are passed over.
pub fn frequencies(topk: &TopK, experts: usize) -> Vec<f32> {
    let width = topk.layers * experts;
    let token = topk.layers * topk.k;
    let mut all = Vec::with_capacity((topk.offsets.len() - 1) * width);
    for span in topk.offsets.windows(2) {
        let [start, end] = *span else { continue };
        if start == end {
            continue;
        }
        let mut counts = vec![0_u32; width];
        for selected in topk.ids.get(start * token..end * token).unwrap_or_default().chunks_exact(token) {
            for (layer, experts_of) in selected.chunks_exact(topk.k).enumerate() {
                for &id in experts_of {
                    if let Some(count) = counts.get_mut(layer * experts + usize::from(id)) {
                        *count += 1;
                    }
                }
            }
        }
        let total = (topk.k * (end - start)) as f64;
        all.extend(counts.into_iter().map(|count| (f64::from(count) / total) as f32));
    }
    all
}

#[cfg(test)]
mod tests {
    use futures::executor::block_on;

    use super::*;

    #[test]
    fn names_tell_layer_and_step() {
        assert_eq!(layer_number("layer_02.parquet"), Some(2));
        assert_eq!(layer_number("moe-12-topk.parquet"), Some(12));
        assert_eq!(layer_number("layer.parquet"), None);
        assert_eq!(numbered_folder("flame/290M/2640"), Some(2640));
        assert_eq!(numbered_folder("flame/actives/880/rank"), Some(880));
        assert_eq!(numbered_folder("flame"), None);
    }

    fn layer(number: u64, ids: &[u16], k: usize) -> TraceLayer {
        TraceLayer {
            name: format!("run/5/layer_{number}.parquet"),
            format: FORMAT,
            folder: "run/5".to_owned(),
            layer: number,
            step: Some(5),
            step_from: StepSource::FileName,
            tokens: ids.len() / k,
            k,
            experts: None,
            ordered: true,
            bytes: 100,
            ids: ids.into(),
        }
    }

    fn record(id: &str, tokens: u32) -> SampleRecord {
        SampleRecord { id: id.to_owned(), domain: "x".to_owned(), tokens: Some(tokens), embedding: None }
    }

    #[test]
    fn layers_are_put_in_order_and_samples_cut() {
        let (two, seven) = (layer(2, &[0, 1, 1, 0, 0, 1], 2), layer(7, &[5, 4, 5, 4, 4, 0], 2));
        let mut warnings = Vec::new();
        let open =
            join_layers(&[&seven, &two], &[record("a", 1), record("b", 2)], &mut warnings).expect("a trace");
        assert_eq!((open.info.layers, open.info.experts, open.info.top_k), (2, 8, Some(2)));
        assert_eq!((open.info.step, open.info.samples[1].id.as_str()), (Some(5), "b"));
        let [gaps, assumed] = warnings.as_slice() else { panic!("{warnings:?}") };
        assert!(gaps.contains("layers 2 to 7"), "{gaps}");
        assert!(assumed.contains("go up to 5, so 8 are assumed"), "{assumed}");
        let topk = futures::executor::block_on(open.topk(1..2)).expect("selections").expect("some");
        assert_eq!(topk.ids, [1, 0, 5, 4, 0, 1, 4, 0]);
    }

    #[test]
    fn a_number_of_experts_that_was_said_is_taken() {
        let mut layers = [layer(1, &[0, 1], 2), layer(2, &[5, 4], 2)];
        layers[1].experts = Some(64);
        let experts = |layers: &[TraceLayer; 2]| {
            let open = join_layers(&[&layers[0], &layers[1]], &[], &mut Vec::new()).expect("a trace");
            assert_eq!(block_on(open.gates(0..1)).expect("gates").len(), 2 * open.info.experts);
            open.info.experts
        };
        assert_eq!(experts(&layers), 64);
        layers[1].experts = None;
        assert_eq!(experts(&layers), 8);
    }

    #[test]
    fn layers_that_do_not_fit_are_told() {
        let (one, other) = (layer(1, &[0, 1], 2), layer(2, &[0, 1, 2, 3], 2));
        let said = |layers: &[&TraceLayer]| {
            join_layers(layers, &[], &mut Vec::new()).expect_err("a mistake").to_string()
        };
        assert!(said(&[&one, &other]).contains("1 tokens with 2 experts each in run/5/layer_1.parquet"));
        assert!(said(&[&one, &one]).contains("already"));
        assert!(said(&[]).contains("no layers"));
    }
}
