//! Accuracies that are logged under names of metrics, while they come: one metric is chosen per task.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    error::Error,
    format::results::{json::check_share, listed, metric_name},
    model::results::{Accuracy, Results},
    text::{shorten, shorten_to},
};

/// Different names of metrics that are kept for the message.
const MOST_NAMES: usize = 64;

/// Bytes of a name that is kept.
const LONGEST_NAME: usize = 200;

/// Where accuracies of one metric and task come from, and their values by step.
#[derive(Debug)]
struct Course {
    /// The metric's whole name.
    source: String,
    values: BTreeMap<u64, f64>,
}

/// Accuracies of all tasks.
#[derive(Debug, Default)]
pub struct Metrics {
    /// By task, and by how much other metrics are preferred.
    courses: BTreeMap<String, BTreeMap<usize, Course>>,
    /// Names of metrics that are not read.
    unread: BTreeSet<String>,
}

impl Metrics {
    /// Adds a value of a metric.
    ///
    /// # Errors
    /// [`Error::Text`] for an accuracy outside 0 to 1, or for two different values of one accuracy.
    pub fn add(&mut self, file: &str, metric: &str, step: u64, value: f64) -> Result<(), Error> {
        match metric_name::accuracy(metric) {
            Some(metric_name::Metric { task, rank }) => self.add_of(file, (task, rank), metric, step, value),
            None => {
                self.pass_over(metric);
                Ok(())
            }
        }
    }

    /// Adds an accuracy of a task whose metric has this rank.
    ///
    /// # Errors
    /// As [`Metrics::add`].
    pub fn add_of(
        &mut self,
        file: &str,
        (task, rank): (&str, usize),
        source: &str,
        step: u64,
        value: f64,
    ) -> Result<(), Error> {
        let place = || format!("`{}` at step {step}", shorten(source));
        check_share(file, &place(), value)?;
        let courses = self.courses.entry(task.to_owned()).or_default();
        let course = courses
            .entry(rank)
            .or_insert_with(|| Course { source: source.to_owned(), values: BTreeMap::new() });
        if course.source != source {
            self.pass_over(source);
            return Ok(());
        }
        let first = *course.values.entry(step).or_insert(value);
        if first.to_bits() == value.to_bits() {
            return Ok(());
        }
        Err(Error::Text {
            name: file.to_owned(),
            place: place(),
            found: format!("{first} and {value}"),
            expected: "one value per step".to_owned(),
            advice: "Keep the one that is right, or one run per file.",
        })
    }

    /// Notes a metric that is not read.
    pub fn pass_over(&mut self, metric: &str) {
        if self.unread.len() < MOST_NAMES {
            self.unread.insert(shorten_to(metric, LONGEST_NAME));
        }
    }

    /// Whether there is no accuracy.
    pub fn is_empty(&self) -> bool {
        self.courses.is_empty()
    }

    /// The accuracies of each task's preferred metric. A warning names metrics other than plain accuracy, and those that
    /// are not read.
    pub fn finish(mut self, file: &str, warnings: &mut Vec<String>) -> Results {
        let mut steps = BTreeSet::new();
        let mut accuracy = Vec::new();
        let mut others: Vec<String> = Vec::new();
        for (task, courses) in std::mem::take(&mut self.courses) {
            let mut courses = courses.into_iter();
            if let Some((rank, course)) = courses.next() {
                if rank > 1 {
                    others.push(format!("{} of {task}", metric_name::metric(rank)));
                }
                steps.extend(course.values.keys().copied());
                let rows = course.values.into_iter();
                accuracy.extend(rows.map(|(step, accuracy)| Accuracy {
                    domain: task.clone(),
                    step,
                    accuracy,
                }));
            }
            for (_, course) in courses {
                self.pass_over(&course.source);
            }
        }
        let mut sentences = Vec::new();
        if !others.is_empty() {
            let others = listed(others.iter().map(String::as_str));
            sentences.push(format!("These metrics are read as accuracy: {others}."));
        }
        if !self.unread.is_empty() {
            let more = if self.unread.len() < MOST_NAMES { "" } else { ", perhaps others" };
            let unread = listed(self.unread.iter().map(String::as_str));
            sentences.push(format!(
                "Not read, because they are no accuracy or there is a better one: {unread}{more}."
            ));
        }
        if !sentences.is_empty() {
            warnings.push(format!("{file}: {}", sentences.join(" ")));
        }
        Results { steps: steps.into_iter().collect(), accuracy, ..Results::default() }
    }
}
