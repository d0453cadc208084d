//! The walk over one domain.

mod distances;
mod layers;
mod losses;

use self::{
    distances::{distances, sweep, t_star_distance},
    layers::{by_layer, coactivation, entropy, load, saturation, spectrum},
    losses::{accuracy, losses},
};
use crate::{
    Consistency, Domain, Error, Group, Memorization, Series, Settings,
    link::{
        pen::Pen,
        range::Bits,
        role::{Role, Slot},
        shape::{Shape, group, series},
    },
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
