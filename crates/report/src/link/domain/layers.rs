//! What single layers and their experts have.

use crate::{
    Domain, Error, Group, LayerLoad, Load, Saturation, Series, Spectrum, TopCoactivation,
    link::{
        pen::Pen,
        range::Bits,
        role::{Role, Slot},
        shape::{MOST_LAYERS, Shape, group, series},
    },
};

pub(super) fn spectrum<B: Bits>(
    pen: &mut Pen<'_, B>,
    shape: Shape,
    domain: &mut Domain,
) -> Result<(), Error> {
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

pub(super) fn entropy<B: Bits>(pen: &mut Pen<'_, B>, shape: Shape, domain: &mut Domain) -> Result<(), Error> {
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
pub(super) fn by_layer<B: Bits>(
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

pub(super) fn load<B: Bits>(pen: &mut Pen<'_, B>, shape: Shape, domain: &mut Domain) -> Result<(), Error> {
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

pub(super) fn saturation<B: Bits>(
    pen: &mut Pen<'_, B>,
    shape: Shape,
    domain: &mut Domain,
) -> Result<(), Error> {
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

pub(super) fn coactivation<B: Bits>(
    pen: &mut Pen<'_, B>,
    shape: Shape,
    domain: &mut Domain,
) -> Result<(), Error> {
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
