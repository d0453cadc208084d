//! What all parts of the walk share: how large things are and may be, the length of courses, and groups.

use super::{pen::Pen, range::Bits, role::Slot};
use crate::{Error, Group, Series};

/// Checkpoints that a link may have.
pub(super) const MOST_CHECKPOINTS: usize = 4_096;
/// Domains that a link may have.
pub(super) const MOST_DOMAINS: usize = 256;
/// Layers that a link may have.
pub(super) const MOST_LAYERS: usize = 1_024;
/// Experts that a link may have.
pub(super) const MOST_EXPERTS: usize = 65_536;

/// Sizes that the parts of a report share.
#[derive(Clone, Copy)]
pub(super) struct Shape {
    pub(super) checkpoints: usize,
    pub(super) layers: usize,
    pub(super) experts: usize,
}

/// Gives a course its length.
pub(super) fn series<B: Bits>(pen: &mut Pen<'_, B>, shape: Shape, series: &mut Series) -> Result<(), Error> {
    pen.spend(shape.checkpoints as u64)?;
    series.resize(shape.checkpoints, None);
    Ok(())
}

/// Which samples.
pub(super) fn group<B: Bits>(pen: &mut Pen<'_, B>, group: Group) -> Result<Group, Error> {
    let memorized = pen.flag(Slot::Groups, group == Group::Memorized)?;
    Ok(if memorized { Group::Memorized } else { Group::All })
}

/// The first place from `start` on with a count above zero.
pub(super) fn next_of(counts: &[usize], start: usize) -> usize {
    (start..counts.len()).find(|place| counts[*place] > 0).unwrap_or(start)
}
