//! Cost model for choosing the fastest algorithm. Costs are tenths of CPU cycles for one column of
//! one row, measured on one machine; only speed depends on them.

use crate::kernel::Lanes;

/// One cell of a shared text.
const SHARED_CELL: usize = 22;
/// Building the table of one row, used for many texts or for one.
const TABLE_OF_MANY: usize = 40;
const TABLE_OF_ONE: usize = 1800;
/// One cell of unrelated pairs.
const MIXED_CELL: usize = 55;
/// Building the planes of one row and one column.
const MIXED_PLANES: usize = 2500;

/// Number of used lanes from which sharing a text of `length` symbols is faster, if many texts use
/// the same patterns.
pub(crate) fn enough_of_many<L: Lanes>(length: u32) -> usize {
    enough::<L>(length, TABLE_OF_MANY)
}

/// Number of used lanes from which sharing is faster if only this text of `length` symbols uses the
/// patterns; `None` if there are not as many lanes.
pub(crate) fn enough_of_one<L: Lanes>(length: u32) -> Option<usize> {
    Some(enough::<L>(length, TABLE_OF_ONE)).filter(|&lanes| lanes <= L::COUNT)
}

fn enough<L: Lanes>(length: u32, table: usize) -> usize {
    let length = length as usize;
    let share = L::COUNT * (SHARED_CELL * length + table) / (MIXED_CELL * length + MIXED_PLANES);
    share.max(1)
}
