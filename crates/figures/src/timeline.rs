//! The courses of a run, stacked on one horizontal axis.

mod onsets;

use report::{Domain, Group, Report, Series};

use crate::{
    axis::Axis,
    chart,
    figure::Figure,
    lines::{Line, Lines},
    series,
    theme::Theme,
};

/// What the timeline shows.
#[derive(Clone, Debug, PartialEq)]
pub struct TimelineOptions {
    /// What the horizontal axis measures.
    pub axis: Axis,
    /// Light or dark ground.
    pub theme: Theme,
    /// Which samples distance, consistency and effective dimension are of.
    pub group: Group,
    /// Names of the domains that are switched off.
    pub hidden: Vec<String>,
    /// Type of 1.6 times the size, for a projector.
    pub present: bool,
    /// Width in pixels; the container's width when absent.
    pub width: Option<u32>,
}

impl Default for TimelineOptions {
    fn default() -> Self {
        Self {
            axis: Axis::Step,
            theme: Theme::Light,
            group: Group::Memorized,
            hidden: Vec::new(),
            present: false,
            width: None,
        }
    }
}

/// The timeline's figures from top to bottom; a figure for which the report has no value is left out.
///
/// `onsets`, `loss`, `memorized`, `accuracy`, `distance`, `consistency`, `smoothness`, `entropy`, `dimension`.
/// Each chart but the first has a selection `hover` over the field `checkpoint` (the index of the checkpoint that
/// is nearest to the pointer) and a parameter `cursor` that shows the crosshair at that index, -1 for none.
#[must_use]
pub fn timeline(report: &Report, options: &TimelineOptions) -> Vec<Figure> {
    if report.checkpoints.is_empty() {
        return Vec::new();
    }
    let builder = Builder { report, options };
    [
        onsets::onsets(report, options),
        builder.loss(),
        builder.memorized(),
        builder.accuracy(),
        builder.distance(),
        builder.consistency(),
        builder.smoothness(),
        builder.entropy(),
        builder.dimension(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Domains that are switched on, with their index in the report.
fn visible<'a>(report: &'a Report, options: &TimelineOptions) -> impl Iterator<Item = (usize, &'a Domain)> {
    report.domains.iter().enumerate().filter(|(_, domain)| !options.hidden.contains(&domain.name))
}

struct Builder<'a> {
    report: &'a Report,
    options: &'a TimelineOptions,
}

impl<'a> Builder<'a> {
    fn lines(
        &self,
        id: &'static str,
        title: impl Into<String>,
        line: impl Fn(&'a Domain) -> Option<Course>,
    ) -> Lines<'a> {
        let lines = visible(self.report, self.options).filter_map(|(index, domain)| {
            let Course { value, band, reference } = line(domain)?;
            Some(Line { domain: index, value, band, reference })
        });
        Lines {
            report: self.report,
            axis: self.options.axis,
            theme: self.options.theme,
            present: self.options.present,
            width: self.options.width,
            id,
            title: title.into(),
            subtitle: String::new(),
            measure: "",
            unit: None,
            range: None,
            band_names: ("95 % low", "95 % high"),
            reference_name: "",
            courses: lines.collect(),
        }
    }

    fn gates(&self) -> &'static str {
        chart::gate_label(self.report).unwrap_or_default()
    }

    fn group(&self) -> &'static str {
        chart::of_group(self.options.group).trim_start_matches("the ")
    }

    fn loss(&self) -> Option<Figure> {
        let validated =
            visible(self.report, self.options).any(|(_, domain)| domain.validation_loss.is_some());
        let mut lines = self.lines(
            "loss",
            if validated { "Training and validation loss" } else { "Training loss" },
            |domain| {
                Some(Course { reference: domain.validation_loss.clone(), ..Course::of(domain.loss.clone()) })
            },
        );
        lines.subtitle =
            chart::subtitle(["mean over all samples", if validated { "dotted: validation" } else { "" }]);
        lines.measure = "Loss";
        lines.unit = Some("nats a token");
        lines.reference_name = "validation";
        lines.figure()
    }

    fn memorized(&self) -> Option<Figure> {
        let checkpoints = self.report.checkpoints.len();
        let mut lines = self.lines("memorized", "Memorized share", |domain| {
            let mut seen = 0_u128;
            domain.memorization.eps?;
            let share = domain.memorization.t_star.iter().take(checkpoints).map(|&count| {
                seen += count as u128;
                (domain.samples > 0).then(|| (seen as f64 / domain.samples as f64).min(1.0))
            });
            Some(Course::of(share.collect()))
        });
        lines.subtitle = "loss low and settled (t*); unconfirmed at the last checkpoint".into();
        lines.measure = "Share of samples";
        lines.range = Some((0.0, 1.0));
        lines.figure()
    }

    fn accuracy(&self) -> Option<Figure> {
        let mut lines =
            self.lines("accuracy", "Benchmark accuracy", |domain| Some(Course::of(domain.accuracy.clone()?)));
        lines.measure = "Accuracy";
        lines.range = Some((0.0, 1.0));
        lines.figure()
    }

    fn distance(&self) -> Option<Figure> {
        let mut lines = self.lines("distance", format!("Pathway distance, {}", self.group()), |domain| {
            let distance = domain.distance_of(self.options.group)?;
            Some(Course {
                value: distance.mean.clone(),
                band: Some(around(&distance.mean, &distance.ci, self.report.checkpoints.len())),
                reference: Some(domain.null_distance.clone()),
            })
        });
        lines.subtitle = chart::subtitle([
            chart::tau(self.report.settings.tau).as_str(),
            "mean with 95 % interval",
            "dotted: unrelated pathways of the same lengths",
            self.gates(),
        ]);
        lines.measure = "Distance";
        lines.unit = Some(self.report.unit_name());
        lines.reference_name = "unrelated";
        lines.figure()
    }

    fn consistency(&self) -> Option<Figure> {
        let mut lines =
            self.lines("consistency", format!("Pathway consistency, {}", self.group()), |domain| {
                let consistency = domain.consistency_of(self.options.group)?;
                let band = (consistency.lower.clone(), consistency.upper.clone());
                Some(Course { band: Some(band), ..Course::of(consistency.median.clone()) })
            });
        let (range, clipped) = quartile_range(&lines.courses);
        lines.range = range;
        lines.subtitle = chart::subtitle([
            "1 − C, higher is smoother",
            "median with quartiles",
            if clipped { "quartiles beyond the frame are cut off" } else { "" },
            self.gates(),
        ]);
        lines.measure = "Consistency";
        lines.band_names = ("lower quartile", "upper quartile");
        lines.figure()
    }

    fn smoothness(&self) -> Option<Figure> {
        let mut lines = self.lines("smoothness", format!("Smoothness, {}", self.group()), |domain| {
            Some(Course::of(domain.consistency_of(self.options.group)?.smoothness.clone()))
        });
        lines.subtitle = chart::subtitle(["mean cosine between adjacent layers, from −1 to 1", self.gates()]);
        lines.measure = "Cosine";
        lines.figure()
    }

    fn entropy(&self) -> Option<Figure> {
        let of_tokens = visible(self.report, self.options)
            .any(|(_, domain)| domain.token_entropy.iter().any(Option::is_some));
        let mut lines = self.lines("entropy", "Routing entropy of all samples", |domain| {
            let reference = of_tokens.then(|| domain.token_entropy.clone());
            Some(Course { reference, ..Course::of(domain.entropy.clone()) })
        });
        let most = self.report.run.experts as f64;
        let most = if most >= 1.0 {
            format!("at most {} nats", crate::number::plain(libm::log(most)))
        } else {
            String::new()
        };
        lines.subtitle = chart::subtitle([
            if self.gates().is_empty() {
                "of mean gates, mean over layers"
            } else {
                "of selection frequencies, mean over layers"
            },
            if of_tokens { "dotted: of single tokens" } else { "" },
            most.as_str(),
            self.gates(),
        ]);
        lines.measure = "Entropy";
        lines.unit = Some("nats");
        lines.reference_name = "tokens";
        lines.figure()
    }

    fn dimension(&self) -> Option<Figure> {
        let mut lines = self.lines("dimension", format!("Effective dimension, {}", self.group()), |domain| {
            Some(Course::of(domain.spectrum_of(self.options.group)?.mean.clone()))
        });
        lines.subtitle = chart::subtitle([
            "mean over layers",
            format!("α = {}", self.report.settings.alpha).as_str(),
            "not comparable between groups of different size",
            self.gates(),
        ]);
        lines.measure = "Dimension";
        lines.figure()
    }
}

/// The series of one line.
struct Course {
    value: Series,
    band: Option<(Series, Series)>,
    reference: Option<Series>,
}

impl Course {
    fn of(value: Series) -> Self {
        Self { value, band: None, reference: None }
    }
}

/// Bounds at so much below and above a series; undefined where either is.
fn around(mean: &[Option<f64>], half: &[Option<f64>], checkpoints: usize) -> (Series, Series) {
    let bound = |sign: f64| {
        let at = |index: usize| {
            let (mean, half) = ((*mean.get(index)?)?, (*half.get(index)?)?);
            Some(mean + sign * half)
        };
        (0..checkpoints).map(at).collect()
    };
    (bound(-1.0), bound(1.0))
}

/// The range of the medians and quartiles; where quartiles explode (METRICS 4) that of the medians with room for
/// twice their span on either side, and whether that cuts a band off.
fn quartile_range(lines: &[Line]) -> (Option<(f64, f64)>, bool) {
    let medians = series::extent(lines.iter().flat_map(|line| &line.value).copied().flatten());
    let bands =
        lines.iter().filter_map(|line| line.band.as_ref()).flat_map(|(low, high)| low.iter().chain(high));
    let Some((low, high)) = medians else { return (None, false) };
    let (lowest, highest) =
        series::extent(bands.copied().flatten().chain([low, high])).unwrap_or((low, high));
    let room = 2.0 * (high - low).max(0.1);
    let range = (lowest.max(low - room), highest.min(high + room));
    (Some(series::padded(range)), range != (lowest, highest))
}
