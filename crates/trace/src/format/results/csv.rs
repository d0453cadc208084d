//! Tables of benchmark results: `item,domain,step,correct` with one row per item and checkpoint, or
//! `domain,step,accuracy`, optionally with `validation_loss`. Other columns are ignored. The
//! delimiter is a comma, semicolon or tab.

use std::collections::{BTreeMap, BTreeSet};

use csv::StringRecord;

use crate::{
    error::Error,
    format::{
        kind::{FileKind, Format, Match, Opened},
        probe::Probe,
        results::json::{MAX_JSON, check_share},
    },
    model::results::{Accuracy, Item, Results, ValidationLoss},
    text::shorten,
};

/// The indices of the columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Columns {
    Items { item: usize, domain: Option<usize>, step: usize, correct: usize },
    Domains { domain: usize, step: usize, accuracy: Option<usize>, loss: Option<usize> },
}

/// Finds the columns in the first line, and the delimiter. The lines below may turn out not to be
/// UTF-8.
fn columns(head: &[u8]) -> Option<(u8, Columns)> {
    let line = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head).split(|&byte| byte == b'\n').next()?;
    let line = std::str::from_utf8(line).ok()?.trim_end();
    let delimiter =
        [b'\t', b';', b','].into_iter().max_by_key(|&d| line.bytes().filter(|&b| b == d).count())?;
    let names: Vec<String> = line
        .split(char::from(delimiter))
        .map(|name| name.trim().trim_matches('"').to_ascii_lowercase())
        .collect();
    let find = |wanted: &[&str]| names.iter().position(|name| wanted.contains(&name.as_str()));
    let step = find(&["step", "checkpoint"])?;
    let domain = find(&["domain"]);
    if let (Some(item), Some(correct)) = (find(&["item", "item_id", "id"]), find(&["correct"])) {
        return Some((delimiter, Columns::Items { item, domain, step, correct }));
    }
    let accuracy = find(&["accuracy", "acc"]);
    let loss = find(&["validation_loss", "test_loss", "val_loss"]);
    let domain = domain.filter(|_| accuracy.is_some() || loss.is_some())?;
    Some((delimiter, Columns::Domains { domain, step, accuracy, loss }))
}

/// Tables of results.
pub const FORMAT: Format = Format {
    endings: &["csv", "tsv"],
    in_tensors: false,
    content: "a table with the columns item, domain, step, correct or domain, step, accuracy",
    probe,
};

fn probe(probe: &Probe) -> Option<Match<'_>> {
    let (delimiter, columns) = columns(&probe.head)?;
    Some(Box::pin(async move {
        let mut warnings = Vec::new();
        let what = open(probe, delimiter, columns, &mut warnings).await?;
        Ok(Opened { what, warnings })
    }))
}

/// One line of the table, for reading its fields.
struct Line<'a> {
    name: &'a str,
    number: u64,
    record: &'a StringRecord,
}

impl Line<'_> {
    fn field(&self, column: usize) -> &str {
        self.record.get(column).unwrap_or("").trim()
    }

    fn wrong(&self, what: &str, found: &str, expected: &str) -> Error {
        Error::Text {
            name: self.name.to_owned(),
            place: format!("line {}, column `{what}`", self.number),
            found: format!("\"{}\"", shorten(found)),
            expected: expected.to_owned(),
            advice: "Correct the table at this place.",
        }
    }

    fn step(&self, column: usize) -> Result<u64, Error> {
        let text = self.field(column);
        text.parse().map_err(|_| self.wrong("step", text, "a training step (a whole number from 0)"))
    }

    fn figure(&self, what: &str, column: Option<usize>) -> Result<Option<f64>, Error> {
        let text = column.map_or("", |column| self.field(column));
        if text.is_empty() {
            return Ok(None);
        }
        match text.parse::<f64>() {
            Ok(value) if value.is_finite() => Ok(Some(value)),
            Ok(_) => Ok(None),
            Err(_) => Err(self.wrong(what, text, "a number, or nothing")),
        }
    }

    fn correct(&self, column: usize) -> Result<Option<bool>, Error> {
        let text = self.field(column);
        match text.to_ascii_lowercase().as_str() {
            "1" | "1.0" | "true" => Ok(Some(true)),
            "0" | "0.0" | "false" => Ok(Some(false)),
            "" | "nan" | "null" => Ok(None),
            _ => Err(self.wrong("correct", text, "0, 1, true, false, or nothing")),
        }
    }
}

/// Reads a table.
///
/// # Errors
/// [`Error::Text`] with the line that does not follow the format.
async fn open(
    probe: &Probe,
    delimiter: u8,
    columns: Columns,
    warnings: &mut Vec<String>,
) -> Result<FileKind, Error> {
    let source = &probe.source;
    let name = source.name();
    if source.len() > MAX_JSON {
        return Err(Error::TooLarge {
            name: name.to_owned(),
            what: "the table of results".to_owned(),
            bytes: source.len(),
            limit: MAX_JSON,
            advice: "Keep what is needed: item, domain, step and correct.",
        });
    }
    let bytes = source.read(0, source.len() as usize).await?;
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
    let mut table = csv::ReaderBuilder::new().delimiter(delimiter).flexible(true).from_reader(text);
    let mut build = Build::default();
    let mut record = StringRecord::new();
    loop {
        let more = table.read_record(&mut record).map_err(|error| {
            let line = error.position().map_or(0, csv::Position::line);
            Error::Text {
                name: name.to_owned(),
                place: format!("line {line}"),
                found: "text that is not UTF-8, or a malformed quotation".to_owned(),
                expected: "a table in UTF-8".to_owned(),
                advice: "Write the table again as CSV in UTF-8.",
            }
        })?;
        if !more {
            break;
        }
        let number = record.position().map_or(0, csv::Position::line);
        build.push(&Line { name, number, record: &record }, columns)?;
    }
    if build.twice > 0 {
        warnings.push(format!(
            "{name}: {} rows repeat an item and step (the first on line {}); only the first of each is used.",
            build.twice, build.first_twice
        ));
    }
    let results = build.finish();
    if results.steps.is_empty() {
        return Err(Error::Text {
            name: name.to_owned(),
            place: "after the header line".to_owned(),
            found: "no rows".to_owned(),
            expected: "one row per item and checkpoint, or per domain and checkpoint".to_owned(),
            advice: "Write at least one row below the header.",
        });
    }
    Ok(FileKind::Results(results))
}

#[derive(Default)]
struct Build {
    /// Items in the order of their first rows, by domain and id.
    places: BTreeMap<(String, String), usize>,
    items: Vec<(String, String, BTreeMap<u64, Option<bool>>)>,
    accuracy: Vec<Accuracy>,
    validation_loss: Vec<ValidationLoss>,
    steps: BTreeSet<u64>,
    twice: usize,
    first_twice: u64,
}

impl Build {
    fn push(&mut self, line: &Line<'_>, columns: Columns) -> Result<(), Error> {
        match columns {
            Columns::Items { item, domain, step, correct } => {
                let step = line.step(step)?;
                let correct = line.correct(correct)?;
                let domain = domain.map(|column| line.field(column)).filter(|text| !text.is_empty());
                let key = (domain.unwrap_or("all").to_owned(), line.field(item).to_owned());
                if key.1.is_empty() {
                    return Err(line.wrong("item", "", "the item's id"));
                }
                let next = self.items.len();
                let at = *self.places.entry(key.clone()).or_insert(next);
                if at == next {
                    self.items.push((key.1, key.0, BTreeMap::new()));
                }
                self.steps.insert(step);
                if let Some((_, _, verdicts)) = self.items.get_mut(at)
                    && *verdicts.entry(step).or_insert(correct) != correct
                {
                    if self.twice == 0 {
                        self.first_twice = line.number;
                    }
                    self.twice += 1;
                }
            }
            Columns::Domains { domain, step, accuracy, loss } => {
                let step = line.step(step)?;
                let domain = line.field(domain).to_owned();
                self.steps.insert(step);
                if let Some(accuracy) = line.figure("accuracy", accuracy)? {
                    check_share(line.name, &format!("line {}, column `accuracy`", line.number), accuracy)?;
                    self.accuracy.push(Accuracy { domain: domain.clone(), step, accuracy });
                }
                if let Some(loss) = line.figure("validation_loss", loss)? {
                    self.validation_loss.push(ValidationLoss { domain, step, loss });
                }
            }
        }
        Ok(())
    }

    fn finish(self) -> Results {
        let Self { items, accuracy, validation_loss, steps, .. } = self;
        let steps: Vec<u64> = steps.into_iter().collect();
        let items = items
            .into_iter()
            .map(|(id, domain, verdicts)| Item {
                id,
                domain,
                correct: steps.iter().map(|step| verdicts.get(step).copied().flatten()).collect(),
                acc: Vec::new(),
                acc_norm: Vec::new(),
                embedding: None,
            })
            .collect();
        Results { steps, items, accuracy, validation_loss, ..Results::default() }
    }
}
