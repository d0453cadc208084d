//! The settings of a report: exactly, and only those that differ from the defaults.

use super::{pen::Pen, range::Bits, role::Slot};
use crate::{Error, PairBudget, Settings, Unit, Window};

pub(super) fn settings<B: Bits>(pen: &mut Pen<'_, B>, settings: &mut Settings) -> Result<(), Error> {
    let default = Settings::default();
    changed(pen, &mut settings.tau, &default.tau, |pen, value| pen.exact_in_place(value))?;
    changed(pen, &mut settings.sweep, &default.sweep, |pen, sweep| {
        pen.length((Slot::Size, "thresholds"), 64, 4, 16, sweep, &0.0)?;
        sweep.iter_mut().try_for_each(|tau| pen.exact_in_place(tau))
    })?;
    changed(pen, &mut settings.unit, &default.unit, |pen, unit| {
        let symbol = pen.plain(1, u64::from(*unit == Unit::Symbol))? == 1;
        *unit = if symbol { Unit::Symbol } else { Unit::Character };
        Ok(())
    })?;
    changed(pen, &mut settings.pairs, &default.pairs, |pen, pairs| {
        let exact = pen.plain(1, u64::from(*pairs == PairBudget::Exact))? == 1;
        let given = if let PairBudget::Sampled { per_checkpoint } = *pairs { per_checkpoint } else { 0 };
        *pairs = if exact {
            PairBudget::Exact
        } else {
            PairBudget::Sampled { per_checkpoint: pen.number(Slot::Budget, 100_000, given)? }
        };
        Ok(())
    })?;
    changed(pen, &mut settings.seed, &default.seed, |pen, seed| {
        *seed = pen.number(Slot::Seed, 1, *seed)?;
        Ok(())
    })?;
    changed(pen, &mut settings.eps, &default.eps, |pen, eps| {
        let mut list: Vec<(String, f64)> = std::mem::take(eps).into_iter().collect();
        pen.length((Slot::Size, "loss thresholds"), 256, 4, 16, &mut list, &(String::new(), 0.0))?;
        for (name, threshold) in &mut list {
            pen.text(name)?;
            pen.exact_in_place(threshold)?;
        }
        eps.extend(list);
        Ok(())
    })?;
    changed(pen, &mut settings.delta, &default.delta, |pen, value| pen.exact_in_place(value))?;
    changed(pen, &mut settings.window, &default.window, |pen, window| {
        let given = window.unwrap_or(Window { first: 0, last: 0 });
        let first = pen.number(Slot::Window, 0, given.first)?;
        let last = pen.number(Slot::Window, first, given.last)?;
        *window = Some(Window { first, last });
        Ok(())
    })?;
    changed(pen, &mut settings.alpha, &default.alpha, |pen, value| pen.exact_in_place(value))?;
    changed(pen, &mut settings.unconfirmed, &default.unconfirmed, |_, unconfirmed| {
        *unconfirmed = true;
        Ok(())
    })
}

/// A setting that is the default costs one bit.
fn changed<B: Bits, T: Clone + PartialEq>(
    pen: &mut Pen<'_, B>,
    value: &mut T,
    default: &T,
    code: impl FnOnce(&mut Pen<'_, B>, &mut T) -> Result<(), Error>,
) -> Result<(), Error> {
    if pen.flag(Slot::Options, value != default)? {
        code(pen, value)
    } else {
        default.clone_into(value);
        Ok(())
    }
}
