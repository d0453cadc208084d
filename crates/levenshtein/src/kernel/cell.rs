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
/// diagonal less the top edge. That takes eight instructions, or five that have three operands.
#[inline(always)]
pub(crate) fn cell<L: Lanes>(differs: L, top: Step<L>, left: Step<L>) -> (Step<L>, Step<L>) {
    // Where `left` is -1, `bottom` is +1 whatever the diagonal is. So for `bottom` the diagonal has to be right only where
    // `left` is not -1, and there it is `differs & !top.minus`. For `right` it is the same with `top`.
    let (diagonal_by_top, diagonal_by_left) = differs.and_not_each(top.minus, left.minus);
    let bottom = Step {
        minus: left.plus.and_not_but(differs, top.minus),
        plus: left.minus.or_but(diagonal_by_top, left.plus),
    };
    let right = Step {
        minus: top.plus.and_not_but(differs, left.minus),
        plus: top.minus.or_but(diagonal_by_left, top.plus),
    };
    (bottom, right)
}
