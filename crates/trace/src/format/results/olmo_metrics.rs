//! Evaluations of OLMo: the trainer's metrics (`eval/downstream/TASK_acc`) as JSON or JSON lines with a `step`, and
//! `metrics.json` of OLMES, one checkpoint's metrics of one task or of several.

use serde_json::{Map, Value};

use crate::{
    error::Error,
    format::{
        kind::{FileKind, Format, Match, Opened},
        probe::Probe,
        results::{cells::whole, json::MAX_JSON, metric_name, metrics::Metrics, read_text, step::step_of},
    },
    io::source::ByteSource as _,
    text::{json_words, python_json::without_nan, shorten},
};

/// Fields that hold the step, the likeliest first.
const STEPS: [&str; 8] = [
    "step",
    "global_step",
    "_step",
    "train/global_step",
    "trainer/global_step",
    "iteration",
    "iter",
    "train_step",
];

/// Objects inside each other that are looked into for metrics.
const DEPTH: usize = 4;

/// Metrics of OLMo's evaluations.
pub const FORMAT: Format = Format {
    endings: &["json", "jsonl"],
    in_tensors: false,
    content: "metrics of OLMo's evaluations (JSON with `step` and `eval/downstream/TASK_acc`, or `metrics.json` of OLMES)",
    entry: None,
    probe,
};

/// Matches keys of evaluations, or the fields of OLMES.
fn probe(probe: &Probe) -> Option<Match<'_>> {
    let text = probe.first_line().or_else(|| probe.text())?.trim_start();
    let has = |key: &str| text.contains(&format!("\"{key}\""));
    let logged = has_key_below(text, "eval/")
        || has_key_below(text, "downstream/")
        || STEPS.iter().any(|step| has(step)) && has_key_below(text, "train/") && probe.has_ending("jsonl");
    let olmes = has("metrics") && (has("task_config") || has("task_name")) || has("all_primary_scores");
    if !text.starts_with('{') || has("items") || has("steps") || !(logged || olmes) {
        return None;
    }
    Some(Box::pin(async move {
        let mut warnings = Vec::new();
        let what = open(probe, &mut warnings).await?;
        Ok(Opened { what, warnings })
    }))
}

/// Whether a key of an object begins with these characters.
fn has_key_below(text: &str, start: &str) -> bool {
    text.match_indices(&format!("\"{start}")).any(|(at, _)| {
        let key = text.get(at + 1..).unwrap_or_default();
        key.split_once('"').is_some_and(|(_, after)| after.trim_start().starts_with(':'))
    })
}

/// Reads it.
///
/// # Errors
/// [`Error::Text`] with the place for whatever is not as described, and where nothing tells the step.
async fn open(probe: &Probe, warnings: &mut Vec<String>) -> Result<FileKind, Error> {
    let source = &probe.source;
    let name = source.name();
    let bytes = read_text(source, MAX_JSON, "Keep the step and the accuracies.").await?;
    let text = without_nan(&bytes);
    let mut metrics = Metrics::default();
    // One object, one per line, or one behind the other.
    let objects = serde_json::Deserializer::from_slice(&text).into_iter::<Map<String, Value>>();
    for (at, object) in objects.enumerate() {
        let object = object.map_err(|error| Error::Text {
            name: name.to_owned(),
            place: format!("line {}, column {}", error.line(), error.column()),
            found: json_words(&text, &error),
            expected: "metrics as JSON objects".to_owned(),
            advice: "Correct the file there.",
        })?;
        let record = Record { name, number: at + 1, object: &object };
        if object.contains_key("metrics") || object.contains_key("tasks") {
            record.add_tasks(&mut metrics, warnings)?;
        } else {
            record.add_logged(&mut metrics, warnings)?;
        }
    }
    if metrics.is_empty() {
        return Err(Error::Text {
            name: name.to_owned(),
            place: "the whole file".to_owned(),
            found: "no accuracy of a task".to_owned(),
            expected: "metrics such as `eval/downstream/TASK_acc`".to_owned(),
            advice: "Log evaluations too, or write domain, step and accuracy as CSV.",
        });
    }
    Ok(FileKind::Results(metrics.finish(name, warnings)))
}

/// One object of the file.
#[derive(Clone, Copy)]
struct Record<'a> {
    name: &'a str,
    /// Its place among the file's objects, counted from 1.
    number: usize,
    object: &'a Map<String, Value>,
}

impl Record<'_> {
    /// The step in one of its fields; `None` where it has none.
    fn own_step(&self) -> Result<Option<u64>, Error> {
        let field = STEPS.iter().find_map(|&key| Some((key, self.object.get(key)?)));
        let Some((key, value)) = field.filter(|(_, value)| !value.is_null()) else { return Ok(None) };
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let wrong = || Error::Text {
            name: self.name.to_owned(),
            place: format!("record {}, `{key}`", self.number),
            found: shorten(&text),
            expected: "a training step (a whole number from 0)".to_owned(),
            advice: "Correct the record.",
        };
        whole(&text).map(Some).ok_or_else(wrong)
    }

    /// Adds metrics that a trainer logged.
    fn add_logged(self, metrics: &mut Metrics, warnings: &mut Vec<String>) -> Result<(), Error> {
        let mut found = Vec::new();
        flatten(self.object, "", DEPTH, &mut found);
        let mut step = self.own_step()?;
        for (path, value) in found {
            if metric_name::accuracy(&path).is_some() {
                let at = match step {
                    Some(step) => step,
                    // Most lines of a log have a step; one without it is of no checkpoint.
                    None if self.number > 1 => return Err(self.no_step()),
                    None => *step.insert(step_of(self.name, [], warnings)?),
                };
                metrics.add(self.name, &path, at, value)?;
            } else if path.starts_with("eval") || path.contains("downstream") {
                metrics.pass_over(&path);
            }
        }
        Ok(())
    }

    fn no_step(&self) -> Error {
        Error::Text {
            name: self.name.to_owned(),
            place: format!("record {}", self.number),
            found: "accuracies without a step".to_owned(),
            expected: "`step` in every record".to_owned(),
            advice: "Write the step into the record.",
        }
    }

    /// Adds what OLMES measured: the metrics of one task, or `tasks` with those of each.
    fn add_tasks(self, metrics: &mut Metrics, warnings: &mut Vec<String>) -> Result<(), Error> {
        let model = self.object.get("model_config");
        let field = |key: &str| model.and_then(|model| model.get(key)).and_then(Value::as_str);
        let fields = [
            ("model_config.revision", field("revision")),
            ("model_config.model_path", field("model_path")),
            ("model_config.model", field("model")),
        ];
        let fields = fields.into_iter().filter_map(|(name, text)| Some((name, text?)));
        let mut said = Vec::new();
        let step = match self.own_step()? {
            Some(step) => step,
            None => step_of(self.name, fields, &mut said)?,
        };
        for sentence in said {
            if !warnings.contains(&sentence) && warnings.len() < 16 {
                warnings.push(sentence);
            }
        }
        match self.object.get("tasks").and_then(Value::as_array) {
            Some(tasks) => {
                for task in tasks.iter().filter_map(Value::as_object) {
                    self.add_task(task, step, metrics)?;
                }
                Ok(())
            }
            None => self.add_task(self.object, step, metrics),
        }
    }

    /// Adds the metrics of one task.
    fn add_task(self, task: &Map<String, Value>, step: u64, metrics: &mut Metrics) -> Result<(), Error> {
        let Some(values) = task.get("metrics").and_then(Value::as_object) else { return Ok(()) };
        let configured = || task.get("task_config")?.get("task_name");
        let named =
            task.get("alias").or_else(|| task.get("task_name")).or_else(configured).and_then(Value::as_str);
        let Some(named) = named else {
            // Logged metrics in an object of their own.
            let mut found = Vec::new();
            flatten(values, "", DEPTH, &mut found);
            return found
                .into_iter()
                .try_for_each(|(path, value)| metrics.add(self.name, &path, step, value));
        };
        for (metric, value) in values {
            let Some(value) = value.as_f64() else { continue };
            match metric_name::rank(metric) {
                Some(rank) => {
                    let source = format!("{metric} of {named}");
                    metrics.add_of(self.name, (named, rank), &source, step, value)?;
                }
                None => metrics.pass_over(metric),
            }
        }
        Ok(())
    }
}

/// Numbers with their paths, those in objects inside too.
fn flatten(object: &Map<String, Value>, above: &str, depth: usize, found: &mut Vec<(String, f64)>) {
    for (key, value) in object {
        let path = if above.is_empty() { key.clone() } else { format!("{above}/{key}") };
        match value {
            Value::Object(inside) if depth > 0 => flatten(inside, &path, depth - 1, found),
            _ => found.extend(value.as_f64().map(|value| (path, value))),
        }
    }
}
