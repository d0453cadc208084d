//! Does a report fit together? Whoever shows one relies on it: courses have one entry a checkpoint, matrices one
//! row a checkpoint and one column a layer, indices point to something, figures are finite.

use std::collections::BTreeSet;

use crate::{Correlation, Delays, Domain, Error, FORMAT, Report, VERSION};

/// Where in the report something is, and the sizes that everything there must have.
struct Place<'a> {
    path: &'a str,
    checkpoints: usize,
    layers: usize,
    experts: usize,
}

fn wrong(place: impl Into<String>, expected: impl Into<String>) -> Error {
    Error::Inconsistent { place: place.into(), expected: expected.into() }
}

fn require(
    holds: bool,
    place: impl FnOnce() -> String,
    expected: impl FnOnce() -> String,
) -> Result<(), Error> {
    if holds { Ok(()) } else { Err(wrong(place(), expected())) }
}

impl Report {
    /// Checks that the report fits together, so that whoever reads it can rely on its shapes.
    ///
    /// Every series has `C` entries, every matrix is empty or `[C][L]`, steps ascend, indices are in range, names
    /// of domains are unique and those of `cross` exist, every figure is finite.
    ///
    /// # Errors
    /// [`Error::LaterReport`], [`Error::Setting`], or [`Error::Inconsistent`], which names the first place that does not fit.
    pub fn check(&self) -> Result<(), Error> {
        if self.version > VERSION {
            return Err(Error::LaterReport { version: u64::from(self.version), known: VERSION });
        }
        require(self.version > 0, || "version".to_owned(), || "1 or more".to_owned())?;
        require(self.format == FORMAT, || "format".to_owned(), || format!("{FORMAT:?}"))?;
        self.settings.check()?;
        let ascending = self.checkpoints.windows(2).all(|pair| pair[0].step < pair[1].step);
        require(ascending, || "checkpoints".to_owned(), || "in ascending order of their steps".to_owned())?;
        let mut names = BTreeSet::new();
        for (index, domain) in self.domains.iter().enumerate() {
            let path = format!("domains[{index}]");
            require(
                names.insert(&domain.name),
                || format!("{path}.name"),
                || "another than those before".to_owned(),
            )?;
            let place = Place {
                path: &path,
                checkpoints: self.checkpoints.len(),
                layers: self.run.layers,
                experts: self.run.experts,
            };
            place.domain(domain)?;
        }
        for (index, cross) in self.cross.iter().enumerate() {
            let path = format!("cross[{index}]");
            for name in [&cross.first, &cross.second] {
                require(
                    names.contains(name),
                    || path.clone(),
                    || "between domains of the report".to_owned(),
                )?;
            }
            let place = Place {
                path: &path,
                checkpoints: self.checkpoints.len(),
                layers: self.run.layers,
                experts: 0,
            };
            place.series("mean", &cross.mean)?;
            place.series("se", &cross.se)?;
        }
        Ok(())
    }
}

impl Place<'_> {
    fn at(&self, name: &str) -> String {
        format!("{}.{name}", self.path)
    }

    fn length(&self, name: &str, length: usize, expected: usize, what: &str) -> Result<(), Error> {
        require(
            length == expected,
            || self.at(name),
            || format!("{expected} long, one entry a {what}, and is {length}"),
        )
    }

    fn finite<'f>(&self, name: &str, figures: impl IntoIterator<Item = &'f f64>) -> Result<(), Error> {
        let finite = figures.into_iter().all(|figure| figure.is_finite());
        require(finite, || self.at(name), || "made of finite numbers".to_owned())
    }

    fn series(&self, name: &str, series: &[Option<f64>]) -> Result<(), Error> {
        self.length(name, series.len(), self.checkpoints, "checkpoint")?;
        self.finite(name, series.iter().flatten())
    }

    fn matrix(&self, name: &str, matrix: &[Vec<Option<f64>>]) -> Result<(), Error> {
        if matrix.is_empty() {
            return Ok(());
        }
        self.length(name, matrix.len(), self.checkpoints, "checkpoint")?;
        for row in matrix {
            self.length(name, row.len(), self.layers, "layer")?;
            self.finite(name, row.iter().flatten())?;
        }
        Ok(())
    }

    fn index(&self, name: &str, index: usize, below: usize) -> Result<(), Error> {
        require(index < below, || self.at(name), || format!("below {below}, and is {index}"))
    }

    fn domain(&self, domain: &Domain) -> Result<(), Error> {
        let checkpoints = self.checkpoints;
        self.finite("memorization.eps", &domain.memorization.eps)?;
        self.length("memorization.t_star", domain.memorization.t_star.len(), checkpoints, "checkpoint")?;
        if let Some(generalization) = &domain.generalization {
            self.length("generalization.t_sharp", generalization.t_sharp.len(), checkpoints, "checkpoint")?;
        }
        for (name, series) in [
            ("loss", Some(&domain.loss)),
            ("loss_moving_average", Some(&domain.loss_moving_average)),
            ("validation_loss", domain.validation_loss.as_ref()),
            ("accuracy", domain.accuracy.as_ref()),
            ("null_distance", Some(&domain.null_distance)),
            ("structure", Some(&domain.structure)),
            ("entropy", Some(&domain.entropy)),
            ("token_entropy", Some(&domain.token_entropy)),
        ] {
            if let Some(series) = series {
                self.series(name, series)?;
            }
        }
        self.matrix("distance_by_layer", &domain.distance_by_layer)?;
        self.matrix("entropy_by_layer", &domain.entropy_by_layer)?;
        self.groups(domain)?;
        self.selections(domain)?;
        if let Some(delays) = &domain.delays {
            self.delays(delays)?;
        }
        domain.correlations.iter().try_for_each(|correlation| self.correlation(correlation))
    }

    fn groups(&self, domain: &Domain) -> Result<(), Error> {
        for distance in &domain.distance {
            for (name, series) in [
                ("distance.mean", &distance.mean),
                ("distance.se", &distance.se),
                ("distance.ci", &distance.ci),
                ("distance.normalised", &distance.normalised),
                ("distance.normalised_se", &distance.normalised_se),
                ("distance.length", &distance.length),
            ] {
                self.series(name, series)?;
            }
        }
        for sweep in &domain.sweep {
            self.finite("sweep.tau", [&sweep.tau])?;
            self.series("sweep.mean", &sweep.mean)?;
            self.series("sweep.se", &sweep.se)?;
        }
        for group in &domain.distance_by_t_star {
            self.index("distance_by_t_star.checkpoint", group.checkpoint, self.checkpoints)?;
            self.series("distance_by_t_star.mean", &group.mean)?;
        }
        for consistency in &domain.consistency {
            for (name, series) in [
                ("consistency.median", &consistency.median),
                ("consistency.lower", &consistency.lower),
                ("consistency.upper", &consistency.upper),
                ("consistency.mean", &consistency.mean),
                ("consistency.mean_c", &consistency.mean_c),
                ("consistency.smoothness", &consistency.smoothness),
                ("consistency.undefined", &consistency.undefined),
            ] {
                self.series(name, series)?;
            }
        }
        for spectrum in &domain.spectrum {
            self.series("spectrum.mean", &spectrum.mean)?;
            self.matrix("spectrum.by_layer", &spectrum.by_layer)?;
        }
        Ok(())
    }

    /// What is counted over single selections of experts.
    fn selections(&self, domain: &Domain) -> Result<(), Error> {
        if !domain.load.is_empty() {
            self.length("load", domain.load.len(), self.checkpoints, "checkpoint")?;
        }
        for load in domain.load.iter().flatten() {
            self.length("load.layers", load.layers.len(), self.layers, "layer")?;
            for layer in &load.layers {
                self.length("load.layers.counts", layer.counts.len(), self.experts, "expert")?;
                self.finite("load.layers", layer.max_over_mean.iter().chain(&layer.cv))?;
            }
        }
        if !domain.saturation.is_empty() {
            self.length("saturation", domain.saturation.len(), self.checkpoints, "checkpoint")?;
        }
        for saturation in domain.saturation.iter().flatten() {
            self.finite("saturation", [&saturation.k])?;
            self.finite("saturation", &saturation.top1)?;
            let lists = std::iter::once(&saturation.k_by_layer).chain(&saturation.top1_by_layer);
            for layers in lists.filter(|layers| !layers.is_empty()) {
                self.length("saturation", layers.len(), self.layers, "layer")?;
                self.finite("saturation", layers)?;
            }
        }
        if !domain.coactivation.is_empty() {
            self.length("coactivation", domain.coactivation.len(), self.layers, "layer")?;
        }
        for pair in domain.coactivation.iter().flatten() {
            self.index("coactivation.first", pair.first, self.experts)?;
            self.index("coactivation.second", pair.second, self.experts)?;
            self.finite("coactivation.probability", [&pair.probability])?;
        }
        Ok(())
    }

    fn delays(&self, delays: &Delays) -> Result<(), Error> {
        for group in delays.train.iter().chain(&delays.test) {
            self.index("delays.checkpoint", group.checkpoint, self.checkpoints)?;
        }
        if !delays.scores.is_empty() {
            self.length("delays.scores", delays.scores.len(), delays.train.len(), "memorization group")?;
        }
        for row in &delays.scores {
            self.length("delays.scores", row.len(), delays.test.len(), "generalization group")?;
            self.finite("delays.scores", row)?;
        }
        for pair in &delays.pairs {
            self.index("delays.pairs.train", pair.train, delays.train.len())?;
            self.index("delays.pairs.test", pair.test, delays.test.len())?;
            self.finite("delays.pairs.score", [&pair.score])?;
        }
        self.finite("delays.total", [&delays.total])?;
        self.finite("delays.second_best_total", &delays.second_best_total)
    }

    fn correlation(&self, correlation: &Correlation) -> Result<(), Error> {
        let Correlation { pearson, pearson_p, spearman, spearman_p, .. } = correlation;
        self.finite("correlations", [pearson, pearson_p, spearman, spearman_p].into_iter().flatten())?;
        let within = correlation.n <= self.checkpoints;
        require(within, || self.at("correlations.n"), || format!("at most {}", self.checkpoints))
    }
}
