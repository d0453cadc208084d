//! One cell of the dynamic programming table, for all lanes at once.

use super::lanes::Lanes;

/// Difference of two neighbouring cells in every lane: -1, 0 or +1.
#[derive(Clone, Copy)]
pub(crate) struct Step<L> {
    /// Lanes with difference -1.
    pub(crate) minus: L,
    /// Lanes with difference +1.
    pub(crate) plus: L,
}

/// Computes the differences along the bottom and right edge of a cell from those along its top and
/// left edge.
///
/// `differs` has a bit where the cell's two symbols differ. The difference along the diagonal is 1
/// where they differ and no edge is -1, else 0. The bottom edge is the diagonal minus the left
/// edge, the right edge the diagonal minus the top edge. This takes eight instructions, or five
/// with three operands.
#[inline(always)]
pub(crate) fn cell<L: Lanes>(differs: L, top: Step<L>, left: Step<L>) -> (Step<L>, Step<L>) {
    // Where `left` is -1, `bottom` is +1 for any diagonal. So `bottom` needs the diagonal only
    // where `left` is not -1, and there it is `differs & !top.minus`. For `right` the same holds
    // with `top`.
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
