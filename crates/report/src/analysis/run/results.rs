//! Which benchmark results are the run's: those of all files that do not contradict each other.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
};

use trace::{Accuracy, FileKind, Item, Results, SampleRecord, ValidationLoss};

use super::{
    Run,
    part::{Part, Verdict},
};
use crate::analysis::words::{listed, short};

/// Steps of the files of each evaluation.
type Evaluations<'a> = BTreeMap<&'a str, BTreeSet<u64>>;

/// The results of the run. Files of other steps, tasks or items complete the first one; a file that contradicts those
/// before it is left out.
pub(super) fn pick_results(parts: &[Part], verdicts: &mut Vec<Verdict>) -> Option<Rc<Results>> {
    let files = parts.iter().filter_map(|part| match &part.what {
        FileKind::Results(results) => Some((part, results)),
        _ => None,
    });
    let found: Vec<(&Part, &Results)> = files.collect();
    let mut evaluations = Evaluations::new();
    for (_, results) in &found {
        if let Some(evaluation) = &results.evaluation {
            evaluations.entry(evaluation).or_default().extend(&results.steps);
        }
    }
    let mut files: Vec<(&Part, Cow<'_, Results>)> = Vec::new();
    for &(part, results) in &found {
        match with_step(results, &evaluations) {
            Some(results) => files.push((part, results)),
            None => verdicts.push(Verdict {
                id: part.id,
                used: false,
                text: Some(format!(
                    "{}: answers to benchmark items, but nothing tells their training step. Drop `results_*.json` of \
                     the same evaluation too, or put the file into a folder named by its step, such as `step-1000`.",
                    part.path
                )),
            }),
        }
    }
    if let [(part, results)] = files.as_slice() {
        verdicts.push(Verdict { id: part.id, used: true, text: None });
        return Some(Rc::new(results.clone().into_owned()));
    }
    let mut merged = Merged::default();
    for (at, (part, results)) in files.iter().enumerate() {
        let text = merged.contradiction(results).map(|Contradiction { says, file, instead }| {
            let first = files.get(file).map_or("another file", |(part, _)| part.path.as_str());
            format!(
                "{}: {says}, but {first} {instead}. This file is left out; remove one of the two.",
                part.path
            )
        });
        if text.is_none() {
            merged.add(at, results);
        }
        verdicts.push(Verdict { id: part.id, used: text.is_none(), text });
    }
    (!files.is_empty()).then(|| Rc::new(merged.finish()))
}

/// Results with their step, which another file of the same evaluation may have; `None` where none or several have it.
fn with_step<'a>(results: &'a Results, evaluations: &Evaluations<'_>) -> Option<Cow<'a, Results>> {
    let Some(evaluation) = results.evaluation.as_deref().filter(|_| results.steps.is_empty()) else {
        return Some(Cow::Borrowed(results));
    };
    let mut steps = evaluations.get(evaluation)?.iter();
    let step = *steps.next().filter(|_| steps.len() == 0)?;
    Some(Cow::Owned(Results { steps: vec![step], ..results.clone() }))
}

/// A contradiction between two files: the statement of one, and the number and statement of the
/// earlier one.
struct Contradiction {
    says: String,
    file: usize,
    instead: String,
}

/// A value, and the number of the file in which it was found.
type Found<T> = (T, usize);

/// Results of several files, merged.
#[derive(Default)]
struct Merged {
    model: Option<String>,
    steps: BTreeSet<u64>,
    samples: Option<Found<Vec<SampleRecord>>>,
    /// Index in `items` by domain, id, and number of earlier items of that id in the same file.
    places: BTreeMap<(String, String, usize), usize>,
    items: Vec<MergedItem>,
    /// By domain and step.
    accuracy: BTreeMap<(String, u64), Found<f64>>,
    validation_loss: BTreeMap<(String, u64), Found<f64>>,
}

struct MergedItem {
    id: String,
    domain: String,
    embedding: Option<Vec<f64>>,
    /// By step: `correct`, `acc` and `acc_norm`.
    verdicts: BTreeMap<u64, Found<[Option<bool>; 3]>>,
}

/// The verdicts of an item at the steps of its file.
fn verdicts(item: &Item, steps: &[u64]) -> impl Iterator<Item = (u64, [Option<bool>; 3])> {
    let of = |list: &[Option<bool>], at: usize| list.get(at).copied().flatten();
    let all = move |at| [of(&item.correct, at), of(&item.acc, at), of(&item.acc_norm, at)];
    steps.iter().enumerate().map(move |(at, &step)| (step, all(at)))
}

impl Merged {
    /// The first place where a file contradicts those before it.
    fn contradiction(&self, from: &Results) -> Option<Contradiction> {
        if let Some((samples, file)) = &self.samples
            && !from.samples.is_empty()
            && from.samples != *samples
        {
            return Some(Contradiction {
                says: format!("a list of {} samples", from.samples.len()),
                file: *file,
                instead: format!("has another one, of {}", samples.len()),
            });
        }
        let accuracy = from.accuracy.iter().map(|row| (&row.domain, row.step, row.accuracy));
        let losses = from.validation_loss.iter().map(|row| (&row.domain, row.step, row.loss));
        figure_contradiction("accuracy", &self.accuracy, accuracy)
            .or_else(|| figure_contradiction("validation loss", &self.validation_loss, losses))
            .or_else(|| self.item_contradiction(from))
    }

    fn item_contradiction(&self, from: &Results) -> Option<Contradiction> {
        numbered(&from.items).find_map(|(key, item)| {
            let before = &self.items[*self.places.get(&key)?].verdicts;
            verdicts(item, &from.steps).find_map(|(step, [right, ..])| {
                let &([first, ..], file) = before.get(&step)?;
                let (right, first) = (right?, first?);
                let words = |right| if right { "right" } else { "wrong" };
                (right != first).then(|| Contradiction {
                    says: format!("item `{}` is {} at step {step}", short(&item.id), words(right)),
                    file,
                    instead: format!("says {}", words(first)),
                })
            })
        })
    }

    /// Adds what a file has and those before it have not.
    fn add(&mut self, file: usize, from: &Results) {
        self.model = self.model.take().or_else(|| from.model.clone());
        self.steps.extend(&from.steps);
        if self.samples.is_none() && !from.samples.is_empty() {
            self.samples = Some((from.samples.clone(), file));
        }
        for Accuracy { domain, step, accuracy } in &from.accuracy {
            self.accuracy.entry((domain.clone(), *step)).or_insert((*accuracy, file));
        }
        for ValidationLoss { domain, step, loss } in &from.validation_loss {
            self.validation_loss.entry((domain.clone(), *step)).or_insert((*loss, file));
        }
        for (key, item) in numbered(&from.items) {
            let next = self.items.len();
            let at = *self.places.entry(key).or_insert(next);
            if at == next {
                let Item { id, domain, embedding, .. } = item.clone();
                self.items.push(MergedItem { id, domain, embedding, verdicts: BTreeMap::new() });
            }
            let merged = &mut self.items[at];
            if merged.embedding.is_none() {
                merged.embedding.clone_from(&item.embedding);
            }
            for (step, found) in verdicts(item, &from.steps) {
                let (sofar, _) = merged.verdicts.entry(step).or_insert(([None; 3], file));
                for (sofar, found) in sofar.iter_mut().zip(found) {
                    *sofar = sofar.or(found);
                }
            }
        }
    }

    fn finish(self) -> Results {
        let steps: Vec<u64> = self.steps.into_iter().collect();
        let item = |MergedItem { id, domain, embedding, verdicts }: MergedItem| {
            let list = |which: usize| -> Vec<Option<bool>> {
                let at = |step| verdicts.get(step).and_then(|(found, _)| found[which]);
                steps.iter().map(at).collect()
            };
            // A list that says nothing is empty.
            let known =
                |list: Vec<Option<bool>>| if list.iter().any(Option::is_some) { list } else { Vec::new() };
            let (correct, acc, acc_norm) = (list(0), known(list(1)), known(list(2)));
            Item { id, domain, correct, acc, acc_norm, embedding }
        };
        let items = self.items.into_iter().map(item).collect();
        let accuracy = self.accuracy.into_iter();
        let accuracy = accuracy.map(|((domain, step), (accuracy, _))| Accuracy { domain, step, accuracy });
        let losses = self.validation_loss.into_iter();
        let losses = losses.map(|((domain, step), (loss, _))| ValidationLoss { domain, step, loss });
        Results {
            model: self.model,
            evaluation: None,
            samples: self.samples.map(|(samples, _)| samples).unwrap_or_default(),
            items,
            accuracy: accuracy.collect(),
            validation_loss: losses.collect(),
            steps,
        }
    }
}

/// Adds to the verdicts on files of results which of their domains no sample has, and which of their steps no checkpoint.
pub(super) fn name_unmatched(run: &mut Run, parts: &[Part]) {
    let domains: BTreeSet<&str> = run.domains.iter().map(|domain| domain.name.as_str()).collect();
    let steps: BTreeSet<u64> = run.checkpoints.iter().map(|checkpoint| checkpoint.step).collect();
    let files = parts.iter().filter_map(|part| match &part.what {
        FileKind::Results(results) => Some((part.id, (&part.path, results))),
        _ => None,
    });
    let files: BTreeMap<usize, (&String, &Results)> = files.collect();
    for verdict in run.verdicts.iter_mut().filter(|verdict| verdict.used && verdict.text.is_none()) {
        let Some((path, results)) = files.get(&verdict.id) else { continue };
        let of_items = results.items.iter().map(|item| item.domain.as_str());
        let of_accuracy = results.accuracy.iter().map(|row| row.domain.as_str());
        let of_losses = results.validation_loss.iter().map(|row| row.domain.as_str());
        let all: BTreeSet<&str> = of_items.chain(of_accuracy).chain(of_losses).collect();
        let mut sentences = Vec::new();
        let other: Vec<String> = all.difference(&domains).map(|name| format!("`{}`", short(name))).collect();
        if !other.is_empty() {
            let known: Vec<String> = domains.iter().map(|name| format!("`{}`", short(name))).collect();
            sentences.push(format!(
                "no sample is of domain {}, so the report does not show these results; the samples are of {}.",
                listed(&other),
                listed(&known)
            ));
        }
        let other = results.steps.iter().filter(|step| !steps.contains(step));
        let other: Vec<String> = other.map(u64::to_string).collect();
        if !other.is_empty() {
            sentences.push(format!("no checkpoint is of step {}.", listed(&other)));
        }
        if !sentences.is_empty() {
            verdict.text = Some(format!("{path}: {}", sentences.join(" And ")));
        }
    }
}

/// Items by domain, id, and how many of these came before.
fn numbered(items: &[Item]) -> impl Iterator<Item = ((String, String, usize), &Item)> {
    let mut seen: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    items.iter().map(move |item| {
        let before = seen.entry((&item.domain, &item.id)).or_default();
        let key = (item.domain.clone(), item.id.clone(), *before);
        *before += 1;
        (key, item)
    })
}

fn figure_contradiction<'a>(
    what: &str,
    before: &BTreeMap<(String, u64), Found<f64>>,
    mut rows: impl Iterator<Item = (&'a String, u64, f64)>,
) -> Option<Contradiction> {
    rows.find_map(|(domain, step, value)| {
        let &(first, file) = before.get(&(domain.clone(), step))?;
        (first.to_bits() != value.to_bits()).then(|| Contradiction {
            says: format!("{what} of `{}` at step {step} is {value}", short(domain)),
            file,
            instead: format!("gives {first}"),
        })
    })
}
