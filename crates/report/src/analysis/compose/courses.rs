//! Courses of a domain that use neither distances nor selections: losses, results and gates.

use super::domain::DomainComposer;
use crate::model::{Course, Series};

/// Layers that consistency needs (docs/metrics.md#pathway-consistency).
pub(super) const LEAST_LAYERS: usize = 3;

/// Mean; `None` without values.
pub(super) fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

/// Mean, if all values are defined.
fn mean_if_all(values: &[Option<f64>]) -> Option<f64> {
    mean(&values.iter().copied().collect::<Option<Vec<f64>>>()?)
}

impl DomainComposer<'_> {
    /// Every course of the domain except derived ones ([`crate::derive`]).
    pub(super) fn courses(&self) -> Vec<Course> {
        let mut courses = Vec::new();
        courses.push(self.of_all("loss", self.loss()));
        courses.extend(self.validation_loss());
        courses.extend(self.accuracy());
        courses.extend(self.distances());
        courses.extend(self.consistency());
        courses.extend(self.effective_dimension());
        courses.extend(self.entropy());
        courses.push(self.of_all("token_entropy", self.token_entropy()));
        courses.extend(self.effective_experts());
        courses.extend(self.saturation());
        courses.extend(self.commitment());
        courses
    }

    /// A course of some of the domain's samples.
    pub(super) fn course(&self, metric: &str, samples: usize, values: Series) -> Course {
        Course {
            metric: metric.into(),
            domain: self.name().to_owned(),
            n: Some(samples as u64),
            values,
            ..Course::default()
        }
    }

    /// A course of all of the domain's samples.
    pub(super) fn of_all(&self, metric: &str, values: Series) -> Course {
        self.course(metric, self.samples().len(), values)
    }

    /// Courses over all layers and of each layer, from figures `[C]` of `[L]`.
    pub(super) fn by_layer(&self, over_all: Course, layers: &[Option<Vec<Option<f64>>>]) -> Vec<Course> {
        let of_layer = |layer: usize| Course {
            layer: Some(layer),
            values: self.series(|c| *layers.get(c)?.as_ref()?.get(layer)?),
            ..over_all.clone()
        };
        let of_layers: Vec<Course> = (0..self.job.run.layers).map(of_layer).collect();
        std::iter::once(over_all).chain(of_layers).collect()
    }

    fn loss(&self) -> Series {
        let checkpoints = self.job.run.checkpoints.iter();
        checkpoints
            .map(|at| {
                let finite = self
                    .samples()
                    .iter()
                    .map(|&sample| at.loss[sample as usize])
                    .filter(|loss| loss.is_finite());
                let (sum, count) = finite.fold((0.0, 0_u32), |(sum, n), loss| (sum + f64::from(loss), n + 1));
                (count > 0).then(|| sum / f64::from(count))
            })
            .collect()
    }

    fn validation_loss(&self) -> Option<Course> {
        let results = self.job.run.results.as_ref()?;
        let values = self.series(|c| {
            let step = self.job.run.checkpoints[c].step;
            let mut rows = results.validation_loss.iter();
            rows.find(|row| row.domain == self.name() && row.step == step).map(|row| row.loss)
        });
        let known = values.iter().any(Option::is_some);
        known.then(|| Course { n: None, ..self.of_all("validation_loss", values) })
    }

    /// Share of correct items, or the accuracy in the results if there are no items.
    fn accuracy(&self) -> Option<Course> {
        let results = self.job.run.results.as_ref()?;
        let correct = self.correct();
        let values = self.series(|c| {
            let answers: Vec<Option<bool>> = correct.iter().map(|item| item[c]).collect();
            if let Some(accuracy) = pathway::accuracy(&answers) {
                return Some(accuracy);
            }
            let step = self.job.run.checkpoints[c].step;
            let mut rows = results.accuracy.iter();
            rows.find(|row| row.domain == self.name() && row.step == step).map(|row| row.accuracy)
        });
        let items = self.job.run.domains[self.index].items.len();
        let n = (items > 0).then_some(items as u64);
        values.iter().any(Option::is_some).then(|| Course { n, ..self.of_all("accuracy", values) })
    }

    fn consistency(&self) -> Vec<Course> {
        let mut courses = Vec::new();
        for members in &self.job.plan.domains[self.index].groups {
            let found: Vec<Option<pathway::ConsistencySummary>> =
                self.digests.iter().map(|digest| digest.as_ref()?.consistency(&members.samples)).collect();
            if found.iter().all(Option::is_none) {
                continue;
            }
            let mut add = |metric, figure: fn(&pathway::ConsistencySummary) -> Option<f64>| {
                let values = found.iter().map(|found| figure(found.as_ref()?)).collect();
                let course = self.course(metric, members.samples.len(), values);
                courses.push(Course { group: members.group, ..course });
            };
            // The other figures compare pairs of adjacent layers, of which two layers have only one.
            add("smoothness", |found| found.smoothness);
            if self.job.run.layers < LEAST_LAYERS {
                continue;
            }
            add("consistency", |found| found.median);
            add("consistency_lower", |found| found.lower);
            add("consistency_upper", |found| found.upper);
            add("consistency_mean", |found| found.mean);
            add("consistency_c", |found| found.mean_c);
            add("consistency_undefined", |found| found.undefined);
        }
        courses
    }

    fn effective_dimension(&self) -> Vec<Course> {
        let mut courses = Vec::new();
        for members in &self.job.plan.domains[self.index].groups {
            let fingerprint = self.job.spectrum_fingerprint(&members.samples);
            let checkpoints = self.job.run.checkpoints.iter();
            let found: Vec<_> =
                checkpoints.map(|at| self.job.cache.borrow().spectrum(at.file, fingerprint)).collect();
            let values = found.iter().map(|found| found.as_ref()?.mean).collect();
            let layers: Vec<_> =
                found.iter().map(|found| found.as_ref().map(|found| found.d_eff.clone())).collect();
            let course = self.course("effective_dimension", members.samples.len(), values);
            courses.extend(self.by_layer(Course { group: members.group, ..course }, &layers));
        }
        courses
    }

    fn entropy(&self) -> Vec<Course> {
        let digests = self.digests.iter();
        let layers: Vec<_> = digests.map(|digest| Some(digest.as_ref()?.entropy(self.samples()))).collect();
        let values = layers.iter().map(|layers| mean_if_all(layers.as_ref()?)).collect();
        self.by_layer(self.of_all("entropy", values), &layers)
    }

    fn effective_experts(&self) -> Vec<Course> {
        let digests = self.digests.iter();
        let layers: Vec<Option<Vec<Option<f64>>>> = digests
            .map(|digest| {
                Some(digest.as_ref()?.effective_experts(self.index)?.into_iter().map(Some).collect())
            })
            .collect();
        if layers.iter().all(Option::is_none) {
            return Vec::new();
        }
        let values = layers.iter().map(|layers| mean_if_all(layers.as_ref()?)).collect();
        self.by_layer(self.of_all("effective_experts", values), &layers)
    }

    /// Mean over the tokens of the domain, which are in the order of the samples.
    fn token_entropy(&self) -> Series {
        let checkpoints = self.job.run.checkpoints.iter();
        checkpoints
            .map(|at| {
                let found = self.job.run.token_entropy.iter().find(|found| found.step == Some(at.step))?;
                let tokens = at.trace.info.n_tokens.as_ref()?;
                let mut starts = vec![0_usize];
                for &count in tokens {
                    starts.push(starts.last().copied().unwrap_or(0) + count as usize);
                }
                let mut sum = 0.0;
                let mut count = 0_u64;
                for &sample in self.samples() {
                    let row = at.row_of[sample as usize] as usize;
                    let values = found.values.get(*starts.get(row)?..*starts.get(row + 1)?)?;
                    for &value in values {
                        sum += value;
                        count += 1;
                    }
                }
                (count > 0).then(|| sum / count as f64)
            })
            .collect()
    }
}
