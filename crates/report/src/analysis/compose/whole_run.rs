//! Courses of the whole run, not of a domain.

use std::sync::Arc;

use crate::{
    analysis::{digest::Digest, job::Job},
    model::{Course, Series, WHOLE_RUN},
};

/// Every course of the run except derived ones; those that are undefined at all checkpoints are left
/// out.
pub(super) fn courses(job: &Job<'_>) -> Vec<Course> {
    let digests: Vec<Option<Arc<Digest>>> =
        (0..job.run.checkpoints.len()).map(|checkpoint| job.digest(checkpoint)).collect();
    let composer = RunComposer { samples: job.run.samples.len(), layers: job.run.layers, digests };
    let mut courses = composer.information();
    courses.extend(composer.separation());
    courses.retain(|course| course.values.iter().any(Option::is_some));
    courses
}

/// Composes courses of the whole run.
struct RunComposer {
    samples: usize,
    layers: usize,
    /// Digest of each checkpoint, `[C]`.
    digests: Vec<Option<Arc<Digest>>>,
}

impl RunComposer {
    fn course(&self, metric: &str, samples: usize, figure: impl Fn(&Digest) -> Option<f64>) -> Course {
        let values: Series = self.digests.iter().map(|digest| figure(digest.as_deref()?)).collect();
        let (metric, domain) = (metric.to_owned(), WHOLE_RUN.to_owned());
        Course { metric, domain, n: Some(samples as u64), values, ..Course::default() }
    }

    /// A course over all layers, and one of each layer.
    fn layered(
        &self,
        metric: &str,
        all: impl Fn(&pathway::DomainInformation) -> Option<f64>,
        layers: impl Fn(&pathway::DomainInformation) -> Option<&Vec<f64>>,
    ) -> Vec<Course> {
        let course = |layer: Option<usize>| {
            let figure = |digest: &Digest| {
                let found = digest.information.as_ref()?;
                match layer {
                    None => all(found),
                    Some(layer) => layers(found)?.get(layer).copied(),
                }
            };
            Course { layer, ..self.course(metric, self.samples, figure) }
        };
        std::iter::once(None).chain((0..self.layers).map(Some)).map(course).collect()
    }

    fn information(&self) -> Vec<Course> {
        let found =
            self.layered("expert_information", |found| Some(found.mean), |found| Some(&found.by_layer));
        let null = self.layered(
            "expert_information_null",
            |found| Some(found.null.as_ref()?.mean),
            |found| Some(&found.null.as_ref()?.by_layer),
        );
        let p = self.layered(
            "expert_information_p",
            |found| Some(found.null.as_ref()?.p),
            |found| Some(&found.null.as_ref()?.p_by_layer),
        );
        [found, null, p].concat()
    }

    fn separation(&self) -> Vec<Course> {
        let compared = self.digests.iter().flatten().find_map(|digest| digest.separation.as_ref());
        let samples = compared.map_or(0, |found| found.samples);
        let course = |metric: &str, figure: fn(&pathway::Separation) -> Option<f64>| {
            self.course(metric, samples, |digest| figure(digest.separation.as_ref()?))
        };
        vec![
            course("signature_within", |found| Some(found.within)),
            course("signature_across", |found| Some(found.across)),
            course("signature_separation", |found| found.separation),
            course("signature_separation_null", |found| found.null),
            course("signature_separation_p", |found| found.p),
        ]
    }
}
