//! Losses, who was memorized when, and accuracy.

use crate::{
    Domain, Error, Generalization, Group, Memorization, Series,
    link::{
        pen::Pen,
        range::Bits,
        role::{Role, Slot},
        shape::{Shape, series},
    },
};

/// Losses, and who was memorized when.
pub(super) fn losses<B: Bits>(pen: &mut Pen<'_, B>, shape: Shape, domain: &mut Domain) -> Result<(), Error> {
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

pub(super) fn accuracy<B: Bits>(
    pen: &mut Pen<'_, B>,
    shape: Shape,
    domain: &mut Domain,
) -> Result<(), Error> {
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
