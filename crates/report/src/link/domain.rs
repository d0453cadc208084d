//! The walk over one domain.

use super::{
    pen::Pen,
    range::Bits,
    role::{Role, Slot},
    walk::{MOST_LAYERS, Shape, group, series},
};
use crate::{
    Consistency, Distance, Domain, Error, Generalization, Group, LayerLoad, Load, Memorization, Saturation,
    Series, Settings, Spectrum, Sweep, TStarDistance, TopCoactivation,
};

pub(super) fn empty_domain() -> Domain {
    Domain {
        name: String::new(),
        samples: 0,
        items: 0,
        memorization: Memorization {
            eps: None,
            eps_set_by_user: false,
            t_star: Vec::new(),
            memorized: 0,
            never: 0,
        },
        loss: Series::new(),
        loss_moving_average: Series::new(),
        validation_loss: None,
        accuracy: None,
        generalization: None,
        distance: Vec::new(),
        null_distance: Series::new(),
        structure: Series::new(),
        sweep: Vec::new(),
        distance_by_layer: Vec::new(),
        distance_by_t_star: Vec::new(),
        consistency: Vec::new(),
        spectrum: Vec::new(),
        entropy: Series::new(),
        entropy_by_layer: Vec::new(),
        token_entropy: Series::new(),
        load: Vec::new(),
        saturation: Vec::new(),
        coactivation: Vec::new(),
        delays: None,
        correlations: Vec::new(),
    }
}

/// Walks over one domain; `before` is the one before it, whose sizes are good guesses.
pub(super) fn domain<B: Bits>(
    pen: &mut Pen<'_, B>,
    shape: Shape,
    steps: &[u64],
    settings: &Settings,
    before: Option<&Domain>,
    domain: &mut Domain,
) -> Result<(), Error> {
    let near = |size: fn(&Domain) -> usize| before.map_or(100, size);
    pen.text(&mut domain.name)?;
    domain.samples =
        pen.size(Slot::Samples, "samples", u32::MAX as usize, near(|domain| domain.samples), domain.samples)?;
    domain.items = pen.size(
        Slot::Items,
        "benchmark items",
        u32::MAX as usize,
        near(|domain| domain.items),
        domain.items,
    )?;
    losses(pen, shape, domain)?;
    accuracy(pen, shape, domain)?;
    distances(pen, shape, domain)?;
    let Domain { null_distance, structure, distance, .. } = domain;
    series(pen, shape, null_distance)?;
    let all = distance.iter().find(|distance| distance.group == Group::All);
    let (length, mean) = all.map_or((&[][..], &[][..]), |all| (&all.length[..], &all.mean[..]));
    pen.figures(Role::Null, Group::All, &[(Role::Null, length), (Role::Null, mean)], null_distance)?;
    series(pen, shape, structure)?;
    let derived = null_distance
        .iter()
        .enumerate()
        .map(|(place, null)| match (all.and_then(|all| all.mean.get(place).copied().flatten()), null) {
            // A null distance that is rounded to zero must not make a figure undefined.
            (Some(mean), Some(null)) => Some(if *null > 0.0 { 1.0 - mean / null } else { 0.0 }),
            _ => None,
        })
        .collect();
    pen.follows(Role::Structure, Group::All, derived, structure)?;
    consistency(pen, shape, domain)?;
    spectrum(pen, shape, domain)?;
    entropy(pen, shape, domain)?;
    if pen.parts.sweep {
        sweep(pen, shape, domain)?;
    }
    if pen.parts.t_star_groups {
        t_star_distance(pen, shape, domain)?;
    }
    if pen.parts.per_layer {
        by_layer(pen, shape, Role::LayerDistance, &mut domain.distance_by_layer)?;
    }
    if pen.parts.load {
        load(pen, shape, domain)?;
    }
    saturation(pen, shape, domain)?;
    if pen.parts.coactivation {
        coactivation(pen, shape, domain)?;
    }
    super::statements::delays(pen, steps, settings, domain)?;
    super::statements::correlations(pen, steps, settings, before, domain)
}

/// Losses, and who was memorized when.
fn losses<B: Bits>(pen: &mut Pen<'_, B>, shape: Shape, domain: &mut Domain) -> Result<(), Error> {
    let Domain { memorization, loss, loss_moving_average, validation_loss, samples, .. } = domain;
    series(pen, shape, loss)?;
    pen.figures(Role::Loss, Group::All, &[], loss)?;
    series(pen, shape, loss_moving_average)?;
    pen.follows(Role::MovingAverage, Group::All, trailing_mean(loss), loss_moving_average)?;
    if pen.part(validation_loss, Series::new)?
        && let Some(validation_loss) = validation_loss
    {
        series(pen, shape, validation_loss)?;
        pen.figures(Role::ValidationLoss, Group::All, &[(Role::Loss, loss)], validation_loss)?;
    }
    let Memorization { eps, eps_set_by_user, t_star, memorized, never } = memorization;
    if pen.part(eps, || 0.0)?
        && let Some(eps) = eps
    {
        threshold(pen, eps)?;
    }
    *eps_set_by_user = pen.flag(Slot::Eps, *eps_set_by_user)?;
    pen.spend(shape.checkpoints as u64)?;
    t_star.resize(shape.checkpoints, 0);
    pen.counts(Role::TStar, &[], t_star)?;
    let before_last = t_star.iter().take(shape.checkpoints.saturating_sub(1)).fold(0, add);
    *memorized = pen.size(Slot::MatchCount, "samples", u32::MAX as usize, before_last, *memorized)?;
    let rest = samples.saturating_sub(t_star.iter().fold(0, add));
    *never = pen.size(Slot::MatchCount, "samples", u32::MAX as usize, rest, *never)?;
    Ok(())
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "the shape that fold over an iterator of references takes"
)]
fn add(sum: usize, count: &usize) -> usize {
    sum.saturating_add(*count)
}

/// A loss threshold: mostly tenths.
fn threshold<B: Bits>(pen: &mut Pen<'_, B>, eps: &mut f64) -> Result<(), Error> {
    let tenths = (*eps * 10.0).round();
    let on_grid = (0.0..1_000.0).contains(&tenths) && (tenths / 10.0).to_bits() == eps.to_bits();
    if pen.flag(Slot::Eps, on_grid)? {
        let tenths = pen.size(Slot::Eps, "tenths", 1_000, 5, tenths as usize)?;
        *eps = tenths as f64 / 10.0;
        Ok(())
    } else {
        pen.exact_in_place(eps)
    }
}

/// Mean of up to three figures, the last of them at each place.
fn trailing_mean(figures: &[Option<f64>]) -> Vec<Option<f64>> {
    (0..figures.len())
        .map(|place| {
            let window = &figures[place.saturating_sub(2)..=place];
            let sum = window.iter().try_fold(0.0, |sum, figure| figure.map(|figure| sum + figure))?;
            Some(sum / window.len() as f64)
        })
        .collect()
}

fn accuracy<B: Bits>(pen: &mut Pen<'_, B>, shape: Shape, domain: &mut Domain) -> Result<(), Error> {
    let Domain { accuracy, generalization, items, .. } = domain;
    if pen.part(accuracy, Series::new)?
        && let Some(accuracy) = accuracy
    {
        series(pen, shape, accuracy)?;
        pen.shares(Role::Accuracy, Group::All, *items, accuracy)?;
    }
    let empty = || Generalization { t_sharp: Vec::new(), never: 0 };
    if pen.part(generalization, empty)?
        && let Some(Generalization { t_sharp, never }) = generalization
    {
        pen.spend(shape.checkpoints as u64)?;
        t_sharp.resize(shape.checkpoints, 0);
        pen.counts(Role::TSharp, &[], t_sharp)?;
        let rest = items.saturating_sub(t_sharp.iter().fold(0, add));
        *never = pen.size(Slot::MatchCount, "benchmark items", u32::MAX as usize, rest, *never)?;
    }
    Ok(())
}

fn distances<B: Bits>(pen: &mut Pen<'_, B>, shape: Shape, domain: &mut Domain) -> Result<(), Error> {
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

fn sweep<B: Bits>(pen: &mut Pen<'_, B>, shape: Shape, domain: &mut Domain) -> Result<(), Error> {
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

fn t_star_distance<B: Bits>(pen: &mut Pen<'_, B>, shape: Shape, domain: &mut Domain) -> Result<(), Error> {
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

/// The first place from `start` on with a count above zero.
pub(super) fn next_of(counts: &[usize], start: usize) -> usize {
    (start..counts.len()).find(|place| counts[*place] > 0).unwrap_or(start)
}

fn consistency<B: Bits>(pen: &mut Pen<'_, B>, shape: Shape, domain: &mut Domain) -> Result<(), Error> {
    let empty = Consistency {
        group: Group::All,
        median: Series::new(),
        lower: Series::new(),
        upper: Series::new(),
        mean: Series::new(),
        mean_c: Series::new(),
        smoothness: Series::new(),
        undefined: Series::new(),
    };
    pen.length((Slot::Size, "groups"), 8, 2, 16, &mut domain.consistency, &empty)?;
    let (all, memorized) = (domain.samples, domain.memorization.memorized);
    let mut of_all = empty;
    for entry in &mut domain.consistency {
        let group = group(pen, entry.group)?;
        entry.group = group;
        let Consistency { median, lower, upper, mean, mean_c, smoothness, undefined, .. } = entry;
        series(pen, shape, median)?;
        pen.figures(Role::Median, group, &[(Role::Median, &of_all.median)], median)?;
        series(pen, shape, lower)?;
        pen.figures(Role::Lower, group, &[(Role::Lower, median), (Role::Lower, &of_all.lower)], lower)?;
        series(pen, shape, upper)?;
        pen.figures(
            Role::Upper,
            group,
            &[(Role::Upper, median), (Role::Upper, &of_all.upper), (Role::Upper, lower)],
            upper,
        )?;
        series(pen, shape, mean)?;
        pen.figures(
            Role::Mean,
            group,
            &[(Role::Mean, median), (Role::Mean, &of_all.mean), (Role::Mean, lower)],
            mean,
        )?;
        series(pen, shape, smoothness)?;
        pen.figures(
            Role::Smoothness,
            group,
            &[(Role::Median, median), (Role::Smoothness, &of_all.smoothness), (Role::Upper, upper)],
            smoothness,
        )?;
        series(pen, shape, mean_c)?;
        let derived = mean.iter().map(|mean| mean.map(|mean| 1.0 - mean)).collect();
        pen.follows(Role::Flipped, group, derived, mean_c)?;
        series(pen, shape, undefined)?;
        let whole = if group == Group::All { all } else { memorized };
        pen.shares(Role::Undefined, group, whole, undefined)?;
        if group == Group::All {
            of_all = entry.clone();
        }
    }
    Ok(())
}

fn spectrum<B: Bits>(pen: &mut Pen<'_, B>, shape: Shape, domain: &mut Domain) -> Result<(), Error> {
    let empty = Spectrum { group: Group::All, samples: 0, mean: Series::new(), by_layer: Vec::new() };
    pen.length((Slot::Size, "groups"), 8, 2, 16, &mut domain.spectrum, &empty)?;
    let (all, memorized) = (domain.samples, domain.memorization.memorized);
    let mut of_all = Series::new();
    for entry in &mut domain.spectrum {
        let group = group(pen, entry.group)?;
        entry.group = group;
        let near = if group == Group::All { all } else { memorized };
        entry.samples = pen.size(Slot::MatchCount, "samples", u32::MAX as usize, near, entry.samples)?;
        series(pen, shape, &mut entry.mean)?;
        pen.figures(Role::Dimension, group, &[(Role::Dimension, &of_all)], &mut entry.mean)?;
        if group == Group::All {
            of_all.clone_from(&entry.mean);
        }
        if pen.parts.per_layer {
            by_layer(pen, shape, Role::LayerDimension, &mut entry.by_layer)?;
        }
    }
    Ok(())
}

fn entropy<B: Bits>(pen: &mut Pen<'_, B>, shape: Shape, domain: &mut Domain) -> Result<(), Error> {
    let Domain { entropy, token_entropy, entropy_by_layer, distance, spectrum, .. } = domain;
    series(pen, shape, entropy)?;
    let length = distance.first().map_or(&[][..], |distance| &distance.length);
    let dimension = spectrum.first().map_or(&[][..], |spectrum| &spectrum.mean);
    pen.figures(Role::Entropy, Group::All, &[(Role::Length, length), (Role::Dimension, dimension)], entropy)?;
    series(pen, shape, token_entropy)?;
    pen.figures(Role::TokenEntropy, Group::All, &[(Role::Entropy, entropy)], token_entropy)?;
    if pen.parts.per_layer {
        by_layer(pen, shape, Role::LayerEntropy, entropy_by_layer)?;
    }
    Ok(())
}

/// A `[C][L]` matrix, layer by layer.
fn by_layer<B: Bits>(
    pen: &mut Pen<'_, B>,
    shape: Shape,
    role: Role,
    matrix: &mut Vec<Vec<Option<f64>>>,
) -> Result<(), Error> {
    if !pen.flag(Slot::Present, !matrix.is_empty())? {
        matrix.clear();
        return Ok(());
    }
    pen.spend((shape.checkpoints * shape.layers.max(2)) as u64)?;
    matrix.resize(shape.checkpoints, Vec::new());
    for row in matrix.iter_mut() {
        row.resize(shape.layers, None);
    }
    for layer in 0..shape.layers {
        let mut column: Vec<Option<f64>> =
            matrix.iter().map(|row| row.get(layer).copied().flatten()).collect();
        pen.figures(role, Group::All, &[], &mut column)?;
        for (row, figure) in matrix.iter_mut().zip(column) {
            if let Some(cell) = row.get_mut(layer) {
                *cell = figure;
            }
        }
    }
    Ok(())
}

fn load<B: Bits>(pen: &mut Pen<'_, B>, shape: Shape, domain: &mut Domain) -> Result<(), Error> {
    let load = &mut domain.load;
    if !pen.flag(Slot::Present, !load.is_empty())? {
        load.clear();
        return Ok(());
    }
    pen.spend(shape.checkpoints as u64)?;
    load.resize(shape.checkpoints, None);
    let empty = LayerLoad { counts: Vec::new(), max_over_mean: None, cv: None, never_used: 0 };
    let mut before: Vec<Vec<f64>> = vec![Vec::new(); shape.layers];
    for entry in load {
        if pen.part(entry, || Load { layers: Vec::new() })?
            && let Some(Load { layers }) = entry
        {
            pen.length((Slot::Load, "layers"), MOST_LAYERS, shape.layers, 8, layers, &empty)?;
            for (layer, before) in layers.iter_mut().zip(&mut before) {
                layer_load(pen, shape, layer, before)?;
            }
        }
    }
    Ok(())
}

fn layer_load<B: Bits>(
    pen: &mut Pen<'_, B>,
    shape: Shape,
    layer: &mut LayerLoad,
    before: &mut Vec<f64>,
) -> Result<(), Error> {
    let LayerLoad { counts, max_over_mean, cv, never_used } = layer;
    pen.spend(shape.experts as u64)?;
    counts.resize(shape.experts, 0);
    pen.counts(Role::LoadCount, &[before], counts)?;
    *before = counts.iter().map(|count| *count as f64).collect();
    let total: f64 = before.iter().sum();
    let mean = total / before.len().max(1) as f64;
    let most = before.iter().fold(0.0_f64, |most, count| most.max(*count));
    let spread =
        before.iter().map(|count| (count - mean) * (count - mean)).sum::<f64>() / before.len().max(1) as f64;
    let known = |figure: f64| vec![(mean > 0.0).then_some(figure)];
    one_follows(pen, Role::LoadMost, known(most / mean), max_over_mean)?;
    one_follows(pen, Role::LoadVariation, known(spread.sqrt() / mean), cv)?;
    let unused = counts.iter().filter(|count| **count == 0).count();
    *never_used = pen.size(Slot::Load, "experts", shape.experts, unused, *never_used)?;
    Ok(())
}

fn one_follows<B: Bits>(
    pen: &mut Pen<'_, B>,
    role: Role,
    derived: Vec<Option<f64>>,
    figure: &mut Option<f64>,
) -> Result<(), Error> {
    let mut one = vec![*figure];
    pen.follows(role, Group::All, derived, &mut one)?;
    *figure = one.first().copied().flatten();
    Ok(())
}

fn saturation<B: Bits>(pen: &mut Pen<'_, B>, shape: Shape, domain: &mut Domain) -> Result<(), Error> {
    let saturation = &mut domain.saturation;
    if !pen.flag(Slot::Present, !saturation.is_empty())? {
        saturation.clear();
        return Ok(());
    }
    pen.spend(8 * shape.checkpoints as u64)?;
    saturation.resize(shape.checkpoints, None);
    let course =
        |figure: fn(&Saturation) -> Option<f64>, saturation: &[Option<Saturation>]| -> Vec<Option<f64>> {
            saturation.iter().map(|entry| entry.as_ref().and_then(figure)).collect()
        };
    let mut of_k = course(|entry| Some(entry.k), saturation);
    pen.figures(Role::Saturation, Group::All, &[], &mut of_k)?;
    let mut of_top = course(|entry| entry.top1, saturation);
    pen.figures(Role::SaturationTop, Group::All, &[(Role::Saturation, &of_k)], &mut of_top)?;
    for ((entry, k), top1) in saturation.iter_mut().zip(of_k).zip(of_top) {
        *entry = match (k, entry.take()) {
            (None, _) => None,
            (Some(k), Some(entry)) => Some(Saturation { k, top1, ..entry }),
            (Some(k), None) => Some(Saturation { k, k_by_layer: Vec::new(), top1, top1_by_layer: None }),
        };
    }
    if pen.parts.per_layer {
        for entry in saturation.iter_mut().flatten() {
            let Saturation { k_by_layer, top1_by_layer, .. } = entry;
            layer_figures(pen, shape, Role::SaturationLayer, k_by_layer)?;
            if pen.part(top1_by_layer, Vec::new)?
                && let Some(top1_by_layer) = top1_by_layer
            {
                layer_figures(pen, shape, Role::SaturationTopLayer, top1_by_layer)?;
            }
        }
    }
    Ok(())
}

/// One figure a layer, all defined.
fn layer_figures<B: Bits>(
    pen: &mut Pen<'_, B>,
    shape: Shape,
    role: Role,
    figures: &mut Vec<f64>,
) -> Result<(), Error> {
    pen.length((Slot::Load, "layers"), MOST_LAYERS, shape.layers, 1, figures, &0.0)?;
    let mut column: Vec<Option<f64>> = figures.iter().copied().map(Some).collect();
    pen.figures(role, Group::All, &[], &mut column)?;
    for (figure, read) in figures.iter_mut().zip(column) {
        *figure = read.ok_or(Error::LinkDamaged { place: "a figure is missing" })?;
    }
    Ok(())
}

fn coactivation<B: Bits>(pen: &mut Pen<'_, B>, shape: Shape, domain: &mut Domain) -> Result<(), Error> {
    let empty = TopCoactivation { first: 0, second: 0, probability: 0.0 };
    let what = (Slot::Coactivation, "layers");
    pen.length(what, MOST_LAYERS, shape.layers, 2, &mut domain.coactivation, &Vec::new())?;
    let mut near = 8;
    for layer in &mut domain.coactivation {
        pen.length((Slot::Coactivation, "co-activations"), 4_096, near, 2, layer, &empty)?;
        near = layer.len();
        for TopCoactivation { first, second, probability } in layer.iter_mut() {
            let middle = shape.experts / 2;
            *first = pen.size(Slot::Coactivation, "experts", shape.experts, middle, *first)?;
            *second = pen.size(Slot::Coactivation, "experts", shape.experts, middle, *second)?;
            pen.figure(Role::Coactivation, probability)?;
        }
    }
    Ok(())
}
