//! The table of metrics: one file of rows per family, and what rows have in common in `presets`.

mod commitment;
mod consistency;
mod distance;
mod domains;
mod load;
mod outcome;
mod presets;
mod spread;

use super::Metric;

/// The families in the order in which tables and files list them.
const FAMILIES: [&[Metric]; 7] = [
    outcome::ROWS,
    distance::ROWS,
    consistency::ROWS,
    spread::ROWS,
    commitment::ROWS,
    load::ROWS,
    domains::ROWS,
];

/// Every metric, in the order in which tables and files list them.
pub const METRICS: &[Metric] = &joined::<{ count() }>();

/// Number of rows of all families.
const fn count() -> usize {
    let (mut rows, mut family) = (0, 0);
    while family < FAMILIES.len() {
        rows += FAMILIES[family].len();
        family += 1;
    }
    rows
}

/// Rows of all families; `N` is their number.
const fn joined<const N: usize>() -> [Metric; N] {
    let mut rows = [presets::ROW; N];
    let (mut filled, mut family) = (0, 0);
    // Iterators are not const.
    while family < FAMILIES.len() {
        let mut row = 0;
        while row < FAMILIES[family].len() {
            rows[filled] = FAMILIES[family][row];
            filled += 1;
            row += 1;
        }
        family += 1;
    }
    rows
}
