//! Tables of ids: `sample,token,layer,expert` with one row per selected expert, or llama.cpp's
//! `layer,expert` (`examples/moe-trace`) without tokens and samples. The delimiter is a comma,
//! semicolon or tab; other columns are ignored.

use std::{collections::BTreeMap, rc::Rc};

use crate::{
    error::Error,
    format::{
        expert_ids::{
            body::Places,
            fold::{Folded, most_counts},
            lines::Lines,
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
const MOST_TOKENS: u64 = 1 << 24;

/// The most layers.
const MOST_LAYERS: u64 = 4096;

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
    weight: bool,
}

fn columns(head: &[u8]) -> Option<Columns> {
    let line = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head).split(|&byte| byte == b'\n').next()?;
    let line = std::str::from_utf8(line).ok()?.trim_end();
    let delimiter =
        [b'\t', b';', b','].into_iter().max_by_key(|&d| line.bytes().filter(|&b| b == d).count())?;
    let names: Vec<String> = line
        .split(char::from(delimiter))
        .map(|name| name.trim().trim_matches('"').to_ascii_lowercase())
        .collect();
    let find = |wanted: &[&str]| names.iter().position(|name| wanted.contains(&name.as_str()));
    let (layer, expert) =
        (find(&["layer", "layer_id", "layer_idx"])?, find(&["expert", "expert_id", "expert_idx"])?);
    let sample = find(&["sample", "sample_id", "prompt", "prompt_id"]);
    let token = find(&["token", "token_idx", "token_index", "position", "pos"]);
    let weight = find(&["weight", "score", "prob"]).is_some();
    Some(Columns { delimiter, sample, token, layer, expert, domain: find(&["domain"]), weight })
}

/// Tables of ids.
pub const FORMAT: Format = Format {
    endings: &["csv", "tsv"],
    in_tensors: false,
    content: "a table with the columns sample, token, layer, expert or layer, expert",
    probe,
};

fn probe(probe: &Probe) -> Option<Match<'_>> {
    columns(&probe.head)?;
    Some(Box::pin(async move {
        let mut warnings = Vec::new();
        let trace = open(&probe.source, &probe.settings, &mut warnings).await?;
        Ok(Opened { what: FileKind::Trace(trace), warnings })
    }))
}

/// One sample during counting.
#[derive(Default)]
struct Sample {
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

struct Table<'a> {
    name: &'a str,
    columns: Columns,
    places: BTreeMap<String, usize>,
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
async fn open(source: &Source, settings: &Settings, warnings: &mut Vec<String>) -> Result<OpenTrace, Error> {
    let name = source.name();
    let mut lines = Lines::new(Rc::clone(source));
    let Some(first) = lines.next().await? else { return Err(Error::Empty { name: name.to_owned() }) };
    let Some(columns) = columns(first.bytes) else { return Err(opened::no_ids(name)) };
    let mut table = Table {
        name,
        columns,
        places: BTreeMap::new(),
        samples: Vec::new(),
        run: Run::default(),
        k: None,
        bytes: 0,
        most: most_counts(source),
        largest: 0,
    };
    let mut last = 0;
    while let Some(line) = lines.next().await? {
        last = line.span.number;
        if !line.bytes.trim_ascii().is_empty() {
            table.row(line.bytes, last)?;
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

impl Table<'_> {
    fn wrong(&self, line: usize, column: &str, found: String, expected: String) -> Error {
        let place = if column.is_empty() {
            format!("line {line}")
        } else {
            format!("line {line}, column `{column}`")
        };
        Error::Text { name: self.name.to_owned(), place, found, expected, advice: ADVICE }
    }

    fn row(&mut self, bytes: &[u8], line: usize) -> Result<(), Error> {
        let Columns { delimiter, sample, token, layer, expert, domain, .. } = self.columns;
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
                [sample.map(field), token.map(field), domain.map(field)],
                field(layer),
                field(expert),
            );
        }
        let mut fields: [&[u8]; 5] = [&[]; 5];
        let wanted = [sample, token, domain, Some(layer), Some(expert)];
        for (at, field) in bytes.split(|&byte| byte == delimiter).enumerate() {
            for (slot, column) in fields.iter_mut().zip(wanted) {
                if column == Some(at) {
                    *slot = field.trim_ascii();
                }
            }
        }
        let [sample_text, token_text, domain_text, layer_text, expert_text] = fields;
        let optional = [sample.map(|_| sample_text), token.map(|_| token_text), domain.map(|_| domain_text)];
        self.fields(line, optional, layer_text, expert_text)
    }

    fn fields(
        &mut self,
        line: usize,
        [sample, token, domain]: [Option<&[u8]>; 3],
        layer: &[u8],
        expert: &[u8],
    ) -> Result<(), Error> {
        let layer = self.number(line, "layer", layer, MOST_LAYERS - 1)?;
        let expert = self.number(line, "expert", expert, 65_534)? as u16;
        let token = token.map_or(Ok(0), |text| self.number(line, "token", text, MOST_TOKENS - 1))?;
        let sample = self.sample(line, sample.unwrap_or(b"0"), domain)?;
        let known = self.columns.token.is_some();
        if (self.run.sample, self.run.token, self.run.layer) != (sample, token, layer) || !known {
            self.end_run(line.saturating_sub(1))?;
            self.run = Run { sample, token, layer, ids: std::mem::take(&mut self.run.ids) };
            self.run.ids.clear();
        }
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
            what: format!("the counts of {} samples", self.samples.len()),
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

    fn sample(&mut self, line: usize, id: &[u8], domain: Option<&[u8]>) -> Result<usize, Error> {
        // Rows of a sample are mostly contiguous.
        if let Some(now) = self.samples.get(self.run.sample)
            && now.id.as_bytes() == id
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
        let next = self.samples.len();
        let at = *self.places.entry(id.clone()).or_insert(next);
        if at == next {
            let domain = domain.unwrap_or_else(|| "all".to_owned());
            self.samples.push(Sample { id, domain, ..Sample::default() });
        }
        Ok(at)
    }

    /// Checks that a token and layer has as many experts as the previous ones.
    fn end_run(&mut self, line: usize) -> Result<(), Error> {
        let count = self.run.ids.len();
        if count == 0 || self.columns.token.is_none() {
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

    fn finish(
        mut self,
        source: &Source,
        settings: &Settings,
        warnings: &mut Vec<String>,
    ) -> Result<OpenTrace, Error> {
        let Some(first) = self.samples.first() else { return Err(opened::no_ids(self.name)) };
        let layers: Vec<u64> = first.layers.keys().copied().collect();
        let k = self.k.map_or(1, |(k, _)| k);
        let width = settings.experts.unwrap_or(0).clamp(usize::from(self.largest) + 1, 65_535);
        self.bytes = self.samples.len().saturating_mul(layers.len()).saturating_mul(4 * width);
        if self.bytes > self.most {
            return Err(self.too_large());
        }
        let mut counts = Vec::with_capacity(self.bytes / 4);
        let mut tokens = Vec::with_capacity(self.samples.len());
        for sample in &self.samples {
            let came: u32 = sample.tokens.iter().map(|bits| bits.count_ones()).sum();
            let rows = |row: &[u32]| row.iter().map(|&count| u64::from(count)).sum::<u64>();
            let alike = sample.layers.keys().eq(&layers);
            let odd = sample.layers.iter().find(|(_, row)| rows(row) != k as u64 * u64::from(came));
            if !alike || (self.columns.token.is_some() && odd.is_some()) {
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
            tokens.push(if self.columns.token.is_some() {
                came
            } else {
                u32::try_from(first).unwrap_or(u32::MAX)
            });
        }
        if self.columns.token.is_none() {
            warnings.push(format!(
                "{}: the table does not state the token of a row, so the number of experts per token is unknown, and \
                 figures of single tokens (saturation, load) are omitted.",
                self.name
            ));
        }
        let named = self.columns.sample.is_some();
        let metas = self.samples.iter().map(|s| SampleMeta { id: s.id.clone(), domain: s.domain.clone() });
        let known = Known {
            experts: settings.experts,
            samples: Some(metas.collect()),
            labelled: named,
            without_k: self.columns.token.is_none(),
            ..Known::default()
        };
        let folded = Folded {
            counts,
            width,
            layers: layers.len(),
            k,
            tokens,
            largest: self.largest,
            by_id: false,
            live: None,
        };
        opened::trace(source, NAME, folded, known, Places::Nowhere, warnings)
    }
}
