//! One cell of the dynamic programme, for all lanes at once.

use super::lanes::Lanes;

/// The difference of two neighbouring cells in every lane: -1, 0 or +1.
#[derive(Clone, Copy)]
pub(crate) struct Step<L> {
    /// Lanes in which it is -1.
    pub(crate) minus: L,
    /// Lanes in which it is +1.
    pub(crate) plus: L,
}

/// From the differences along the top and the left edge of a cell to those along its bottom and right edge.
///
/// `differs` has a bit where the cell's two symbols differ. The difference along the diagonal is 1 where they
/// differ and no edge goes down, else 0; the bottom edge is the diagonal less the left edge, the right edge the
/// diagonal less the top edge. That takes eight instructions.
#[inline(always)]
pub(crate) fn cell<L: Lanes>(differs: L, top: Step<L>, left: Step<L>) -> (Step<L>, Step<L>) {
    let not_by_top = differs.and_not(top.minus);
    let diagonal = not_by_top.and_not(left.minus);
    // Where `left` is -1 the diagonal is 0 and the bottom edge is +1 either way, which saves using `diagonal`.
    let bottom =
        Step { minus: left.plus.and_not(not_by_top), plus: left.minus.or(not_by_top.and_not(left.plus)) };
    let right = Step { minus: top.plus.and_not(diagonal), plus: top.minus.or(diagonal.and_not(top.plus)) };
    (bottom, right)
}
