//! `samples_TASK_DATE.jsonl` of lm-evaluation-harness: one checkpoint's answers to the items of one task.

use std::{
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
};

use serde::{Deserialize, de::IgnoredAny};

use crate::{
    error::Error,
    format::{
        kind::{FileKind, Format, Match, Opened},
        probe::Probe,
        results::{
            listed,
            lm_eval::filter_rank,
            step::{evaluation, is_date},
        },
    },
    io::{
        lines::{Limit, Lines},
        source::{ByteSource as _, Source},
    },
    model::results::{Item, Results},
    text::{IdText, json_words, python_json::without_nan, shorten, step_name::step_from_name},
};

/// The longest line of an answer.
const LIMIT: Limit = Limit { bytes: 64 << 20, advice: "Keep `doc_id` and `acc` of every answer." };

/// Answers of lm-evaluation-harness.
pub const FORMAT: Format = Format {
    endings: &["jsonl"],
    in_tensors: false,
    content: "results of lm-evaluation-harness (`results_*.json`, `samples_*.jsonl`)",
    entry: None,
    probe,
};

/// Matches lines with `doc_id` beside the document, the request or the responses.
fn probe(probe: &Probe) -> Option<Match<'_>> {
    let text = probe.first_line().or_else(|| probe.text())?.trim_start();
    let has = |key: &str| text.contains(&format!("\"{key}\""));
    let beside = ["doc", "arguments", "resps", "filtered_resps", "doc_hash"].into_iter().any(has);
    if !text.starts_with('{') || !has("doc_id") || !beside {
        return None;
    }
    Some(Box::pin(async move {
        let mut warnings = Vec::new();
        let what = open(probe, &mut warnings).await?;
        Ok(Opened { what, warnings })
    }))
}

#[derive(Deserialize)]
struct Line {
    doc_id: IdText,
    #[serde(default)]
    filter: Option<String>,
    #[serde(default)]
    acc: Option<Share>,
    #[serde(default)]
    acc_norm: Option<Share>,
    #[serde(default)]
    exact_match: Option<Share>,
    #[serde(default)]
    prompt_level_strict_acc: Option<Share>,
}

/// Right or wrong; `None` for a share between them and for anything but a number.
#[derive(Deserialize)]
#[serde(untagged)]
enum Share {
    Bool(bool),
    Number(f64),
    Other(IgnoredAny),
}

impl Share {
    fn right(&self) -> Option<bool> {
        match self {
            Self::Bool(right) => Some(*right),
            Self::Number(share) if share.to_bits() == 1.0_f64.to_bits() => Some(true),
            Self::Number(share) if share.abs().to_bits() == 0 => Some(false),
            Self::Number(_) | Self::Other(_) => None,
        }
    }
}

/// The metric that decides whether an item is right: the first that a line has.
fn verdict(line: &Line) -> Option<(&'static str, &Share)> {
    let metrics = [
        ("acc", &line.acc),
        ("acc_norm", &line.acc_norm),
        ("exact_match", &line.exact_match),
        ("prompt_level_strict_acc", &line.prompt_level_strict_acc),
    ];
    metrics.into_iter().find_map(|(metric, share)| Some((metric, share.as_ref()?)))
}

/// The task in a name `samples_TASK_DATE.jsonl`.
fn task(path: &str) -> String {
    let file = path.split(['?', '#']).next().unwrap_or(path).rsplit(['/', '\\']).next().unwrap_or(path);
    let stem = file.rsplit_once(".json").map_or(file, |(stem, _)| stem);
    let stem = stem.strip_prefix("samples_").unwrap_or(stem);
    match stem.rsplit_once('_') {
        Some((task, date)) if is_date(date) => task.to_owned(),
        _ => stem.to_owned(),
    }
}

/// The answers so far.
#[derive(Default)]
struct Answers {
    /// Items in the order in which they come, by id.
    places: BTreeMap<String, usize>,
    items: Vec<Answer>,
    /// Metrics that said whether items are right.
    metrics: BTreeSet<&'static str>,
    filters: BTreeSet<String>,
    /// Lines that repeat an item with another answer.
    twice: usize,
    /// Items that are neither right nor wrong.
    open: usize,
}

struct Answer {
    id: String,
    filter: String,
    right: Option<bool>,
    acc: Option<bool>,
    acc_norm: Option<bool>,
}

impl Answers {
    fn push(&mut self, name: &str, number: usize, bytes: &[u8]) -> Result<(), Error> {
        let bytes = if number == 1 { bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes) } else { bytes };
        if bytes.trim_ascii().is_empty() {
            return Ok(());
        }
        let text = without_nan(bytes.trim_ascii());
        let line: Line = serde_json::from_slice(&text).map_err(|error| Error::Text {
            name: name.to_owned(),
            place: format!("line {number}"),
            found: json_words(&text, &error),
            expected: "an answer of lm-evaluation-harness with `doc_id` and `acc`".to_owned(),
            advice: "Write the file again with `--log_samples`.",
        })?;
        let Some((metric, share)) = verdict(&line) else {
            return Err(Error::Text {
                name: name.to_owned(),
                place: format!("line {number}"),
                found: "neither `acc`, `acc_norm` nor `exact_match`".to_owned(),
                expected: "whether the item was answered correctly".to_owned(),
                advice: "Drop results of tasks with one of these metrics.",
            });
        };
        let right = share.right();
        self.metrics.insert(metric);
        self.open += usize::from(right.is_none());
        let of = |share: &Option<Share>| share.as_ref().and_then(Share::right);
        let (acc, acc_norm) = (of(&line.acc), of(&line.acc_norm));
        let filter = line.filter.unwrap_or_else(|| "none".to_owned());
        let answer = Answer { id: line.doc_id.0, filter, right, acc, acc_norm };
        let next = self.items.len();
        let at = *self.places.entry(answer.id.clone()).or_insert(next);
        if self.filters.len() < 16 && !self.filters.contains(&answer.filter) {
            self.filters.insert(answer.filter.clone());
        }
        let rank = |filter: &str| (filter_rank(filter), filter.to_owned());
        match self.items.get_mut(at) {
            None => self.items.push(answer),
            Some(first) if first.filter == answer.filter => {
                self.twice += usize::from(first.right != answer.right);
            }
            Some(first) if rank(&answer.filter) < rank(&first.filter) => *first = answer,
            Some(_) => {}
        }
        Ok(())
    }

    fn warn(&self, name: &str, warnings: &mut Vec<String>) {
        let mut sentences = Vec::new();
        let plain = self.metrics.iter().all(|&metric| metric == "acc");
        if !plain {
            let metrics = listed(self.metrics.iter().copied());
            sentences.push(format!("Whether an item is right is read from {metrics}."));
        }
        if self.filters.len() > 1 {
            let best = self.filters.iter().min_by_key(|filter| (filter_rank(filter), filter.as_str()));
            let best = best.map_or("", String::as_str);
            let others = self.filters.iter().map(String::as_str).filter(|&filter| filter != best);
            sentences.push(format!(
                "Answers by the filter `{}` count, not by {}.",
                shorten(best),
                listed(others)
            ));
        }
        if self.twice > 0 {
            sentences
                .push(format!("{} lines repeat an item with another answer; the first counts.", self.twice));
        }
        if self.open > 0 {
            sentences.push(format!("{} answers are neither right nor wrong and do not count.", self.open));
        }
        if !sentences.is_empty() {
            warnings.push(format!("{name}: {}", sentences.join(" ")));
        }
    }
}

/// Reads it, some MiB at a time.
///
/// # Errors
/// [`Error::Text`] with the line for whatever is not as described.
async fn open(probe: &Probe, warnings: &mut Vec<String>) -> Result<FileKind, Error> {
    let source = &probe.source;
    let name = source.name();
    let step = step_from_name(name).map(|named| named.step);
    let answers = read(source).await?;
    if answers.items.is_empty() {
        return Err(Error::Empty { name: name.to_owned() });
    }
    answers.warn(name, warnings);
    let task = task(name);
    let normalized = answers.items.iter().any(|answer| answer.acc_norm.is_some());
    let chosen = answers.items.iter().any(|answer| answer.acc.is_some());
    let one = |any: bool, value| if any { vec![value] } else { Vec::new() };
    let items = answers.items.into_iter().map(|answer| Item {
        id: format!("{task}/{}", answer.id),
        domain: task.clone(),
        correct: vec![answer.right],
        acc: one(chosen, answer.acc),
        acc_norm: one(normalized, answer.acc_norm),
        embedding: None,
    });
    // Without a step in the path, `results_*.json` of the same evaluation has it.
    let evaluation = Some(evaluation(name));
    let steps = step.into_iter().collect();
    Ok(FileKind::Results(Results { steps, evaluation, items: items.collect(), ..Results::default() }))
}

async fn read(source: &Source) -> Result<Answers, Error> {
    let name = source.name();
    let mut answers = Answers::default();
    let mut lines = Lines::new(Rc::clone(source), LIMIT);
    while let Some(line) = lines.next().await? {
        answers.push(name, line.span.number, line.bytes)?;
    }
    Ok(answers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tasks_of_names() {
        for (path, expected) in [
            ("evals/__ckpt__step-1000/samples_math_2026-01-05T10-11-12.000000.jsonl", "math"),
            ("samples_arc_easy_2026-01-05T10-11-12.000000.jsonl", "arc_easy"),
            ("samples_leaderboard_math_hard.jsonl", "leaderboard_math_hard"),
            ("x\\code.jsonl", "code"),
        ] {
            assert_eq!(task(path), expected, "{path}");
        }
    }
}
