//! The metrics of a run over training, stacked on one horizontal axis.

mod onsets;
mod options;

use report::{
    Band, Bounds, Domain, Group, METRICS, Metric, OnsetRule, Report, Series, Shown, WHOLE_RUN,
    metrics::MetricUnit,
};

use crate::{
    axis::Scale,
    chart,
    figure::Figure,
    lines::{Line, Lines, Room},
    number, series,
};

pub use self::options::TimelineOptions;
use self::options::visible;

/// The timeline's figures from top to bottom; figures without values are omitted.
///
/// `onsets`, then one per metric that [`METRICS`] shows as a chart, with `memorized` after the losses. Each chart but
/// the first has a selection `hover` over the field `checkpoint` (the index of the checkpoint nearest to the pointer)
/// and a parameter `cursor` that shows the crosshair at that index, -1 for none. In every chart, the parameter `upto` is
/// the index of the last checkpoint drawn.
#[must_use]
pub fn timeline(report: &Report, options: &TimelineOptions) -> Vec<Figure> {
    if report.checkpoints.is_empty() {
        return Vec::new();
    }
    let builder = Builder { report, options };
    let mut figures: Vec<Figure> = onsets::onsets(report, options).into_iter().collect();
    let charted = METRICS.iter().filter(|metric| matches!(metric.shown, Shown::Chart | Shown::Timeline));
    figures.extend(charted.filter_map(|metric| builder.metric(metric)));
    let after_losses = figures.iter().position(|figure| figure.id == "loss").map_or(0, |at| at + 1);
    if let Some(memorized) = builder.memorized() {
        figures.insert(
            after_losses.max(figures.iter().take_while(|figure| figure.id == "onsets").count()),
            memorized,
        );
    }
    figures
}

struct Builder<'a> {
    report: &'a Report,
    options: &'a TimelineOptions,
}

impl<'a> Builder<'a> {
    fn lines(
        &self,
        id: impl Into<String>,
        title: impl Into<String>,
        line: impl Fn(&'a Domain) -> Option<Drawn>,
    ) -> Lines<'a> {
        let lines = visible(self.report, self.options).filter_map(|(index, domain)| {
            let Drawn { value, band, reference, n } = line(domain)?;
            Some(Line { domain: index, value, band, reference, n })
        });
        self.of_lines(id, title, lines.collect())
    }

    fn of_lines(&self, id: impl Into<String>, title: impl Into<String>, courses: Vec<Line>) -> Lines<'a> {
        Lines {
            report: self.report,
            axis: self.options.axis,
            scale: Scale::new(self.report, self.options.axis, self.options.range),
            room: Room::of(visible(self.report, self.options).map(|(_, domain)| domain.name.as_str())),
            smooth: self.options.smooth,
            log: false,
            theme: self.options.theme,
            present: self.options.present,
            width: self.options.width,
            height: self.options.height,
            id: id.into(),
            title: title.into(),
            subtitle: String::new(),
            measure: String::new(),
            unit: None,
            range: None,
            band_names: ("95 % low", "95 % high"),
            reference_name: String::new(),
            courses,
        }
    }

    fn gates(&self) -> &'static str {
        chart::gate_label(self.report).unwrap_or_default()
    }

    fn group(&self) -> &'static str {
        chart::of_group(self.options.group).trim_start_matches("the ")
    }

    /// The courses of a metric, with its band and the metric to compare it with.
    fn metric(&self, metric: &'static Metric) -> Option<Figure> {
        let report = self.report;
        let group = if metric.scope.groups { self.options.group } else { Group::All };
        let compared = metric.reference.and_then(report::metric);
        let checkpoints = report.checkpoints.len();
        let course = |domain: &str, id: &str, group: Group| {
            let course = report.course(domain, id, group)?;
            (!series::defined(&course.values, checkpoints).is_empty()).then_some(course)
        };
        let values = |domain: &str, id: &str, group: Group| Some(course(domain, id, group)?.values.clone());
        let reference = |domain: &str| {
            let compared = compared?;
            values(domain, compared.id, if compared.scope.groups { group } else { Group::All })
        };
        let drawn = |domain: &str| {
            let found = course(domain, metric.id, group)?;
            let value = found.values.clone();
            let band = match metric.band {
                Band::None => None,
                Band::HalfWidth(id) => {
                    values(domain, id, group).map(|half| around(&value, &half, checkpoints))
                }
                Band::Quartiles(low, high) => values(domain, low, group).zip(values(domain, high, group)),
            };
            Some(Drawn { value, band, reference: reference(domain), n: found.n })
        };
        let id = metric.id.replace('_', "-");
        let mut lines = if metric.scope.whole_run {
            let line = drawn(WHOLE_RUN).map(|Drawn { value, band, reference, n }| Line {
                domain: report.domains.len(),
                value,
                band,
                reference,
                n,
            });
            self.of_lines(id, metric.name, line.into_iter().collect())
        } else {
            self.lines(id, metric.name, |domain| drawn(&domain.name))
        };
        let mut clipped = false;
        let is_share = metric.unit == MetricUnit::Share;
        lines.range = match (metric.band, metric.bounds) {
            (Band::Quartiles(..), _) => {
                let (range, cut) = quartile_range(&lines.courses, &lines.visible());
                clipped = cut;
                range
            }
            // A zoomed chart shows the range of what is visible.
            (_, Bounds::Between(low, high)) if is_share && self.options.range.is_none() => Some((low, high)),
            _ => None,
        };
        lines.log = self.options.log && !is_share && lines.are_positive();
        if metric.scope.groups {
            lines.title = format!("{}, {}", metric.name, self.group());
        }
        let threshold = if metric.scope.threshold { chart::tau(report.settings.tau) } else { String::new() };
        let band = match metric.band {
            Band::None => "",
            Band::HalfWidth(_) => "mean with 95 % interval",
            Band::Quartiles(..) => "median with quartiles",
        };
        if let Some(compared) = compared.filter(|_| lines.courses.iter().any(|line| line.reference.is_some()))
        {
            lines.reference_name = compared.name.to_ascii_lowercase();
        }
        let dotted = match lines.reference_name.as_str() {
            "" => String::new(),
            name => format!("dotted: {name}"),
        };
        lines.subtitle = chart::subtitle([
            metric.summary.trim_end_matches('.'),
            threshold.as_str(),
            band,
            if clipped { "quartiles outside the frame are clipped" } else { "" },
            dotted.as_str(),
            most(report, metric).as_str(),
            if chart::is_of_gates(metric) { self.gates() } else { "" },
        ]);
        lines.measure = metric.name.into();
        lines.unit = chart::unit(report, metric);
        if let Band::Quartiles(..) = metric.band {
            lines.band_names = ("lower quartile", "upper quartile");
        }
        lines.figure()
    }

    fn memorized(&self) -> Option<Figure> {
        let checkpoints = self.report.checkpoints.len();
        let mut lines = self.lines("memorized", "Memorized share", |domain| {
            let mut seen = 0_u128;
            self.report.eps(domain)?;
            let share = self.report.sample_steps(domain).iter().take(checkpoints).map(|&count| {
                seen += count as u128;
                (domain.samples > 0).then(|| (seen as f64 / domain.samples as f64).min(1.0))
            });
            Some(Drawn {
                value: share.collect(),
                band: None,
                reference: None,
                n: Some(domain.samples as u64),
            })
        });
        lines.subtitle = match self.report.settings.onset_rule {
            OnsetRule::Causal => {
                "share of samples that have reached t°, which is known two checkpoints later"
            }
            OnsetRule::Paper => "share of samples that have reached t*; unconfirmed at the last checkpoint",
        }
        .into();
        lines.measure = "Share of samples".into();
        lines.range = self.options.range.is_none().then_some((0.0, 1.0));
        lines.figure()
    }
}

/// The largest possible value of an entropy metric, as text.
fn most(report: &Report, metric: &Metric) -> String {
    match metric.bounds {
        Bounds::EntropyOfExperts if report.run.experts > 0 => {
            format!("at most {} nats", number::plain(libm::log(report.run.experts as f64)))
        }
        _ => String::new(),
    }
}

/// The series of one line.
struct Drawn {
    value: Series,
    band: Option<(Series, Series)>,
    reference: Option<Series>,
    /// Samples or items behind the values.
    n: Option<u64>,
}

/// Lower and upper bound around a series; undefined where either input is.
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

/// The range of medians and quartiles. If quartiles explode (docs/metrics.md#pathway-consistency), the range of the
/// medians with a margin of twice their span. Also returns whether that clips a band. Only the given checkpoints count.
fn quartile_range(lines: &[Line], visible: &[usize]) -> (Option<(f64, f64)>, bool) {
    let of = |values: &Series| visible.iter().filter_map(|&at| series::at(values, at)).collect::<Vec<_>>();
    let medians = series::extent(lines.iter().flat_map(|line| of(&line.value)));
    let bands = lines.iter().filter_map(|line| line.band.as_ref());
    let bands = bands.flat_map(|(low, high)| [of(low), of(high)].concat());
    let Some((low, high)) = medians else { return (None, false) };
    let (lowest, highest) = series::extent(bands.chain([low, high])).unwrap_or((low, high));
    let room = 2.0 * (high - low).max(0.1);
    let range = (lowest.max(low - room), highest.min(high + room));
    (Some(series::padded(range)), range != (lowest, highest))
}
