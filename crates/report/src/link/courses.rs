//! Codes the figures of the courses, each as a column of integers.

use std::collections::BTreeMap;

use super::{
    coder::AdaptiveModel,
    column::{self, Memory},
    numbers::Numbers,
    scale::{self, Scale},
    states,
    tree::Codec,
};
use crate::{
    Course, Error, Group, Report, Series,
    metrics::{self, SE_FEWER_BITS},
};

/// Cost of a course in the limit of values per link, besides its figures.
pub(super) const WEIGHT: u64 = 30;
/// Number of previous columns considered as related.
const MOST_BACK: usize = 16;

/// Expected errors of the first and of later values of figures and of standard errors, in ranges.
const FIGURES: (f64, f64) = (2.0, 0.05);
const ERRORS: (f64, f64) = (0.8, 0.03);

/// Courses of a kind predict each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    /// Whole groups at the threshold of the settings.
    Main,
    OtherTau,
    Layer,
    TStar,
    Pair,
}

fn kind_of(course: &Course, tau: f64) -> Kind {
    if course.other_domain.is_some() {
        Kind::Pair
    } else if course.t_star.is_some() {
        Kind::TStar
    } else if course.layer.is_some() {
        Kind::Layer
    } else if course.tau.is_some_and(|at| at.to_bits() != tau.to_bits()) {
        Kind::OtherTau
    } else {
        Kind::Main
    }
}

/// Columns that share a step size: metric, whether standard errors, whether secondary.
type ScaleKey = (String, bool, bool);

pub(super) type Scales = BTreeMap<ScaleKey, Scale>;

fn scale_key(course: &Course, errors: bool, kind: Kind) -> ScaleKey {
    (course.metric.clone(), errors, kind != Kind::Main)
}

/// Bits of a column: fewer for standard errors, for secondary columns, and by the metric; at least
/// three.
fn bits_of((metric, errors, side): &ScaleKey, bits: u8) -> (u8, metrics::Scale) {
    let row = metrics::metric(metric);
    let fewer = if metric == states::METRIC {
        states::FEWER_BITS
    } else if *errors {
        SE_FEWER_BITS
    } else {
        row.map_or(0, |row| row.link.fewer_bits).max(if *side { 2 } else { 0 })
    };
    let scale = row.filter(|_| !errors).map_or(metrics::Scale::Linear, |row| row.link.scale);
    (bits.saturating_sub(fewer).max(3), scale)
}

/// Computes the step sizes of all courses, with `bits` bits for a main figure.
///
/// # Errors
/// A figure is too large.
pub(super) fn scales(report: &Report, bits: u8) -> Result<Scales, Error> {
    let mut columns: BTreeMap<ScaleKey, Vec<(u64, &Series)>> = BTreeMap::new();
    for course in &report.courses {
        let kind = kind_of(course, report.settings.tau);
        let n = course.n.unwrap_or(0);
        columns.entry(scale_key(course, false, kind)).or_default().push((n, &course.values));
        if let Some(se) = &course.se {
            columns.entry(scale_key(course, true, kind)).or_default().push((0, se));
        }
    }
    // Secondary columns use the range of the whole metric.
    let columns_of = columns.clone();
    let scale = |(key, columns): (ScaleKey, Vec<(u64, &Series)>)| {
        let (bits, scale) = bits_of(&key, bits);
        let all: Vec<(u64, &Series)> = columns_of
            .iter()
            .filter(|(other, _)| other.0 == key.0 && other.1 == key.1)
            .flat_map(|(_, columns)| columns.iter().copied())
            .collect();
        let figures = all.iter().flat_map(|(_, column)| column.iter().flatten().copied());
        let extent = (f64::INFINITY, f64::NEG_INFINITY);
        let (least, most) =
            figures.fold(extent, |(least, most), figure| (least.min(figure), most.max(figure)));
        if least.max(-scale::MOST) < least.min(-scale::MOST) || least < -scale::MOST || most > scale::MOST {
            let expected = format!("numbers of at most {:e}", scale::MOST);
            return Err(Error::Inconsistent { place: format!("courses of {}", key.0), expected });
        }
        // Exact counts must not cost more than rounded shares.
        let shares = |n: u64, figure: f64| {
            let near = (figure * n as f64).round() / n as f64;
            (1..1 << bits).contains(&n) && figure.abs() <= 2.0 && (near - figure).abs() <= 1e-9 * figure.abs()
        };
        let mut all =
            columns.iter().flat_map(|(n, column)| column.iter().flatten().map(|figure| (*n, *figure)));
        let scale = if all.all(|(n, figure)| shares(n, figure)) {
            Scale::Shares
        } else {
            Scale::new(scale, bits, least, most)
        };
        Ok((key, scale))
    };
    columns.into_iter().map(scale).collect()
}

fn unit(course: &Course) -> Option<metrics::MetricUnit> {
    course.definition().map(|metric| metric.unit)
}

/// A column coded earlier.
struct Coded<'r> {
    course: &'r Course,
    kind: Kind,
    errors: bool,
    /// Values in steps and as figures, with gaps filled.
    steps: Vec<f64>,
    figures: Vec<f64>,
}

/// Codes the figures of all courses with `scales`, and stores the rounded figures in the report.
pub(super) fn code(
    codec: &mut Codec<'_>,
    numbers: &mut Numbers,
    report: &mut Report,
    scales: Option<Scales>,
    bits: u8,
) -> Result<(), Error> {
    let (checkpoints, tau) = (report.checkpoints.len(), report.settings.tau);
    let given = scales.is_some();
    let mut scales = scales.unwrap_or_default();
    let mut known: BTreeMap<ScaleKey, Scale> = BTreeMap::new();
    let mut exponent = -3;
    let mut memories: BTreeMap<(ScaleKey, Kind, Group), Memory> = BTreeMap::new();
    let mut presence = Presence::new();
    let mut figures: Vec<(Series, Option<Series>)> = Vec::new();
    let mut coded: Vec<Coded<'_>> = Vec::new();
    for course in &report.courses {
        let kind = kind_of(course, tau);
        let n = course.n.unwrap_or(0);
        codec.spend(WEIGHT)?;
        let mut column = |errors: bool, series: &Series| -> Result<Series, Error> {
            codec.spend(checkpoints as u64)?;
            let key = scale_key(course, errors, kind);
            let scale = match known.get(&key) {
                Some(scale) => *scale,
                None => Scale::code(scales.remove(&key), &mut codec.coder, numbers, &mut exponent)?,
            };
            known.insert(key.clone(), scale);
            let steps = |figure: &Option<f64>| figure.map(|figure| scale.steps(figure, n));
            let mut steps: Vec<Option<i64>> =
                if given { series.iter().map(steps).collect() } else { vec![None; checkpoints] };
            presence.code(codec, &mut steps)?;
            let mut at = Vec::new();
            if !matches!(scale, Scale::Same(_)) {
                let back = || {
                    coded.iter().rev().take(MOST_BACK).filter(|other| other.course.domain == course.domain)
                };
                let same =
                    back().find(|other| other.course.metric == course.metric && other.errors == errors);
                let near = back().filter(|other| {
                    other.course.group == course.group
                        && other.kind == kind
                        && (other.errors == errors || std::ptr::eq(other.course, course))
                        && same.is_none_or(|same| !std::ptr::eq(*other, same))
                });
                let near: Vec<&Coded<'_>> = near.take(2).collect();
                // Some metrics are ratios of others.
                let quotient = match near[..] {
                    [by, of] => {
                        of.figures.iter().zip(&by.figures).map(|(of, by)| scale.unrounded(of / by)).collect()
                    }
                    _ => Vec::new(),
                };
                let mut related: Vec<(Vec<f64>, bool)> = same
                    .into_iter()
                    .chain(near)
                    .map(|other| {
                        let alike = other.errors == errors && unit(other.course) == unit(course);
                        if alike {
                            (other.figures.iter().map(|figure| scale.unrounded(*figure)).collect(), true)
                        } else {
                            (other.steps.clone(), false)
                        }
                    })
                    .collect();
                if !quotient.is_empty() && quotient.iter().all(|figure: &f64| figure.abs() < 1e9) {
                    related.push((quotient, false));
                }
                let alike: Vec<bool> = related.iter().map(|(_, alike)| *alike).collect();
                let related: Vec<&[f64]> = related.iter().map(|(steps, _)| &steps[..]).collect();
                let (first, later) = if errors { ERRORS } else { FIGURES };
                let range = f64::from(1_u32 << bits_of(&key, bits).0);
                let key = (key, kind, course.group);
                let of_all = memories.get(&(key.0.clone(), kind, Group::All)).map(Memory::usual);
                let later = of_all.unwrap_or(later * range);
                let memory =
                    memories.entry(key).or_insert_with(|| Memory::expecting(first * range, later, &alike));
                column::code(&mut codec.coder, numbers, memory, &related, &mut steps)?;
                at.clone_from(&memory.last);
            }
            let figures = at.iter().map(|steps| scale.figure(*steps as i64, n)).collect::<Result<_, _>>()?;
            coded.push(Coded { course, kind, errors, steps: at, figures });
            steps.into_iter().map(|steps| steps.map(|steps| scale.figure(steps, n)).transpose()).collect()
        };
        let values = column(false, &course.values)?;
        let se = course.se.as_ref().map(|se| column(true, se)).transpose()?;
        figures.push((values, se));
    }
    for (course, (values, se)) in report.courses.iter_mut().zip(figures) {
        (course.values, course.se) = (values, se);
    }
    Ok(())
}

/// Codes which figures are defined: usually all, or the same as in the last column with gaps.
struct Presence {
    gaps: AdaptiveModel,
    /// By whether the last column with gaps has one here, and whether the previous value is one.
    gap: [[AdaptiveModel; 2]; 2],
    last: Vec<bool>,
}

impl Presence {
    fn new() -> Self {
        let [rare, usual] = [AdaptiveModel::expecting(0.9, 4), AdaptiveModel::expecting(0.1, 4)];
        Self { gaps: AdaptiveModel::EVEN, gap: [[rare, rare], [usual, usual]], last: Vec::new() }
    }

    fn code(&mut self, codec: &mut Codec<'_>, steps: &mut [Option<i64>]) -> Result<(), Error> {
        let gaps = codec.coder.bit(&mut self.gaps, steps.iter().any(Option::is_none))?;
        let mut before = false;
        self.last.resize(steps.len(), false);
        for (entry, last) in steps.iter_mut().zip(&mut self.last).filter(|_| gaps) {
            let model = &mut self.gap[usize::from(*last)][usize::from(before)];
            before = codec.coder.bit(model, entry.is_none())?;
            *last = before;
            *entry = (!before).then(|| entry.unwrap_or(0));
        }
        if !gaps {
            for entry in steps {
                entry.get_or_insert(0);
            }
        }
        Ok(())
    }
}
