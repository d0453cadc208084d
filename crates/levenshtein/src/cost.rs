//! Which way is the cheapest. The numbers are tenths of processor cycles for one column of one row, measured on
//! one machine; nothing but speed depends on them.

use crate::kernel::Lanes;

/// A cell of a text that all lanes share.
const SHARED_CELL: usize = 22;
/// Making the table of one row, where it serves many texts or one.
const TABLE_OF_MANY: usize = 40;
const TABLE_OF_ONE: usize = 1800;
/// A cell of unrelated pairs.
const MIXED_CELL: usize = 55;
/// Making the planes of one row and one column.
const MIXED_PLANES: usize = 2500;

/// How many lanes must be wanted for sharing a text of `length` symbols to pay, when many texts meet the same
/// patterns.
pub(crate) fn enough_of_many<L: Lanes>(length: u32) -> usize {
    enough::<L>(length, TABLE_OF_MANY)
}

/// How many lanes must be wanted when these patterns meet only this text of `length` symbols, if so many exist.
pub(crate) fn enough_of_one<L: Lanes>(length: u32) -> Option<usize> {
    Some(enough::<L>(length, TABLE_OF_ONE)).filter(|&lanes| lanes <= L::COUNT)
}

fn enough<L: Lanes>(length: u32, table: usize) -> usize {
    let length = length as usize;
    let share = L::COUNT * (SHARED_CELL * length + table) / (MIXED_CELL * length + MIXED_PLANES);
    share.max(1)
}
