//! `run.json`: benchmark results of a run, with optional names, token counts and embeddings of its
//! samples.
//!
//! `steps` lists the checkpoints. Each of `items` has its own `correct`, one entry per checkpoint,
//! or `correct` has them all as `[checkpoint][item]`. `accuracy` and `validation_loss` are per
//! domain, as lists over the checkpoints or as rows with `domain` and `step`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    error::Error,
    format::{
        kind::{Entry, FileKind, Format, Match, Opened},
        probe::Probe,
        results::read_text,
    },
    io::source::ByteSource as _,
    model::{
        SampleMeta, make_distinct,
        results::{Accuracy, Item, Results, SampleRecord, ValidationLoss},
    },
    text::{IdText, Verdict, json_words, python_json::without_nan, shorten, step},
};

/// The largest file of results that is read, in bytes.
pub const MAX_JSON: u64 = 512 << 20;

/// `run.json`.
pub const FORMAT: Format = Format {
    endings: &["json"],
    in_tensors: false,
    content: "benchmark results (JSON with steps and items, or with accuracy)",
    entry: Some(Entry {
        place: 60,
        name: "Benchmark results",
        form: "`run.json`, CSV (item, domain, step, correct), or files of lm-evaluation-harness, Weights & Biases or OLMo",
    }),
    probe,
};

/// Matches JSON with a field of results near its start.
fn probe(probe: &Probe) -> Option<Match<'_>> {
    let text = probe.text()?;
    let has = |key: &str| text.contains(&format!("\"{key}\""));
    let listed = (has("items") || has("samples")) && has("domain");
    let known = text.trim_start().starts_with('{')
        && (has("steps") || has("accuracy") || has("validation_loss") || listed);
    if !known {
        return None;
    }
    Some(Box::pin(async move {
        let mut warnings = Vec::new();
        let what = open(probe, &mut warnings).await?;
        Ok(Opened { what, warnings })
    }))
}

#[derive(Serialize)]
struct Written<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<&'a str>,
    steps: &'a [u64],
    items: Vec<WrittenItem<'a>>,
}

#[derive(Serialize)]
struct WrittenItem<'a> {
    id: &'a str,
    domain: &'a str,
    correct: &'a [Option<bool>],
    /// For other readers of the file; the analysis uses `correct`.
    #[serde(skip_serializing_if = "unknown")]
    acc: &'a [Option<bool>],
    #[serde(skip_serializing_if = "unknown")]
    acc_norm: &'a [Option<bool>],
}

/// Whether a list has no known entry.
fn unknown(list: &[Option<bool>]) -> bool {
    list.iter().all(Option::is_none)
}

impl<'a> WrittenItem<'a> {
    fn of(Item { id, domain, correct, acc, acc_norm, .. }: &'a Item) -> Self {
        Self { id, domain, correct, acc, acc_norm }
    }
}

/// Writes the results of items as `run.json`, with the correctness of each item at each step.
///
/// # Errors
/// Those of the JSON writer, which numbers and names do not cause.
pub fn write(results: &Results) -> Result<String, serde_json::Error> {
    let items = results.items.iter();
    let items = items.map(WrittenItem::of).collect();
    serde_json::to_string(&Written { model: results.model.as_deref(), steps: &results.steps, items })
}

#[derive(Deserialize)]
struct Run {
    #[serde(default)]
    model: Option<String>,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    steps: Vec<StepNumber>,
    #[serde(default)]
    samples: Vec<RawSample>,
    #[serde(default)]
    items: Vec<RawItem>,
    #[serde(default)]
    correct: Option<Vec<Vec<Verdict>>>,
    #[serde(default)]
    accuracy: Option<PerDomain>,
    #[serde(default)]
    validation_loss: Option<PerDomain>,
}

#[derive(Clone, Copy, Deserialize)]
struct StepNumber(#[serde(deserialize_with = "step")] u64);

#[derive(Deserialize)]
struct RawSample {
    id: IdText,
    #[serde(default)]
    domain: Option<String>,
    #[serde(default)]
    tokens: Option<u32>,
    #[serde(default)]
    embedding: Option<Vec<f64>>,
}

#[derive(Deserialize)]
struct RawItem {
    id: IdText,
    #[serde(default)]
    domain: Option<String>,
    #[serde(default)]
    correct: Option<Vec<Verdict>>,
    #[serde(default)]
    embedding: Option<Vec<f64>>,
}

/// Figures per domain: lists over the checkpoints, or rows.
#[derive(Deserialize)]
#[serde(
    untagged,
    expecting = "a list over the checkpoints for each domain, or rows with domain, step and figure"
)]
enum PerDomain {
    Lists(BTreeMap<String, Vec<Option<f64>>>),
    Rows(Vec<RawRow>),
}

#[derive(Deserialize)]
struct RawRow {
    domain: String,
    step: StepNumber,
    #[serde(default)]
    accuracy: Option<f64>,
    #[serde(default, alias = "validation_loss")]
    test_loss: Option<f64>,
    #[serde(default)]
    loss: Option<f64>,
}

/// Reads `run.json`.
///
/// # Errors
/// [`Error::Text`] with line or field for content that does not follow the format.
async fn open(probe: &Probe, warnings: &mut Vec<String>) -> Result<FileKind, Error> {
    let source = &probe.source;
    let name = source.name();
    let advice = "Keep what is needed: steps, and items with id, domain and correct.";
    let bytes = read_text(source, MAX_JSON, advice).await?;
    let text = without_nan(&bytes);
    let run: Run = serde_json::from_slice(&text).map_err(|error| Error::Text {
        name: name.to_owned(),
        place: format!("line {}, column {}", error.line(), error.column()),
        found: json_words(&text, &error),
        expected:
            "benchmark results as JSON: steps, items with id, domain and correct, or accuracy per domain"
                .to_owned(),
        advice: "Correct the file at this place.",
    })?;
    build(name, run, warnings).map(FileKind::Results)
}

fn wrong(name: &str, place: String, found: String, expected: String, advice: &'static str) -> Error {
    Error::Text { name: name.to_owned(), place, found, expected, advice }
}

fn build(name: &str, run: Run, warnings: &mut Vec<String>) -> Result<Results, Error> {
    let Run { model, name: title, steps, samples, items, correct, accuracy, validation_loss } = run;
    let given: Vec<u64> = steps.iter().map(|step| step.0).collect();
    let mut order: Vec<usize> = (0..given.len()).collect();
    order.sort_by_key(|&c| given.get(c));
    let ordered = |list: &[Option<bool>]| order.iter().map(|&c| list.get(c).copied().flatten()).collect();
    let mut steps: Vec<u64> = order.iter().filter_map(|&c| given.get(c).copied()).collect();
    if let Some(twice) =
        steps.windows(2).find_map(|pair| if let [a, b] = pair { (a == b).then_some(*a) } else { None })
    {
        return Err(wrong(
            name,
            "`steps`".to_owned(),
            format!("step {twice} twice"),
            "every step once".to_owned(),
            "Leave one of the two out.",
        ));
    }
    let mut columns = by_item(name, correct, items.len(), given.len())?;
    let mut built = Vec::with_capacity(items.len());
    for (i, item) in items.into_iter().enumerate() {
        let RawItem { id: IdText(id), domain, correct, embedding } = item;
        let own: Option<Vec<Option<bool>>> =
            correct.map(|list| list.into_iter().map(|verdict| verdict.0).collect());
        let list =
            own.or_else(|| columns.as_mut().and_then(|columns| columns.get_mut(i).map(std::mem::take)));
        let Some(list) = list else {
            return Err(wrong(
                name,
                format!("item {i} (`{}`)", shorten(&id)),
                "no `correct`".to_owned(),
                "one entry per checkpoint, in the item or in `correct` as [checkpoint][item]".to_owned(),
                "Add it, or give `accuracy` alone.",
            ));
        };
        if list.len() != given.len() {
            return Err(wrong(
                name,
                format!("item {i} (`{}`), `correct`", shorten(&id)),
                format!("{} entries", list.len()),
                format!("{}, one for each of `steps`", given.len()),
                "Write null where an item was not tried.",
            ));
        }
        built.push(Item {
            id,
            domain: domain.unwrap_or_else(|| "all".to_owned()),
            correct: ordered(&list),
            acc: Vec::new(),
            acc_norm: Vec::new(),
            embedding,
        });
    }
    let mut results = Results {
        model: model.or(title),
        samples: records(name, samples, warnings),
        items: built,
        ..Results::default()
    };
    add_figures(name, &given, accuracy, validation_loss, &mut results)?;
    if steps.is_empty() {
        steps = results
            .accuracy
            .iter()
            .map(|row| row.step)
            .chain(results.validation_loss.iter().map(|row| row.step))
            .collect();
        steps.sort_unstable();
        steps.dedup();
    }
    results.steps = steps;
    let nothing = results.samples.is_empty()
        && results.items.is_empty()
        && results.accuracy.is_empty()
        && results.validation_loss.is_empty();
    if nothing {
        return Err(wrong(
            name,
            "the whole file".to_owned(),
            "no samples, items, accuracy or validation loss".to_owned(),
            "at least one of them".to_owned(),
            "Write steps, and items with id, domain and correct.",
        ));
    }
    Ok(results)
}

fn records(name: &str, samples: Vec<RawSample>, warnings: &mut Vec<String>) -> Vec<SampleRecord> {
    let records = samples
        .into_iter()
        .map(|RawSample { id: IdText(id), domain, tokens, embedding }| SampleRecord {
            id,
            domain: domain.unwrap_or_else(|| "all".to_owned()),
            tokens,
            embedding,
            token_ids: None,
        })
        .collect();
    distinct_records(name, records, warnings)
}

/// Renames later records of a repeated id.
pub fn distinct_records(
    name: &str,
    mut records: Vec<SampleRecord>,
    warnings: &mut Vec<String>,
) -> Vec<SampleRecord> {
    let mut names: Vec<SampleMeta> =
        records.iter().map(|r| SampleMeta { id: r.id.clone(), domain: String::new() }).collect();
    make_distinct(name, &mut names, warnings);
    for (record, SampleMeta { id, .. }) in records.iter_mut().zip(names) {
        record.id = id;
    }
    records
}

/// Transposes `[checkpoint][item]` to one list per item.
fn by_item(
    name: &str,
    correct: Option<Vec<Vec<Verdict>>>,
    items: usize,
    checkpoints: usize,
) -> Result<Option<Vec<Vec<Option<bool>>>>, Error> {
    let Some(rows) = correct else { return Ok(None) };
    if rows.len() != checkpoints {
        return Err(wrong(
            name,
            "`correct`".to_owned(),
            format!("{} rows", rows.len()),
            format!("{checkpoints}, one for each of `steps`, as [checkpoint][item]"),
            "Transpose the table so that each row is a checkpoint.",
        ));
    }
    let mut columns = vec![Vec::with_capacity(checkpoints); items];
    for (c, row) in rows.iter().enumerate() {
        if row.len() != items {
            return Err(wrong(
                name,
                format!("`correct`, row {c}"),
                format!("{} entries", row.len()),
                format!("{items}, one for each of `items`"),
                "Write null where an item was not tried.",
            ));
        }
        for (column, verdict) in columns.iter_mut().zip(row) {
            column.push(verdict.0);
        }
    }
    Ok(Some(columns))
}

fn add_figures(
    name: &str,
    given: &[u64],
    accuracy: Option<PerDomain>,
    validation_loss: Option<PerDomain>,
    results: &mut Results,
) -> Result<(), Error> {
    match accuracy {
        None => {}
        Some(PerDomain::Lists(lists)) => {
            for (domain, step, accuracy) in spread(name, "accuracy", given, lists)? {
                results.accuracy.push(Accuracy { domain, step, accuracy });
            }
        }
        Some(PerDomain::Rows(rows)) => {
            for RawRow { domain, step, accuracy, test_loss, .. } in rows {
                if let Some(accuracy) = accuracy {
                    results.accuracy.push(Accuracy { domain: domain.clone(), step: step.0, accuracy });
                }
                if let Some(loss) = test_loss {
                    results.validation_loss.push(ValidationLoss { domain, step: step.0, loss });
                }
            }
        }
    }
    for Accuracy { domain, step, accuracy } in &results.accuracy {
        check_share(name, &format!("`accuracy` of `{}` at step {step}", shorten(domain)), *accuracy)?;
    }
    // A separate list takes precedence over the column beside the accuracies.
    let losses: Vec<ValidationLoss> = match validation_loss {
        None => return Ok(()),
        Some(PerDomain::Lists(lists)) => spread(name, "validation_loss", given, lists)?
            .into_iter()
            .map(|(domain, step, loss)| ValidationLoss { domain, step, loss })
            .collect(),
        Some(PerDomain::Rows(rows)) => rows
            .into_iter()
            .filter_map(|row| {
                Some(ValidationLoss {
                    loss: row.loss.or(row.test_loss)?,
                    domain: row.domain,
                    step: row.step.0,
                })
            })
            .collect(),
    };
    results.validation_loss = losses;
    Ok(())
}

/// Checks that an accuracy is a share.
pub fn check_share(name: &str, place: &str, accuracy: f64) -> Result<(), Error> {
    if (0.0..=1.0).contains(&accuracy) {
        return Ok(());
    }
    Err(wrong(
        name,
        place.to_owned(),
        format!("{accuracy}"),
        "a share from 0 to 1".to_owned(),
        "Divide percentages by 100.",
    ))
}

fn spread(
    name: &str,
    field: &str,
    given: &[u64],
    lists: BTreeMap<String, Vec<Option<f64>>>,
) -> Result<Vec<(String, u64, f64)>, Error> {
    let mut rows = Vec::new();
    for (domain, list) in lists {
        if list.len() != given.len() {
            return Err(wrong(
                name,
                format!("`{field}` of `{}`", shorten(&domain)),
                format!("{} entries", list.len()),
                format!("{}, one for each of `steps`", given.len()),
                "Write null where there is none.",
            ));
        }
        rows.extend(given.iter().zip(list).filter_map(|(&step, value)| Some((domain.clone(), step, value?))));
    }
    Ok(rows)
}
