//! Tables of benchmark results: `item,domain,step,correct`, a row per item and checkpoint; or `domain,step,accuracy`,
//! optionally with `validation_loss`. Other columns are passed over. Comma, semicolon or tab.

use std::collections::{BTreeMap, BTreeSet};

use csv::StringRecord;

use crate::{
    error::Error,
    format::{
        kind::{FileKind, Format, Match, Opened},
        probe::Probe,
        results::{
            cells::Cell,
            columns::{Role, find, understood},
            json::{MAX_JSON, check_share},
            read_text,
        },
    },
    io::source::ByteSource as _,
    model::results::{Accuracy, Item, Results, ValidationLoss},
    text::{shorten, step_name::step_from_name},
};

/// The indices of the columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Columns {
    Items { item: usize, domain: Option<usize>, step: usize, correct: usize },
    Domains { domain: usize, step: Option<usize>, accuracy: Option<usize>, loss: Option<usize> },
}

impl Columns {
    fn of(header: &[String], has_step: bool) -> Option<Self> {
        let find = |role| find(header, role);
        let (step, domain, accuracy) = (find(Role::Step), find(Role::Domain), find(Role::Accuracy));
        if let (Some(item), Some(step)) = (find(Role::Item), step) {
            // A column called `id` may number the rows.
            let surely = header.get(item).is_some_and(|name| !name.trim().eq_ignore_ascii_case("id"));
            let correct = find(Role::Correct).or(accuracy.filter(|_| surely));
            if let Some(correct) = correct {
                return Some(Self::Items { item, domain, step, correct });
            }
        }
        let loss = find(Role::Loss);
        let domain = domain.filter(|_| accuracy.is_some() || loss.is_some())?;
        (step.is_some() || has_step).then_some(Self::Domains { domain, step, accuracy, loss })
    }

    /// The columns that are read.
    fn taken(self) -> Vec<(Role, usize)> {
        let all = match self {
            Self::Items { item, domain, step, correct } => [
                (Role::Item, Some(item)),
                (Role::Domain, domain),
                (Role::Step, Some(step)),
                (Role::Correct, Some(correct)),
            ],
            Self::Domains { domain, step, accuracy, loss } => [
                (Role::Domain, Some(domain)),
                (Role::Step, step),
                (Role::Accuracy, accuracy),
                (Role::Loss, loss),
            ],
        };
        all.into_iter().filter_map(|(role, at)| Some((role, at?))).collect()
    }
}

/// The header of a table.
#[derive(Debug)]
pub struct Header {
    /// Separator of the cells.
    pub delimiter: u8,
    /// Names of the columns.
    pub names: Vec<String>,
}

/// The header in the first line of a text. The lines below may turn out not to be UTF-8.
pub fn header(text: &[u8]) -> Option<Header> {
    let line = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text).split(|&byte| byte == b'\n').next()?;
    let line = match std::str::from_utf8(line) {
        Ok(line) => line,
        // A character cut in two where the first bytes of a file end.
        Err(error) if error.error_len().is_none() => {
            std::str::from_utf8(line.get(..error.valid_up_to())?).ok()?
        }
        Err(_) => return None,
    };
    let line = line.trim_end();
    let delimiter =
        [b'\t', b';', b','].into_iter().max_by_key(|&d| line.bytes().filter(|&b| b == d).count())?;
    let mut reader =
        csv::ReaderBuilder::new().delimiter(delimiter).has_headers(false).from_reader(line.as_bytes());
    let mut record = StringRecord::new();
    reader.read_record(&mut record).ok().filter(|&found| found)?;
    let names = record.iter().map(|name| name.trim().to_owned()).collect();
    Some(Header { delimiter, names })
}

/// Tables of results.
pub const FORMAT: Format = Format {
    endings: &["csv", "tsv"],
    in_tensors: false,
    content: "a table with the columns item, domain, step, correct or domain, step, accuracy",
    entry: None,
    probe,
};

fn probe(probe: &Probe) -> Option<Match<'_>> {
    let header = header(&probe.head)?;
    let step = step_from_name(probe.source.name()).map(|named| named.step);
    let columns = Columns::of(&header.names, step.is_some())?;
    Some(Box::pin(async move {
        let mut warnings = Vec::new();
        warnings.extend(understood(probe.source.name(), &header.names, &columns.taken()));
        let what = open(probe, &header, columns, step, &mut warnings).await?;
        Ok(Opened { what, warnings })
    }))
}

/// The records of a table, below its header, with the line of each.
///
/// # Errors
/// [`Error::Text`] with the line where a row is not text, and what `each` returns.
pub fn for_each_record(
    name: &str,
    text: &[u8],
    delimiter: u8,
    mut each: impl FnMut(u64, &StringRecord) -> Result<(), Error>,
) -> Result<(), Error> {
    let mut table = csv::ReaderBuilder::new().delimiter(delimiter).flexible(true).from_reader(text);
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
            return Ok(());
        }
        // Rows of separators alone come out of spreadsheets.
        if record.iter().any(|cell| !cell.trim().is_empty()) {
            each(record.position().map_or(0, csv::Position::line), &record)?;
        }
    }
}

/// One line of the table, for reading its cells.
struct Line<'a> {
    name: &'a str,
    number: u64,
    header: &'a [String],
    record: &'a StringRecord,
    /// Step of the whole file, where no column has one.
    step: Option<u64>,
}

impl<'a> Line<'a> {
    fn cell(&self, column: usize) -> Cell<'a> {
        Cell {
            name: self.name,
            line: self.number,
            column: self.header.get(column).map_or("", String::as_str),
            text: self.record.get(column).unwrap_or("").trim(),
        }
    }

    fn figure(&self, column: Option<usize>) -> Result<Option<f64>, Error> {
        column.map_or(Ok(None), |column| self.cell(column).figure())
    }
}

/// Reads it.
///
/// # Errors
/// [`Error::Text`] with the line for whatever is not as described.
async fn open(
    probe: &Probe,
    header: &Header,
    columns: Columns,
    step: Option<u64>,
    warnings: &mut Vec<String>,
) -> Result<FileKind, Error> {
    let source = &probe.source;
    let name = source.name();
    let text = read_text(source, MAX_JSON, "Keep what is needed: item, domain, step and correct.").await?;
    let mut build = Build::default();
    for_each_record(name, &text, header.delimiter, |number, record| {
        build.push(&Line { name, number, header: &header.names, record, step }, columns)
    })?;
    if build.twice > 0 {
        warnings.push(format!(
            "{name}: {} rows repeat an item and step (the first on line {}); only the first of each is used.",
            build.twice, build.first_twice
        ));
    }
    if let (Columns::Domains { step: None, .. }, Some(step)) = (columns, step) {
        warnings.push(format!("{name}: no column has the step; step {step} is read from the file's path."));
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

/// Figures of domains by domain and step, each with its line.
type Figures = BTreeMap<(String, u64), (f64, u64)>;

#[derive(Default)]
struct Build {
    /// Items in the order of their first rows, by domain and id.
    places: BTreeMap<(String, String), usize>,
    items: Vec<(String, String, BTreeMap<u64, Option<bool>>)>,
    accuracy: Figures,
    validation_loss: Figures,
    steps: BTreeSet<u64>,
    twice: usize,
    first_twice: u64,
}

impl Build {
    fn push(&mut self, line: &Line<'_>, columns: Columns) -> Result<(), Error> {
        match columns {
            Columns::Items { item, domain, step, correct } => {
                let step = line.cell(step).step()?;
                let correct = line.cell(correct).correct()?;
                let domain = domain.map(|column| line.cell(column).text).filter(|text| !text.is_empty());
                let key = (domain.unwrap_or("all").to_owned(), line.cell(item).text.to_owned());
                if key.1.is_empty() {
                    return Err(line.cell(item).wrong("the item's id"));
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
                let step = match step {
                    Some(column) => line.cell(column).step()?,
                    None => line.step.unwrap_or_default(),
                };
                let domain = line.cell(domain).text;
                self.steps.insert(step);
                if let (Some(column), Some(value)) = (accuracy, line.figure(accuracy)?) {
                    check_share(line.name, &line.cell(column).place(), value)?;
                    add(&mut self.accuracy, (domain, step), value, &line.cell(column))?;
                }
                if let (Some(column), Some(value)) = (loss, line.figure(loss)?) {
                    add(&mut self.validation_loss, (domain, step), value, &line.cell(column))?;
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
        let accuracy = accuracy.into_iter();
        let accuracy = accuracy.map(|((domain, step), (accuracy, _))| Accuracy { domain, step, accuracy });
        let losses = validation_loss.into_iter();
        let losses = losses.map(|((domain, step), (loss, _))| ValidationLoss { domain, step, loss });
        Results {
            steps,
            items,
            accuracy: accuracy.collect(),
            validation_loss: losses.collect(),
            ..Results::default()
        }
    }
}

/// Adds a figure. Refuses rows that repeat a domain and step with another value: a column that is
/// not read must distinguish them.
fn add(figures: &mut Figures, (domain, step): (&str, u64), value: f64, cell: &Cell<'_>) -> Result<(), Error> {
    let (first, line) = *figures.entry((domain.to_owned(), step)).or_insert((value, cell.line));
    if first.to_bits() == value.to_bits() {
        return Ok(());
    }
    Err(Error::Text {
        name: cell.name.to_owned(),
        place: cell.place(),
        found: format!("{value} for `{}` at step {step}, which has {first} on line {line}", shorten(domain)),
        expected: "one row per domain and step".to_owned(),
        advice: "Keep one of them; where another column tells them apart, write it into the domain.",
    })
}
