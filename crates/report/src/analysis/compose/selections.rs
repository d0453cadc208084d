//! Courses of a domain from the experts of single tokens.

use pathway::{Commitment, Share};

use super::domain::DomainComposer;
use crate::model::Course;

/// One of the shares of a commitment.
type ShareOf = fn(&Commitment) -> Option<&Share>;

impl DomainComposer<'_> {
    /// Saturation of the selected experts, and of the heaviest if ids are ordered by weight; empty
    /// without expert ids.
    pub(super) fn saturation(&self) -> Vec<Course> {
        let found = self.selections(|found| found.saturation.as_ref()?.result());
        if found.iter().all(Option::is_none) {
            return Vec::new();
        }
        let defined = |layers: &[f64]| layers.iter().copied().map(Some).collect();
        let of_k = self.of_all("saturation_k", self.series(|c| Some(found[c].as_ref()?.k)));
        let k: Vec<_> = found.iter().map(|found| Some(defined(&found.as_ref()?.k_by_layer))).collect();
        let mut courses = self.by_layer(of_k, &k);
        let values = self.series(|c| found[c].as_ref()?.top1);
        let top1: Vec<_> =
            found.iter().map(|found| Some(defined(found.as_ref()?.top1_by_layer.as_ref()?))).collect();
        if values.iter().any(Option::is_some) {
            courses.extend(self.by_layer(self.of_all("saturation_top1", values), &top1));
        }
        courses
    }

    /// Agreement with neighboring checkpoints; empty without expert ids.
    pub(super) fn commitment(&self) -> Vec<Course> {
        let found = self.selections(|found| found.commitment.as_ref()?.result());
        let figures: [(&str, ShareOf); 5] = [
            ("commitment_overlap", |found| Some(&found.overlap)),
            ("commitment_chance", |found| Some(&found.chance)),
            ("top1_changed", |found| found.changed.as_ref()),
            ("top1_reverted", |found| found.reverted.as_ref()),
            ("top1_persisted", |found| found.persisted.as_ref()),
        ];
        figures.into_iter().flat_map(|(metric, figure)| self.shares(metric, &found, figure)).collect()
    }

    /// Courses of a share over all layers, with standard errors if it has any, and of each layer;
    /// empty if it is undefined at all checkpoints.
    fn shares(&self, metric: &str, found: &[Option<Commitment>], figure: ShareOf) -> Vec<Course> {
        let shares: Vec<Option<&Share>> = found.iter().map(|found| figure(found.as_ref()?)).collect();
        let values = self.series(|c| shares[c]?.all);
        if values.iter().all(Option::is_none) {
            return Vec::new();
        }
        let se = self.series(|c| shares[c]?.se);
        let layers: Vec<_> = shares.iter().map(|share| Some(share.as_ref()?.by_layer.clone())).collect();
        let mut courses = self.by_layer(self.of_all(metric, values), &layers);
        if let Some(whole) = courses.first_mut().filter(|_| se.iter().any(Option::is_some)) {
            whole.se = Some(se);
        }
        courses
    }
}
