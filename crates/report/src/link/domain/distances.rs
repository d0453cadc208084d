//! Distances of pathways: of groups, over thresholds, by the time of memorization.

use crate::{
    Distance, Domain, Error, Group, Series, Sweep, TStarDistance,
    link::{
        pen::Pen,
        range::Bits,
        role::{Role, Slot},
        shape::{Shape, group, next_of, series},
    },
};

pub(super) fn distances<B: Bits>(
    pen: &mut Pen<'_, B>,
    shape: Shape,
    domain: &mut Domain,
) -> Result<(), Error> {
    let empty = Distance {
        group: Group::All,
        samples: 0,
        pairs: 0,
        all_pairs: 0,
        mean: Series::new(),
        se: Series::new(),
        ci: Series::new(),
        normalised: Series::new(),
        normalised_se: Series::new(),
        length: Series::new(),
    };
    pen.length((Slot::Size, "groups"), 8, 2, 32, &mut domain.distance, &empty)?;
    let (all, memorized) = (domain.samples, domain.memorization.memorized);
    let mut of_all = empty;
    for distance in &mut domain.distance {
        let group = group(pen, distance.group)?;
        let expected = if group == Group::All { all } else { memorized };
        distance.group = group;
        distance.samples =
            pen.size(Slot::MatchCount, "samples", u32::MAX as usize, expected, distance.samples)?;
        let samples = distance.samples as u64;
        let pairs = samples.wrapping_mul(samples.saturating_sub(1)) / 2;
        distance.all_pairs = pen.number(Slot::AllPairs, pairs, distance.all_pairs)?;
        let every = pen.flag(Slot::Pairs, distance.pairs == distance.all_pairs)?;
        distance.pairs =
            if every { distance.all_pairs } else { pen.number(Slot::Pairs, 12_500, distance.pairs)? };

        let Distance { mean, se, ci, normalised, normalised_se, length, .. } = distance;
        series(pen, shape, length)?;
        pen.figures(Role::Length, group, &[(Role::Length, &of_all.length)], length)?;
        series(pen, shape, mean)?;
        pen.figures(
            Role::Distance,
            group,
            &[(Role::Distance, length), (Role::Distance, &of_all.mean), (Role::Distance, &of_all.length)],
            mean,
        )?;
        series(pen, shape, se)?;
        pen.figures(Role::DistanceError, group, &[], se)?;
        interval(pen, shape, se, ci, (group, distance.samples))?;
        series(pen, shape, normalised)?;
        pen.figures(
            Role::Normalised,
            group,
            &[(Role::Normalised, &quotient(mean, length)), (Role::Distance, mean)],
            normalised,
        )?;
        series(pen, shape, normalised_se)?;
        pen.figures(
            Role::NormalisedError,
            group,
            &[(Role::NormalisedError, &quotient(se, length)), (Role::DistanceError, se)],
            normalised_se,
        )?;
        if group == Group::All {
            of_all = distance.clone();
        }
    }
    Ok(())
}

/// One course over another, as a hint.
fn quotient(above: &[Option<f64>], below: &[Option<f64>]) -> Series {
    above
        .iter()
        .zip(below)
        .map(|(above, below)| Some(above.as_ref()? / below.unwrap_or(1.0).max(1.0)))
        .collect()
}

/// Half widths of intervals: one factor over the standard errors where that is what they are.
fn interval<B: Bits>(
    pen: &mut Pen<'_, B>,
    shape: Shape,
    se: &[Option<f64>],
    ci: &mut Series,
    (group, samples): (Group, usize),
) -> Result<(), Error> {
    series(pen, shape, ci)?;
    let factor = se
        .iter()
        .zip(ci.iter())
        .find_map(|(se, ci)| match (se, ci) {
            (Some(se), Some(ci)) if *se > 0.0 => Some(ci / se),
            _ => None,
        })
        .filter(|factor| factor.is_finite());
    let factor = pen.factor(t_quantile(samples.saturating_sub(1)), factor)?;
    let derived = se.iter().map(|se| se.map(|se| se * factor)).collect();
    pen.follows(Role::Interval, group, derived, ci)
}

/// The 97.5 % quantile of Student's t, by its expansion around the normal quantile: a guess of the factor
/// between interval and standard error, good to seven digits from 30 degrees of freedom on.
fn t_quantile(degrees: usize) -> f64 {
    let z = 1.959_963_984_540_054_f64;
    let (n, square) = (degrees.max(1) as f64, z * z);
    let first = z * (square + 1.0) / 4.0;
    let second = z * ((5.0 * square + 16.0) * square + 3.0) / 96.0;
    let third = z * (((3.0 * square + 19.0) * square + 17.0) * square - 15.0) / 384.0;
    let fourth =
        z * ((((79.0 * square + 776.0) * square + 1_482.0) * square - 1_920.0) * square - 945.0) / 92_160.0;
    z + (first + (second + (third + fourth / n) / n) / n) / n
}

pub(super) fn sweep<B: Bits>(pen: &mut Pen<'_, B>, shape: Shape, domain: &mut Domain) -> Result<(), Error> {
    let Domain { sweep, distance, .. } = domain;
    let empty = Sweep { tau: 0.0, group: Group::All, pairs: 0, mean: Series::new(), se: Series::new() };
    pen.length((Slot::Sweeps, "thresholds"), 128, 8, 16, sweep, &empty)?;
    for entry in sweep {
        let Sweep { tau, pairs, mean, se, .. } = entry;
        entry.group = group(pen, entry.group)?;
        hundredths(pen, tau)?;
        let main = distance.iter().find(|distance| distance.group == entry.group);
        let near = main.map_or(0, |main| main.pairs);
        *pairs = pen.number(Slot::Pairs, near, *pairs)?;
        series(pen, shape, mean)?;
        let (mean_beside, se_beside) = main.map_or((&[][..], &[][..]), |main| (&main.mean[..], &main.se[..]));
        pen.figures(Role::SweepDistance, entry.group, &[(Role::SweepDistance, mean_beside)], mean)?;
        series(pen, shape, se)?;
        pen.figures(Role::SweepError, entry.group, &[(Role::SweepError, se_beside)], se)?;
    }
    Ok(())
}

/// A threshold of the pathway: mostly hundredths.
fn hundredths<B: Bits>(pen: &mut Pen<'_, B>, tau: &mut f64) -> Result<(), Error> {
    let parts = (*tau * 100.0).round();
    let on_grid = (0.0..=100.0).contains(&parts) && (parts / 100.0).to_bits() == tau.to_bits();
    if pen.flag(Slot::Sweeps, on_grid)? {
        *tau = pen.size(Slot::Sweeps, "hundredths", 100, 70, parts as usize)? as f64 / 100.0;
        Ok(())
    } else {
        pen.exact_in_place(tau)
    }
}

pub(super) fn t_star_distance<B: Bits>(
    pen: &mut Pen<'_, B>,
    shape: Shape,
    domain: &mut Domain,
) -> Result<(), Error> {
    let Domain { distance_by_t_star, memorization, distance, .. } = domain;
    let empty = TStarDistance { checkpoint: 0, samples: 0, mean: Series::new() };
    let groups = memorization.t_star.iter().filter(|count| **count > 0).count();
    let what = (Slot::TStarGroup, "groups of equal step");
    pen.length(what, shape.checkpoints, groups, 8, distance_by_t_star, &empty)?;
    let beside = distance.first().map_or(&[][..], |distance| &distance.mean);
    let mut next = 0;
    for TStarDistance { checkpoint, samples, mean } in distance_by_t_star {
        let near = next_of(&memorization.t_star, next);
        *checkpoint = pen.size(Slot::TStarGroup, "checkpoints", shape.checkpoints, near, *checkpoint)?;
        next = *checkpoint + 1;
        let near = memorization.t_star.get(*checkpoint).copied().unwrap_or(0);
        *samples = pen.size(Slot::TStarSamples, "samples", u32::MAX as usize, near, *samples)?;
        series(pen, shape, mean)?;
        pen.figures(Role::TStarDistance, Group::All, &[(Role::TStarDistance, beside)], mean)?;
    }
    Ok(())
}
