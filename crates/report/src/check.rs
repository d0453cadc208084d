//! Consistency checks of a report. Views and exports rely on them: courses have one entry per
//! checkpoint, indices are in range, figures are finite.

use std::collections::BTreeSet;

use crate::{
    CausalSteps, Change, Correlation, Course, Delays, Domain, Error, FORMAT, Report, VERSION, WHOLE_RUN,
    metrics::Layers,
};

/// Path in the report, and the expected sizes there.
struct Location<'a> {
    path: &'a str,
    checkpoints: usize,
    /// Checkpoints behind the tests: more in a shortened report.
    measured: usize,
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
    /// Checks that the report is consistent, so that its users can rely on its shapes.
    ///
    /// Every series has `C` entries and every figure is finite. No course is listed twice, and
    /// every course fits the scope of its metric. Steps ascend and indices are in range. Domain
    /// names are unique, and those of courses exist. A metric that this version does not know is
    /// accepted.
    ///
    /// # Errors
    /// [`Error::LaterReport`], [`Error::Setting`], or [`Error::Inconsistent`] with the first
    /// inconsistent field.
    pub fn check(&self) -> Result<(), Error> {
        if self.version > VERSION {
            return Err(Error::LaterReport { version: u64::from(self.version), known: VERSION });
        }
        require(self.version > 0, || "version".to_owned(), || "1 or more".to_owned())?;
        require(self.format == FORMAT, || "format".to_owned(), || format!("{FORMAT:?}"))?;
        self.settings.check()?;
        let ascending = self.checkpoints.windows(2).all(|pair| pair[0].step < pair[1].step);
        require(ascending, || "checkpoints".to_owned(), || "in ascending order of their steps".to_owned())?;
        let measured = self.measured()?;
        let mut names = BTreeSet::new();
        for (index, domain) in self.domains.iter().enumerate() {
            let path = format!("domains[{index}]");
            require(
                names.insert(&domain.name),
                || format!("{path}.name"),
                || "another than those before".to_owned(),
            )?;
            let location = Location {
                path: &path,
                checkpoints: self.checkpoints.len(),
                measured,
                layers: self.run.layers,
                experts: self.run.experts,
            };
            location.domain(domain)?;
        }
        let mut keys = BTreeSet::new();
        for (index, course) in self.courses.iter().enumerate() {
            let path = format!("courses[{index}]");
            // A metric that this version does not know may be of the whole run.
            let of_run = course.definition().is_none_or(|metric| metric.scope.whole_run);
            let of_domain = course.definition().is_none_or(|metric| !metric.scope.whole_run);
            let known =
                (of_run && course.domain == WHOLE_RUN) || (of_domain && names.contains(&course.domain));
            let expected = if of_domain { "of a domain of the report" } else { "of no domain" };
            require(known, || path.clone(), || expected.to_owned())?;
            let known = course.other_domain.as_ref().is_none_or(|name| names.contains(name));
            require(known, || path.clone(), || "with domains of the report".to_owned())?;
            let key = (
                (&course.domain, &course.other_domain, &course.metric),
                (course.group, course.layer, course.tau.map(f64::to_bits), course.t_star),
            );
            require(keys.insert(key), || path.clone(), || "another course than those before".to_owned())?;
            let location = Location {
                path: &path,
                checkpoints: self.checkpoints.len(),
                measured,
                layers: self.run.layers,
                experts: self.run.experts,
            };
            location.course(course)?;
        }
        for (index, exchange) in self.exchange.iter().enumerate() {
            let finite = exchange.statistic.iter().chain(&exchange.p).all(|figure| figure.is_finite());
            require(finite, || format!("exchange[{index}]"), || "made of finite numbers".to_owned())?;
        }
        for (index, claim) in self.claims.iter().enumerate() {
            let finite = claim.figures.values().all(|figure| figure.is_finite());
            require(finite, || format!("claims[{index}]"), || "made of finite numbers".to_owned())?;
        }
        Ok(())
    }
}

impl Report {
    /// Checkpoints behind the tests: those of the report that a shortened one was made from.
    fn measured(&self) -> Result<usize, Error> {
        let Some(shortened) = &self.shortened else { return Ok(self.checkpoints.len()) };
        let larger =
            shortened.checkpoints >= self.checkpoints.len() && shortened.domains >= self.domains.len();
        require(larger, || "shortened".to_owned(), || "at least as large as the report".to_owned())?;
        let (r, p, q, clock) = (&shortened.r, &shortened.p, &shortened.q, &shortened.clock);
        let finite = [r, p, q, clock].into_iter().flatten().flatten().all(|figure| figure.is_finite());
        require(finite, || "shortened".to_owned(), || "made of finite numbers".to_owned())?;
        Ok(shortened.checkpoints)
    }
}

impl Location<'_> {
    fn at(&self, name: &str) -> String {
        format!("{}.{name}", self.path)
    }

    fn length(&self, name: &str, length: usize, expected: usize, what: &str) -> Result<(), Error> {
        require(
            length == expected,
            || self.at(name),
            || format!("{expected} long, one entry per {what}, and is {length}"),
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

    fn index(&self, name: &str, index: usize, below: usize) -> Result<(), Error> {
        require(index < below, || self.at(name), || format!("below {below}, and is {index}"))
    }

    fn domain(&self, domain: &Domain) -> Result<(), Error> {
        self.finite("memorization.eps", &domain.memorization.eps)?;
        self.steps("memorization.t_star", &domain.memorization.t_star)?;
        if let Some(generalization) = &domain.generalization {
            self.steps("generalization.t_sharp", &generalization.t_sharp)?;
        }
        self.finite("memorization.causal_eps", &domain.memorization.causal_eps)?;
        self.causal("memorization.causal", &domain.memorization.causal)?;
        if let Some(generalization) = &domain.generalization {
            self.causal("generalization.causal", &generalization.causal)?;
        }
        self.states(domain)?;
        self.selections(domain)?;
        if let Some(delays) = &domain.delays {
            self.delays(delays)?;
        }
        domain.correlations.iter().try_for_each(|correlation| self.correlation(correlation))?;
        self.finite("clock", &domain.clock)?;
        domain.changes.iter().try_for_each(|change| self.change(change))
    }

    /// Checks counts by step, which are empty where a link left them out.
    fn steps(&self, name: &str, counts: &[usize]) -> Result<(), Error> {
        let length = if counts.is_empty() { 0 } else { self.checkpoints };
        self.length(name, counts.len(), length, "checkpoint")
    }

    fn causal(&self, name: &str, steps: &CausalSteps) -> Result<(), Error> {
        let CausalSteps { first, declared, relapses, half, .. } = steps;
        for (list, counts) in [("first", first), ("declared", declared), ("relapses", relapses)] {
            self.steps(&format!("{name}.{list}"), counts)?;
        }
        half.map_or(Ok(()), |half| self.index(&format!("{name}.half"), half, self.checkpoints))
    }

    fn states(&self, domain: &Domain) -> Result<(), Error> {
        if !domain.states.is_empty() {
            self.length("states", domain.states.len(), self.checkpoints, "checkpoint")?;
        }
        for (at, state) in domain.states.iter().enumerate() {
            let figures = [state.level, state.change, state.se, state.lower, state.upper];
            self.finite("states", figures.iter().flatten())?;
            if let Some(reference) = state.reference {
                self.index("states.reference", reference, at + 1)?;
            }
        }
        Ok(())
    }

    fn change(&self, change: &Change) -> Result<(), Error> {
        self.index("changes.to", change.to, self.checkpoints)?;
        self.index("changes.from", change.from, change.to)?;
        require(change.n >= 3, || self.at("changes.n"), || "3 or more".to_owned())?;
        self.finite("changes", [&change.ratio, &change.se_ratio, &change.half_width])
    }

    fn course(&self, course: &Course) -> Result<(), Error> {
        self.series("values", &course.values)?;
        if let Some(se) = &course.se {
            self.series("se", se)?;
        }
        self.finite("tau", &course.tau)?;
        if let Some(layer) = course.layer {
            self.index("layer", layer, self.layers)?;
        }
        if let Some(t_star) = course.t_star {
            self.index("t_star", t_star, self.checkpoints)?;
        }
        let Some(metric) = course.definition() else { return Ok(()) };
        let scope = metric.scope;
        let layer_fits = match scope.layers {
            Layers::Never => course.layer.is_none(),
            Layers::Also => true,
            Layers::Only => course.layer.is_some(),
        };
        for (name, fits) in [
            ("group", scope.groups || course.group == crate::Group::All),
            ("layer", layer_fits),
            ("tau", scope.threshold == course.tau.is_some()),
            ("t_star", scope.t_star || course.t_star.is_none()),
            ("other_domain", scope.domain_pairs || course.other_domain.is_none()),
        ] {
            require(fits, || self.at(name), || format!("as the metric {:?} has it", metric.id))?;
        }
        Ok(())
    }

    /// Checks expert selections and co-activations.
    fn selections(&self, domain: &Domain) -> Result<(), Error> {
        if !domain.expert_selections.is_empty() {
            self.length("expert_selections", domain.expert_selections.len(), self.checkpoints, "checkpoint")?;
        }
        for layers in domain.expert_selections.iter().flatten() {
            self.length("expert_selections", layers.len(), self.layers, "layer")?;
            for counts in layers {
                self.length("expert_selections", counts.len(), self.experts, "expert")?;
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
        self.finite("delays.null_share", &delays.null_share)?;
        self.finite("delays.second_best_total", &delays.second_best_total)
    }

    fn correlation(&self, correlation: &Correlation) -> Result<(), Error> {
        let Correlation {
            pearson, spearman, increments_r, increments_p, increments_clock_p, partial, ..
        } = correlation;
        let of_increments = [increments_r, increments_p, increments_clock_p, partial];
        self.finite("correlations", of_increments.into_iter().flatten())?;
        let Correlation {
            checkpoint_permutation_p: p, checkpoint_permutation_p_spearman: p_spearman, ..
        } = correlation;
        self.finite("correlations", [pearson, p, spearman, p_spearman].into_iter().flatten())?;
        let within = correlation.n <= self.measured;
        require(within, || self.at("correlations.n"), || format!("at most {}", self.measured))
    }
}
