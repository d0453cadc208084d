//! The one walk over a report that fixes the order of everything in a link, for both directions.
//!
//! Every step takes what the report holds and puts back what the link holds: the same when it is measured, the
//! rounded figures when it is written or read. So a written copy of a report equals what a reader will see.

use super::{
    Parts,
    domain::{domain, empty_domain},
    pen::{Hint, Pen},
    range::Bits,
    role::{Role, Slot},
    settings::settings,
    shape::{MOST_CHECKPOINTS, MOST_DOMAINS, MOST_EXPERTS, MOST_LAYERS, Shape, group, series},
};
use crate::{Checkpoint, CrossDomain, Error, GateKind, Group, Note, NoteLevel, Report, Series};

/// Walks over the whole report; the parts that are left out of it are emptied and named.
pub(super) fn report<B: Bits>(pen: &mut Pen<'_, B>, report: &mut Report) -> Result<Parts, Error> {
    pen.figure_bits = pen.plain(4, u64::from(pen.figure_bits))? as u8;
    let mut carried = pen.parts;
    for carried in carried.all_mut() {
        *carried = pen.flag(Slot::Options, *carried)?;
    }
    pen.parts = carried;
    let mut left_out = left_out_of(report, carried);
    let known = pen.left_out.all_mut().map(|left| *left);
    for (left, found) in left_out.all_mut().into_iter().zip(known) {
        *left = pen.flag(Slot::Options, *left | found)?;
    }
    pen.scales()?;
    head(pen, report)?;
    settings(pen, &mut report.settings)?;
    let shape = course(pen, report)?;
    let names = (Slot::Size, "domains");
    pen.length(names, MOST_DOMAINS, 4, 256, &mut report.domains, &empty_domain())?;
    let steps: Vec<u64> = report.checkpoints.iter().map(|checkpoint| checkpoint.step).collect();
    for index in 0..report.domains.len() {
        let (before, rest) = report.domains.split_at_mut(index);
        if let Some(current) = rest.first_mut() {
            domain(pen, shape, &steps, &report.settings, before.last(), current)?;
        }
    }
    cross(pen, shape, report)?;
    notes(pen, report)?;
    Ok(left_out)
}

/// Empties what is not carried, and says which of it held figures.
fn left_out_of(report: &mut Report, carried: Parts) -> Parts {
    let mut left = Parts::NONE;
    for domain in &mut report.domains {
        if !carried.sweep {
            left.sweep |= !domain.sweep.is_empty();
            domain.sweep.clear();
        }
        if !carried.per_layer {
            left.per_layer |= !domain.distance_by_layer.is_empty() || !domain.entropy_by_layer.is_empty();
            domain.distance_by_layer.clear();
            domain.entropy_by_layer.clear();
            for spectrum in &mut domain.spectrum {
                left.per_layer |= !spectrum.by_layer.is_empty();
                spectrum.by_layer.clear();
            }
            for saturation in domain.saturation.iter_mut().flatten() {
                left.per_layer |= !saturation.k_by_layer.is_empty();
                saturation.k_by_layer.clear();
                saturation.top1_by_layer = None;
            }
        }
        if !carried.t_star_groups {
            left.t_star_groups |= !domain.distance_by_t_star.is_empty();
            domain.distance_by_t_star.clear();
        }
        if !carried.load {
            left.load |= domain.load.iter().any(Option::is_some);
            domain.load.clear();
        }
        if !carried.coactivation {
            left.coactivation |= !domain.coactivation.is_empty();
            domain.coactivation.clear();
        }
        if let (false, Some(delays)) = (carried.scores, &mut domain.delays) {
            left.scores |= !delays.scores.is_empty();
            delays.scores.clear();
        }
    }
    if !carried.notes {
        left.notes |= !report.notes.is_empty();
        report.notes.clear();
    }
    if !carried.title {
        left.title |= !report.title.is_empty();
        report.title.clear();
    }
    left
}

/// Who made the report, from what.
fn head<B: Bits>(pen: &mut Pen<'_, B>, report: &mut Report) -> Result<(), Error> {
    pen.text(&mut report.made_by)?;
    if pen.parts.title {
        pen.text(&mut report.title)?;
    }
    let run = &mut report.run;
    if pen.part(&mut run.model, String::new)?
        && let Some(model) = &mut run.model
    {
        pen.text(model)?;
    }
    run.samples = pen.size(Slot::Samples, "samples", u32::MAX as usize, 1_000, run.samples)?;
    run.items = pen.size(Slot::Items, "benchmark items", u32::MAX as usize, 1_000, run.items)?;
    run.layers = pen.size(Slot::Size, "layers", MOST_LAYERS, 16, run.layers)?;
    run.experts = pen.size(Slot::Size, "experts", MOST_EXPERTS, 64, run.experts)?;
    if pen.part(&mut run.top_k, || 0)?
        && let Some(top_k) = &mut run.top_k
    {
        *top_k = pen.size(Slot::TopK, "experts a token", MOST_EXPERTS, 8, *top_k)?;
    }
    let by_frequency = pen.plain(1, u64::from(run.gate_kind == GateKind::SelectionFrequency))? == 1;
    run.gate_kind = if by_frequency { GateKind::SelectionFrequency } else { GateKind::SoftmaxMean };
    run.half_precision = pen.plain(1, u64::from(run.half_precision))? == 1;
    Ok(())
}

fn common_divisor(mut a: u64, mut b: u64) -> u64 {
    while b > 0 {
        (a, b) = (b, a % b);
    }
    a
}

/// Steps and tokens of the checkpoints, exactly.
fn course<B: Bits>(pen: &mut Pen<'_, B>, report: &mut Report) -> Result<Shape, Error> {
    let checkpoints = &mut report.checkpoints;
    let empty = Checkpoint { step: 0, tokens: None };
    pen.length((Slot::Checkpoints, "checkpoints"), MOST_CHECKPOINTS, 10, 4, checkpoints, &empty)?;
    let unit = checkpoints.iter().fold(0, |unit, checkpoint| common_divisor(unit, checkpoint.step)).max(1);
    let unit = pen.number(Slot::StepUnit, 1_000, unit)?.max(1);
    let (mut last, mut stride) = (0_u64, 1_u64);
    for checkpoint in checkpoints.iter_mut() {
        let units = pen.number(Slot::Step, last.wrapping_add(stride), checkpoint.step / unit)?;
        stride = units.wrapping_sub(last);
        last = units;
        checkpoint.step = units.wrapping_mul(unit);
    }
    // Tokens a step: those of OLMoE until the run tells its own.
    let mut rate = 4_194_304_u64;
    for checkpoint in checkpoints.iter_mut() {
        if pen.part(&mut checkpoint.tokens, || 0)?
            && let Some(tokens) = &mut checkpoint.tokens
        {
            *tokens = pen.number(Slot::Tokens, checkpoint.step.wrapping_mul(rate), *tokens)?;
            if let Some(found) = tokens.checked_div(checkpoint.step) {
                rate = found;
            }
        }
    }
    Ok(Shape {
        checkpoints: report.checkpoints.len(),
        layers: report.run.layers,
        experts: report.run.experts,
    })
}

/// Distances between domains, whose names are told by their places.
fn cross<B: Bits>(pen: &mut Pen<'_, B>, shape: Shape, report: &mut Report) -> Result<(), Error> {
    let Report { cross, domains, .. } = report;
    let pairs = domains.len() * domains.len().saturating_sub(1) / 2;
    let empty = CrossDomain {
        first: String::new(),
        second: String::new(),
        group: Group::All,
        pairs: 0,
        mean: Series::new(),
        se: Series::new(),
    };
    pen.length(
        (Slot::Size, "pairs of domains"),
        4 * MOST_DOMAINS * MOST_DOMAINS,
        2 * pairs,
        32,
        cross,
        &empty,
    )?;
    let place = |name: &str| domains.iter().position(|domain| domain.name == name).unwrap_or(0);
    let (mut first, mut second, mut pairs_before) = (0, 0, 0);
    for entry in cross {
        entry.group = group(pen, entry.group)?;
        // The pairs come in the order of the domains, once or once a group.
        let after_last = second + 1 >= domains.len();
        let near = if after_last { first + 1 } else { first };
        first = pen.size(Slot::Choice, "domains", MOST_DOMAINS, near, place(&entry.first))?;
        let near = if after_last { first + 1 } else { second + 1 };
        second = pen.size(Slot::Choice, "domains", MOST_DOMAINS, near, place(&entry.second))?;
        let (Some(a), Some(b)) = (domains.get(first), domains.get(second)) else {
            return Err(Error::LinkDamaged { place: "a domain is missing" });
        };
        a.name.clone_into(&mut entry.first);
        b.name.clone_into(&mut entry.second);
        entry.pairs = pen.number(Slot::CrossPairs, pairs_before, entry.pairs)?;
        pairs_before = entry.pairs;
        series(pen, shape, &mut entry.mean)?;
        let beside: Vec<Hint<'_>> = [a, b]
            .into_iter()
            .filter_map(|domain| domain.distance_of(entry.group))
            .map(|distance| (Role::CrossDistance, &distance.mean[..]))
            .collect();
        pen.figures(Role::CrossDistance, entry.group, &beside, &mut entry.mean)?;
        series(pen, shape, &mut entry.se)?;
        pen.figures(Role::CrossError, entry.group, &[], &mut entry.se)?;
    }
    Ok(())
}

fn notes<B: Bits>(pen: &mut Pen<'_, B>, report: &mut Report) -> Result<(), Error> {
    let empty = Note { level: NoteLevel::Info, text: String::new() };
    pen.length((Slot::Notes, "notes"), 256, 0, 16, &mut report.notes, &empty)?;
    for note in &mut report.notes {
        let warning = pen.flag(Slot::Choice, note.level == NoteLevel::Warning)?;
        note.level = if warning { NoteLevel::Warning } else { NoteLevel::Info };
        pen.text(&mut note.text)?;
    }
    Ok(())
}
