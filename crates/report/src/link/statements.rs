//! The walk over what is said of a domain's courses: delays and correlations. Both follow nearly from what is
//! already in the link, so only the difference is carried.

use super::{
    pen::Pen,
    range::Bits,
    role::{Role, Slot},
    shape::{group, next_of},
};
use crate::{Correlation, Delays, Domain, Error, Group, Matched, Pair, Settings};

/// Walks over the delays.
pub(super) fn delays<B: Bits>(
    pen: &mut Pen<'_, B>,
    steps: &[u64],
    settings: &Settings,
    domain: &mut Domain,
) -> Result<(), Error> {
    let Domain { delays, memorization, generalization, .. } = domain;
    let empty = || Delays {
        from_gates: false,
        train: Vec::new(),
        test: Vec::new(),
        scores: Vec::new(),
        pairs: Vec::new(),
        total: 0.0,
        second_best_total: None,
    };
    let (true, Some(delays)) = (pen.part(delays, empty)?, delays) else { return Ok(()) };
    delays.from_gates = pen.flag(Slot::Choice, delays.from_gates)?;
    let counted = if settings.unconfirmed { steps.len() } else { steps.len().saturating_sub(1) };
    let none = Vec::new();
    let t_sharp = generalization.as_ref().map_or(&none, |generalization| &generalization.t_sharp);
    matched(pen, steps.len(), memorization.t_star.get(..counted).unwrap_or(&[]), &mut delays.train)?;
    matched(pen, steps.len(), t_sharp.get(..counted).unwrap_or(&[]), &mut delays.test)?;
    let (rows, columns) = (delays.train.len(), delays.test.len());
    if pen.parts.scores && pen.flag(Slot::Present, !delays.scores.is_empty())? {
        pen.spend((rows * columns.max(2)) as u64)?;
        delays.scores.resize(rows, Vec::new());
        for row in &mut delays.scores {
            row.resize(columns, 0.0);
            let mut column: Vec<Option<f64>> = row.iter().copied().map(Some).collect();
            pen.figures(Role::Score, Group::All, &[], &mut column)?;
            for (score, read) in row.iter_mut().zip(column) {
                *score = read.ok_or(Error::LinkDamaged { place: "a figure is missing" })?;
            }
        }
    } else {
        delays.scores.clear();
    }
    let blank = Pair { train: 0, test: 0, delay: 0, score: 0.0 };
    pen.length((Slot::Match, "matched pairs"), steps.len(), rows.min(columns), 4, &mut delays.pairs, &blank)?;
    let Delays { train, test, pairs, .. } = delays;
    let (mut near_row, mut near_column) = (0, 0);
    for pair in pairs.iter_mut() {
        pair.train = pen.size(Slot::Match, "groups", rows, near_row, pair.train)?;
        pair.test = pen.size(Slot::Assignment, "groups", columns, near_column, pair.test)?;
        (near_row, near_column) = (pair.train + 1, pair.test + 1);
        let step_of = |groups: &[Matched], group: usize| {
            groups.get(group).and_then(|group| steps.get(group.checkpoint)).copied().unwrap_or(0)
        };
        let near = step_of(test, pair.test).wrapping_sub(step_of(train, pair.train));
        pair.delay = pen.number(Slot::Delay, near, pair.delay.cast_unsigned())?.cast_signed();
    }
    let mut scores: Vec<Option<f64>> = pairs.iter().map(|pair| Some(pair.score)).collect();
    pen.figures(Role::PairScore, Group::All, &[], &mut scores)?;
    for (pair, score) in pairs.iter_mut().zip(scores) {
        pair.score = score.ok_or(Error::LinkDamaged { place: "a figure is missing" })?;
    }
    let sum = pairs.iter().map(|pair| pair.score).sum();
    let mut total = vec![Some(delays.total)];
    pen.follows(Role::Total, Group::All, vec![Some(sum)], &mut total)?;
    if let [Some(total)] = total[..] {
        delays.total = total;
    }
    pen.figures(Role::Second, Group::All, &[], std::slice::from_mut(&mut delays.second_best_total))
}

/// Groups of equal step: mostly just those that the counts tell of.
fn matched<B: Bits>(
    pen: &mut Pen<'_, B>,
    checkpoints: usize,
    counts: &[usize],
    groups: &mut Vec<Matched>,
) -> Result<(), Error> {
    let expected = counts.iter().filter(|count| **count > 0).count();
    let blank = Matched { checkpoint: 0, count: 0 };
    pen.length((Slot::Match, "groups"), checkpoints, expected, 2, groups, &blank)?;
    let mut next = 0;
    for Matched { checkpoint, count } in groups {
        let near = next_of(counts, next);
        *checkpoint = pen.size(Slot::Match, "checkpoints", checkpoints, near, *checkpoint)?;
        next = *checkpoint + 1;
        let near = counts.get(*checkpoint).copied().unwrap_or(0);
        *count = pen.size(Slot::MatchCount, "members", u32::MAX as usize, near, *count)?;
    }
    Ok(())
}

/// The courses that are set against accuracy.
const METRICS: [&str; 10] = [
    "distance",
    "distance_normalised",
    "consistency",
    "consistency_mean",
    "smoothness",
    "effective_dimension",
    "entropy",
    "loss",
    "loss_moving_average",
    "validation_loss",
];

/// Walks over the correlations.
pub(super) fn correlations<B: Bits>(
    pen: &mut Pen<'_, B>,
    steps: &[u64],
    settings: &Settings,
    before: Option<&Domain>,
    domain: &mut Domain,
) -> Result<(), Error> {
    let mut list = std::mem::take(&mut domain.correlations);
    let empty = Correlation {
        metric: String::new(),
        group: Group::All,
        n: 0,
        pearson: None,
        pearson_p: None,
        spearman: None,
        spearman_p: None,
        orders: 0,
        exact: false,
        undefined: None,
    };
    let near = before.map_or(12, |before| before.correlations.len());
    pen.length((Slot::Correlations, "correlations"), 256, near, 16, &mut list, &empty)?;
    let mut orders_before = 100_000;
    for (place, entry) in list.iter_mut().enumerate() {
        // The same courses are expected in the same order as in the domain before.
        let alike = before.and_then(|before| before.correlations.get(place));
        let near = alike
            .and_then(|alike| METRICS.iter().position(|metric| *metric == alike.metric))
            .unwrap_or(place.min(METRICS.len()));
        pen.word(Slot::Metric, &METRICS, near, &mut entry.metric)?;
        entry.group = group(pen, entry.group)?;
        let course = course(domain, &entry.metric, entry.group);
        let window = |place: &usize| {
            settings.window.is_none_or(|window| {
                steps.get(*place).is_some_and(|step| (window.first..=window.last).contains(step))
            })
        };
        let both: Vec<(f64, f64)> = (0..steps.len())
            .filter(window)
            .filter_map(|place| {
                let course = course?.get(place).copied().flatten()?;
                let accuracy = domain.accuracy.as_ref()?.get(place).copied().flatten()?;
                Some((course, accuracy))
            })
            .collect();
        entry.n = pen.size(Slot::Checkpoints, "checkpoints", steps.len(), both.len(), entry.n)?;
        entry.orders = pen.number(Slot::Orders, orders_before, entry.orders)?;
        orders_before = entry.orders;
        entry.exact = pen.flag(Slot::Orders, entry.exact)?;
        let (first, second): (Vec<f64>, Vec<f64>) = both.into_iter().unzip();
        pen.figure_near(Role::Pearson, pearson(&first, &second), &mut entry.pearson)?;
        pen.figure_near(Role::Spearman, pearson(&ranks(&first), &ranks(&second)), &mut entry.spearman)?;
        let near = |r: Option<f64>| r.map(|r| chance(r, entry.n));
        pen.figure_near(Role::PearsonP, near(entry.pearson), &mut entry.pearson_p)?;
        pen.figure_near(Role::SpearmanP, near(entry.spearman), &mut entry.spearman_p)?;
        if pen.part(&mut entry.undefined, String::new)?
            && let Some(undefined) = &mut entry.undefined
        {
            pen.text(undefined)?;
        }
    }
    domain.correlations = list;
    Ok(())
}

/// The course that a correlation is about, where this code knows it.
fn course<'a>(domain: &'a Domain, metric: &str, group: Group) -> Option<&'a [Option<f64>]> {
    let distance = domain.distance_of(group);
    let consistency = domain.consistency_of(group);
    let course = match metric {
        "distance" => &distance?.mean,
        "distance_normalised" => &distance?.normalised,
        "consistency" => &consistency?.median,
        "consistency_mean" => &consistency?.mean,
        "smoothness" => &consistency?.smoothness,
        "effective_dimension" => &domain.spectrum_of(group)?.mean,
        "loss" => &domain.loss,
        "loss_moving_average" => &domain.loss_moving_average,
        "validation_loss" => domain.validation_loss.as_ref()?,
        "entropy" => &domain.entropy,
        _ => return None,
    };
    Some(course)
}

/// Pearson's r, as a guess.
fn pearson(first: &[f64], second: &[f64]) -> Option<f64> {
    let n = first.len().max(1) as f64;
    let (a, b) = (first.iter().sum::<f64>() / n, second.iter().sum::<f64>() / n);
    let (mut both, mut of_a, mut of_b) = (0.0, 0.0, 0.0);
    for (x, y) in first.iter().zip(second) {
        both += (x - a) * (y - b);
        of_a += (x - a) * (x - a);
        of_b += (y - b) * (y - b);
    }
    let r = both / (of_a * of_b).sqrt();
    r.is_finite().then_some(r)
}

/// Average ranks.
fn ranks(values: &[f64]) -> Vec<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    values
        .iter()
        .map(|value| {
            let below = sorted.partition_point(|other| other.total_cmp(value).is_lt());
            let up_to = sorted.partition_point(|other| other.total_cmp(value).is_le());
            (below + up_to) as f64 / 2.0
        })
        .collect()
}

/// About how likely a correlation at least as strong is by chance: a guess, to be corrected.
fn chance(r: f64, n: usize) -> f64 {
    // Two-sided normal tail of Fisher's z, by a rational bound that needs no exponential.
    let strength = r.abs().min(0.999_999);
    let z = strength * (1.0 + 0.4 * strength * strength) * (n as f64 - 2.0).max(1.0).sqrt();
    let x = 1.0 + z * (0.196_854 + z * (0.115_194 + z * (0.000_344 + z * 0.019_527)));
    let x = x * x;
    1.0 / (x * x)
}
