//! `results_*.json` of lm-evaluation-harness: one checkpoint's accuracies, one per task.

use std::{collections::BTreeMap, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use serde_json::Value;

use crate::{
    error::Error,
    format::{
        kind::{FileKind, Format, Match, Opened},
        probe::Probe,
        results::{
            json::{MAX_JSON, check_share},
            listed, metric_name, read_text,
            step::{evaluation, step_of},
        },
    },
    io::source::ByteSource as _,
    model::results::{Accuracy, Results},
    text::{json_words, python_json::without_nan, shorten},
};

/// Results of lm-evaluation-harness.
pub const FORMAT: Format = Format {
    endings: &["json"],
    in_tensors: false,
    content: "results of lm-evaluation-harness (`results_*.json`, `samples_*.jsonl`)",
    entry: None,
    probe,
};

/// Matches JSON whose `results` are tasks with metrics.
fn probe(probe: &Probe) -> Option<Match<'_>> {
    let text = probe.text()?.trim_start();
    if !text.starts_with('{') || probe.has_ending("jsonl") {
        return None;
    }
    let has = |key: &str| text.contains(&format!("\"{key}\""));
    // The metrics of a task say their filter, or have a standard error beside them.
    let tasks = has("results") && (text.contains(",none\"") || text.contains("_stderr") || has("alias"));
    let parts =
        ["config", "configs", "versions", "n-shot", "group_subtasks"].into_iter().filter(|key| has(key));
    let named = probe.file_name().starts_with("results") && parts.count() >= 2;
    if !tasks && !named {
        return None;
    }
    Some(Box::pin(async move {
        let mut warnings = Vec::new();
        let what = open(probe, &mut warnings).await?;
        Ok(Opened { what, warnings })
    }))
}

#[derive(Deserialize)]
struct File {
    results: BTreeMap<String, BTreeMap<String, Figure>>,
    #[serde(default)]
    config: Value,
    #[serde(default)]
    model_name: Value,
}

/// A number; anything else is passed over.
struct Figure(Option<f64>);

impl<'de> Deserialize<'de> for Figure {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Number;
        impl<'de> Visitor<'de> for Number {
            type Value = Figure;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a metric of a task")
            }

            fn visit_f64<E>(self, value: f64) -> Result<Figure, E> {
                Ok(Figure(Some(value)))
            }

            fn visit_u64<E>(self, value: u64) -> Result<Figure, E> {
                Ok(Figure(Some(value as f64)))
            }

            fn visit_i64<E>(self, value: i64) -> Result<Figure, E> {
                Ok(Figure(Some(value as f64)))
            }

            fn visit_bool<E>(self, _: bool) -> Result<Figure, E> {
                Ok(Figure(None))
            }

            fn visit_str<E>(self, _: &str) -> Result<Figure, E> {
                Ok(Figure(None))
            }

            fn visit_unit<E>(self) -> Result<Figure, E> {
                Ok(Figure(None))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Figure, A::Error> {
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Figure(None))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Figure, A::Error> {
                while seq.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Figure(None))
            }
        }
        deserializer.deserialize_any(Number)
    }
}

/// The accuracy of a task: its metric's rank, the filter of the answers, its value.
struct Chosen<'a> {
    rank: usize,
    filter: &'a str,
    value: f64,
}

/// Chooses among the metrics of a task, named `METRIC,FILTER`, or `METRIC` in older files.
fn choose(metrics: &BTreeMap<String, Figure>) -> Option<Chosen<'_>> {
    let accuracies = metrics.iter().filter_map(|(key, figure)| {
        let (metric, filter) = key.split_once(',').unwrap_or((key, "none"));
        Some(Chosen { rank: metric_name::rank(metric)?, filter, value: figure.0? })
    });
    accuracies.min_by_key(|chosen| (chosen.rank, filter_rank(chosen.filter), chosen.filter))
}

/// How much other filters are preferred.
pub fn filter_rank(filter: &str) -> u8 {
    match filter {
        "none" => 0,
        "strict-match" => 1,
        _ => 2,
    }
}

/// Reads it.
///
/// # Errors
/// [`Error::Text`] with the place for whatever is not as described, and where nothing tells the step.
async fn open(probe: &Probe, warnings: &mut Vec<String>) -> Result<FileKind, Error> {
    let source = &probe.source;
    let name = source.name();
    let bytes = read_text(source, MAX_JSON, "Keep `results`, `config` and `model_name`.").await?;
    let text = without_nan(&bytes);
    let file: File = serde_json::from_slice(&text).map_err(|error| Error::Text {
        name: name.to_owned(),
        place: format!("line {}, column {}", error.line(), error.column()),
        found: json_words(&text, &error),
        expected: "results of lm-evaluation-harness: `results` with the metrics of each task".to_owned(),
        advice: "Write the file again with `--output_path`.",
    })?;
    build(name, &file, warnings).map(FileKind::Results)
}

fn build(name: &str, file: &File, warnings: &mut Vec<String>) -> Result<Results, Error> {
    let arguments = file.config.get("model_args");
    let argument = |key: &str| arguments.and_then(|arguments| arguments.get(key));
    let fields = [
        ("config.model_args.revision", argument("revision")),
        ("config.model_args.pretrained", argument("pretrained")),
        ("config.model_args", arguments),
        ("config.model_revision", file.config.get("model_revision")),
        ("model_name", Some(&file.model_name)),
    ];
    let fields = fields.into_iter().filter_map(|(field, value)| Some((field, value?.as_str()?)));
    let step = step_of(name, fields, warnings)?;
    let mut accuracy = Vec::new();
    let (mut others, mut without) = (Vec::new(), Vec::new());
    for (task, metrics) in &file.results {
        let Some(Chosen { rank, filter, value }) = choose(metrics) else {
            without.push(task.as_str());
            continue;
        };
        let metric = metric_name::metric(rank);
        check_share(name, &format!("`{metric}` of `{}`", shorten(task)), value)?;
        if rank > 1 || filter != "none" {
            let of = if filter == "none" { String::new() } else { format!(" (filter {})", shorten(filter)) };
            others.push(format!("{metric}{of} of {}", shorten(task)));
        }
        accuracy.push(Accuracy { domain: task.clone(), step, accuracy: value });
    }
    if accuracy.is_empty() {
        return Err(Error::Text {
            name: name.to_owned(),
            place: "`results`".to_owned(),
            found: if without.is_empty() {
                "no tasks".to_owned()
            } else {
                format!("no accuracy of {}", listed(without))
            },
            expected: "`acc,none`, `acc_norm,none` or `exact_match` of a task".to_owned(),
            advice: "Evaluate a task with one of these metrics.",
        });
    }
    let mut sentences = Vec::new();
    if !others.is_empty() {
        let others = listed(others.iter().map(String::as_str));
        sentences.push(format!("These metrics are read as accuracy: {others}."));
    }
    if !without.is_empty() {
        sentences.push(format!("Tasks without accuracy are not read: {}.", listed(without)));
    }
    if !sentences.is_empty() {
        warnings.push(format!("{name}: {}", sentences.join(" ")));
    }
    let model = file.model_name.as_str().map(str::to_owned);
    let evaluation = Some(evaluation(name));
    Ok(Results { model, steps: vec![step], evaluation, accuracy, ..Results::default() })
}
