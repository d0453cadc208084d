//! Tables of ids: `sample,token,layer,expert` with one row per selected expert or per token and layer (`"[0, 6]"`), with a
//! `step` if the table has several checkpoints; or llama.cpp's `layer,expert` (`examples/moe-trace`) without tokens and
//! samples. The delimiter is a comma, semicolon or tab; other columns are ignored.

use std::collections::BTreeMap;

use crate::{
    error::Error,
    format::{
        expert_ids::{
            body::Places,
            fold::{Folded, most_counts},
            lines::lines_of,
            opened::{self, Known},
        },
        kind::{FileKind, Format, Match, Opened},
        probe::{Probe, Settings},
    },
    io::source::{ByteSource as _, Source},
    model::SampleMeta,
    open_trace::OpenTrace,
    text::shorten,
};

/// The format's name in the table of files.
const NAME: &str = "table of expert ids";

/// The limit of token numbers in a sample.
pub const MOST_TOKENS: u64 = 1 << 24;

/// The most layers.
pub const MOST_LAYERS: u64 = 4096;

const ADVICE: &str = "Correct the table at this place.";

/// The indices of the columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Columns {
    delimiter: u8,
    sample: Option<usize>,
    token: Option<usize>,
    layer: usize,
    expert: usize,
    domain: Option<usize>,
    step: Option<usize>,
    rank: bool,
    weight: bool,
}

/// Lines before the header that a log may have.
const MOST_TITLES: usize = 4;

/// Whether one of the first lines is a header.
fn has_header(head: &[u8]) -> bool {
    let head = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
    head.split(|&byte| byte == b'\n').take(MOST_TITLES).any(|line| columns_of(line).is_some())
}

fn columns_of(line: &[u8]) -> Option<Columns> {
    let line = std::str::from_utf8(line).ok()?.trim_end();
    let delimiter =
        [b'\t', b';', b','].into_iter().max_by_key(|&d| line.bytes().filter(|&b| b == d).count())?;
    let names: Vec<String> = line
        .split(char::from(delimiter))
        .map(|name| name.trim().trim_matches('"').to_ascii_lowercase().replace([' ', '_', '-'], ""))
        .collect();
    let find = |wanted: &[&str]| names.iter().position(|name| wanted.contains(&name.as_str()));
    let layer = find(&["layer", "layerid", "layeridx", "layerindex"])?;
    let experts = ["expert", "expertid", "expertidx", "experts", "expertids", "topkids", "selectedexperts"];
    Some(Columns {
        delimiter,
        sample: find(&["sample", "sampleid", "prompt", "promptid", "reqid", "requestid"]),
        token: find(&["token", "tokenidx", "tokenindex", "position", "pos"]),
        layer,
        expert: find(&experts)?,
        domain: find(&["domain"]),
        step: find(&["step", "globalstep", "checkpoint", "iteration"]),
        rank: find(&["rank", "tprank", "dprank", "eprank"]).is_some(),
        weight: find(&["weight", "weights", "score", "prob", "expertweights"]).is_some(),
    })
}

/// Tables of ids.
pub const FORMAT: Format = Format {
    endings: &["csv", "tsv"],
    in_tensors: false,
    content: "a table with the columns sample, token, layer, expert or layer, expert",
    entry: None,
    probe,
};

fn probe(probe: &Probe) -> Option<Match<'_>> {
    has_header(&probe.head).then_some(())?;
    Some(Box::pin(async move {
        let mut warnings = Vec::new();
        let traces = open(&probe.source, &probe.settings, &mut warnings).await?;
        Ok(Opened { what: FileKind::of_traces(traces), warnings })
    }))
}

/// One sample during counting.
#[derive(Default)]
struct Sample {
    step: Option<u64>,
    id: String,
    domain: String,
    /// Counts by layer and expert, up to the largest id.
    layers: BTreeMap<u64, Vec<u32>>,
    /// The tokens seen, one bit each.
    tokens: Vec<u64>,
}

/// The rows of one token and layer.
#[derive(Default)]
struct Run {
    sample: usize,
    token: u64,
    layer: u64,
    ids: Vec<u16>,
}

/// Counts of the samples of a table, or of records of single tokens.
pub struct Table<'a> {
    name: &'a str,
    /// Whether rows name their sample, and their token.
    named: bool,
    known_tokens: bool,
    /// Experts per layer, if a record states them.
    pub experts: Option<usize>,
    places: BTreeMap<(Option<u64>, String, String), usize>,
    samples: Vec<Sample>,
    run: Run,
    /// Experts per token, and the line from which it is known.
    k: Option<(usize, usize)>,
    bytes: usize,
    /// The most bytes for counts.
    most: usize,
    largest: u16,
}

/// Reads a table.
///
/// # Errors
/// [`Error::Text`] with line and column.
async fn open(
    source: &Source,
    settings: &Settings,
    warnings: &mut Vec<String>,
) -> Result<Vec<OpenTrace>, Error> {
    let name = source.name();
    let mut lines = lines_of(source);
    let mut columns = None;
    while columns.is_none() {
        let Some(line) = lines.next().await? else { return Err(opened::no_ids(name)) };
        let bytes = line.bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line.bytes);
        columns = columns_of(bytes);
    }
    let Some(columns) = columns else { return Err(opened::no_ids(name)) };
    if columns.rank && columns.sample.is_none() {
        return Err(Error::Text {
            name: name.to_owned(),
            place: "the header".to_owned(),
            found: "a column `rank` without a column of samples".to_owned(),
            expected: "the sample that each row is of".to_owned(),
            advice: "Add a column `sample`, or keep the rows of one rank.",
        });
    }
    let mut table = Table::new(source, columns.sample.is_some(), columns.token.is_some());
    let mut last = 0;
    while let Some(line) = lines.next().await? {
        last = line.span.number;
        if !line.bytes.trim_ascii().is_empty() {
            table.row(&columns, line.bytes, last)?;
        }
    }
    table.end_run(last)?;
    if columns.weight {
        warnings.push(format!(
            "{name}: weights of only the selected experts do not give the mean over all experts, so they are ignored and \
             the ids are counted."
        ));
    }
    table.finish(source, settings, warnings)
}

impl<'a> Table<'a> {
    /// An empty table; `named` and `known_tokens` say whether its rows have samples and tokens.
    pub fn new(source: &'a Source, named: bool, known_tokens: bool) -> Self {
        Self {
            name: source.name(),
            named,
            known_tokens,
            experts: None,
            places: BTreeMap::new(),
            samples: Vec::new(),
            run: Run::default(),
            k: None,
            bytes: 0,
            most: most_counts(source),
            largest: 0,
        }
    }

    fn wrong(&self, line: usize, column: &str, found: String, expected: String) -> Error {
        let place = if column.is_empty() {
            format!("line {line}")
        } else {
            format!("line {line}, column `{column}`")
        };
        Error::Text { name: self.name.to_owned(), place, found, expected, advice: ADVICE }
    }

    fn row(&mut self, columns: &Columns, bytes: &[u8], line: usize) -> Result<(), Error> {
        let Columns { delimiter, sample, token, layer, expert, domain, step, .. } = *columns;
        if bytes.contains(&b'"') {
            // Quoted fields are left to the CSV library.
            let mut reader = csv::ReaderBuilder::new()
                .has_headers(false)
                .delimiter(delimiter)
                .flexible(true)
                .from_reader(bytes);
            let mut record = csv::ByteRecord::new();
            let read = reader.read_byte_record(&mut record).unwrap_or(false);
            if !read {
                return Err(self.wrong(
                    line,
                    "",
                    "a malformed quotation".to_owned(),
                    "a row of the table".to_owned(),
                ));
            }
            let field = |column: usize| record.get(column).unwrap_or_default().trim_ascii();
            return self.fields(
                line,
                [sample.map(field), token.map(field), domain.map(field), step.map(field)],
                field(layer),
                field(expert),
            );
        }
        let mut fields: [&[u8]; 6] = [&[]; 6];
        let wanted = [sample, token, domain, step, Some(layer), Some(expert)];
        for (at, field) in bytes.split(|&byte| byte == delimiter).enumerate() {
            for (slot, column) in fields.iter_mut().zip(wanted) {
                if column == Some(at) {
                    *slot = field.trim_ascii();
                }
            }
        }
        let [sample_text, token_text, domain_text, step_text, layer_text, expert_text] = fields;
        let optional = [
            sample.map(|_| sample_text),
            token.map(|_| token_text),
            domain.map(|_| domain_text),
            step.map(|_| step_text),
        ];
        self.fields(line, optional, layer_text, expert_text)
    }

    fn fields(
        &mut self,
        line: usize,
        [sample, token, domain, step]: [Option<&[u8]>; 4],
        layer: &[u8],
        experts: &[u8],
    ) -> Result<(), Error> {
        let layer = self.number(line, "layer", layer, MOST_LAYERS - 1)?;
        let token = token.map_or(Ok(0), |text| self.number(line, "token", text, MOST_TOKENS - 1))?;
        let step = step.map(|text| self.step(line, text)).transpose()?;
        self.begin(line, step, sample.unwrap_or(b"0"), domain, token, layer)?;
        let list = experts.strip_prefix(b"[").and_then(|list| list.strip_suffix(b"]"));
        let Some(list) = list else {
            let expert = self.number(line, "expert", experts, 65_534)? as u16;
            return self.select(line, expert);
        };
        let entries = list.split(|byte| matches!(byte, b',' | b' ' | b';')).filter(|entry| !entry.is_empty());
        for entry in entries {
            let expert = self.number(line, "expert", entry, 65_534)? as u16;
            self.select(line, expert)?;
        }
        Ok(())
    }

    /// Begins the row of a token and layer, or continues it.
    ///
    /// # Errors
    /// [`Error::Text`] when the row before has another number of experts than others, or for text that is not UTF-8.
    pub fn begin(
        &mut self,
        line: usize,
        step: Option<u64>,
        sample: &[u8],
        domain: Option<&[u8]>,
        token: u64,
        layer: u64,
    ) -> Result<(), Error> {
        let sample = self.sample(line, step, sample, domain)?;
        if (self.run.sample, self.run.token, self.run.layer) != (sample, token, layer) || !self.known_tokens {
            self.end_run(line.saturating_sub(1))?;
            self.run = Run { sample, token, layer, ids: std::mem::take(&mut self.run.ids) };
            self.run.ids.clear();
        }
        Ok(())
    }

    /// The step of a row; pandas writes whole numbers as floats.
    fn step(&self, line: usize, text: &[u8]) -> Result<u64, Error> {
        let whole = text.strip_suffix(b".0").unwrap_or(text);
        self.number(line, "step", whole, 999_999_999_999_999_999)
    }

    /// Counts one expert of the current token and layer.
    ///
    /// # Errors
    /// [`Error::Text`] for an expert that comes twice, [`Error::TooLarge`] for more counts than the file can have.
    pub fn select(&mut self, line: usize, expert: u16) -> Result<(), Error> {
        let Run { sample, token, layer, .. } = self.run;
        if self.run.ids.contains(&expert) {
            return Err(self.wrong(
                line,
                "expert",
                format!("expert {expert} twice for one token and layer"),
                "different experts".to_owned(),
            ));
        }
        self.run.ids.push(expert);
        self.largest = self.largest.max(expert);
        let mut grown = 0;
        if let Some(sample) = self.samples.get_mut(sample) {
            let counts = sample.layers.entry(layer).or_default();
            let at = usize::from(expert);
            if counts.len() <= at {
                grown = at + 1 - counts.len();
                counts.resize(at + 1, 0);
            }
            if let Some(count) = counts.get_mut(at) {
                *count += 1;
            }
            let word = (token / 64) as usize;
            if sample.tokens.len() <= word {
                grown += 2 * (word + 1 - sample.tokens.len());
                sample.tokens.resize(word + 1, 0);
            }
            if let Some(bits) = sample.tokens.get_mut(word) {
                *bits |= 1 << (token % 64);
            }
        }
        self.bytes += 4 * grown;
        if self.bytes > self.most {
            return Err(self.too_large());
        }
        Ok(())
    }

    fn too_large(&self) -> Error {
        Error::TooLarge {
            name: self.name.to_owned(),
            what: format!("the array of counts of {} samples", self.samples.len()),
            bytes: self.bytes as u64,
            limit: self.most as u64,
            advice: "Check the largest token and expert, or open fewer samples per checkpoint.",
        }
    }

    fn number(&self, line: usize, column: &str, text: &[u8], most: u64) -> Result<u64, Error> {
        let digits = !text.is_empty() && text.len() <= 18 && text.iter().all(u8::is_ascii_digit);
        let number =
            digits.then(|| text.iter().fold(0, |number, digit| number * 10 + u64::from(digit - b'0')));
        number.filter(|&number| number <= most).ok_or_else(|| {
            let found = format!("\"{}\"", shorten(&String::from_utf8_lossy(text)));
            self.wrong(line, column, found, format!("a whole number from 0 to {most}"))
        })
    }

    fn sample(
        &mut self,
        line: usize,
        step: Option<u64>,
        id: &[u8],
        domain: Option<&[u8]>,
    ) -> Result<usize, Error> {
        // Rows of a sample are mostly contiguous.
        if let Some(now) = self.samples.get(self.run.sample)
            && (now.step, now.id.as_bytes()) == (step, id)
            && domain.is_none_or(|domain| domain.is_empty() || domain == now.domain.as_bytes())
        {
            return Ok(self.run.sample);
        }
        let text = |bytes: &[u8], column: &str| {
            std::str::from_utf8(bytes).map(str::to_owned).map_err(|_| {
                self.wrong(line, column, "text that is not UTF-8".to_owned(), "UTF-8".to_owned())
            })
        };
        let id = text(id, "sample")?;
        let domain =
            domain.map(|domain| text(domain, "domain")).transpose()?.filter(|domain| !domain.is_empty());
        // A row without a domain is of the sample that has the id, whatever its domain.
        let known = self.places.range((step, id.clone(), String::new())..).next();
        if domain.is_none()
            && let Some(((_, _, _), &at)) = known.filter(|((of, name, _), _)| (*of, name) == (step, &id))
        {
            return Ok(at);
        }
        let next = self.samples.len();
        let domain = domain.unwrap_or_else(|| "all".to_owned());
        let at = *self.places.entry((step, id.clone(), domain.clone())).or_insert(next);
        if at == next {
            self.samples.push(Sample { step, id, domain, ..Sample::default() });
        }
        Ok(at)
    }

    /// Checks that a token and layer has as many experts as the previous ones.
    ///
    /// # Errors
    /// [`Error::Text`] where it has not.
    pub fn end_run(&mut self, line: usize) -> Result<(), Error> {
        let count = self.run.ids.len();
        if count == 0 || !self.known_tokens {
            return Ok(());
        }
        match self.k {
            None => self.k = Some((count, line)),
            Some((k, first)) if k != count => {
                return Err(self.wrong(
                    line,
                    "",
                    format!("{count} experts of token {} in layer {}", self.run.token, self.run.layer),
                    format!("{k}, as above line {first}; the rows of one token and layer follow each other"),
                ));
            }
            Some(_) => {}
        }
        Ok(())
    }

    /// One trace per step.
    ///
    /// # Errors
    /// [`Error::Text`] for samples without some layers or tokens, [`Error::TooLarge`], and those of a trace.
    pub fn finish(
        mut self,
        source: &Source,
        settings: &Settings,
        warnings: &mut Vec<String>,
    ) -> Result<Vec<OpenTrace>, Error> {
        let Some(first) = self.samples.first() else { return Err(opened::no_ids(self.name)) };
        let layers: Vec<u64> = first.layers.keys().copied().collect();
        let width = settings.experts.unwrap_or(0).clamp(usize::from(self.largest) + 1, 65_535);
        self.bytes = self.samples.len().saturating_mul(layers.len()).saturating_mul(4 * width);
        if self.bytes > self.most {
            return Err(self.too_large());
        }
        if !self.known_tokens {
            warnings.push(format!(
                "{}: the table does not state the token of a row, so the number of experts per token is unknown, and \
                 figures of single tokens (saturation, load) are omitted.",
                self.name
            ));
        }
        let mut samples = std::mem::take(&mut self.samples);
        samples.sort_by_key(|sample| sample.step);
        let mut traces = Vec::new();
        for checkpoint in samples.chunk_by(|a, b| a.step == b.step) {
            let folded = self.fold(checkpoint, &layers, width)?;
            let metas = checkpoint.iter().map(|s| SampleMeta { id: s.id.clone(), domain: s.domain.clone() });
            let known = Known {
                experts: settings.experts.or(self.experts),
                step: checkpoint.first().and_then(|sample| sample.step),
                samples: Some(metas.collect()),
                labelled: self.named,
                without_k: !self.known_tokens,
                ..Known::default()
            };
            let mut said = Vec::new();
            traces.push(opened::trace(source, NAME, folded, known, Places::Nowhere, &mut said)?);
            said.retain(|warning| !warnings.contains(warning));
            warnings.append(&mut said);
        }
        Ok(traces)
    }

    /// The counts of one checkpoint's samples.
    fn fold(&self, samples: &[Sample], layers: &[u64], width: usize) -> Result<Folded, Error> {
        let k = self.k.map_or(1, |(k, _)| k);
        let mut counts = Vec::with_capacity(samples.len() * layers.len() * width);
        let mut tokens = Vec::with_capacity(samples.len());
        for sample in samples {
            let came: u32 = sample.tokens.iter().map(|bits| bits.count_ones()).sum();
            let rows = |row: &[u32]| row.iter().map(|&count| u64::from(count)).sum::<u64>();
            let alike = sample.layers.keys().eq(layers);
            let odd = sample.layers.iter().find(|(_, row)| rows(row) != k as u64 * u64::from(came));
            if !alike || (self.known_tokens && odd.is_some()) {
                let found = match odd {
                    Some((layer, row)) if alike => {
                        format!("{} rows of layer {layer} for {came} tokens with {k} experts", rows(row))
                    }
                    _ => format!(
                        "rows of {} layers, while the first sample has {}",
                        sample.layers.len(),
                        layers.len()
                    ),
                };
                return Err(Error::Text {
                    name: self.name.to_owned(),
                    place: format!("sample `{}`", shorten(&sample.id)),
                    found,
                    expected: "rows of every layer for every token, those of one token and layer one below the other"
                        .to_owned(),
                    advice: "Write the table again, ordered by sample, token and layer.",
                });
            }
            for row in sample.layers.values() {
                let start = counts.len();
                counts.extend_from_slice(row);
                counts.resize(start + width, 0);
            }
            let first = sample.layers.values().next().map_or(0, |row| rows(row));
            tokens.push(if self.known_tokens { came } else { u32::try_from(first).unwrap_or(u32::MAX) });
        }
        Ok(Folded {
            counts,
            width,
            layers: layers.len(),
            k,
            tokens,
            largest: self.largest,
            by_id: false,
            live: None,
        })
    }
}
