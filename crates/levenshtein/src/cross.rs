//! The distances of every sequence of one set to every sequence of another.

use crate::cost;
use crate::engine::Engine;
use crate::kernel::shared::Shared;
use crate::kernel::{self, Job, Lanes, UNSURE};
use crate::leftover::{Leftover, Pending};
use crate::library::Library;
use crate::sequences::Sequences;

/// The distances of every sequence of `rows` to every one of `columns`, row after row.
#[must_use]
pub fn cross(engine: Engine, rows: &Sequences, columns: &Sequences) -> Vec<u32> {
    let (library, numbers) = Library::new(rows.iter().chain(columns.iter()));
    let (row_numbers, column_numbers) = numbers.split_at(rows.len());
    let (distinct_rows, row_places) = distinct(row_numbers, library.len());
    let (distinct_columns, column_places) = distinct(column_numbers, library.len());
    let distances = kernel::dispatch(
        engine,
        Cross { library: &library, rows: &distinct_rows, columns: &distinct_columns },
    );
    let mut all = Vec::with_capacity(rows.len() * columns.len());
    for row in row_places {
        let row = &distances[row as usize * distinct_columns.len()..][..distinct_columns.len()];
        all.extend(column_places.iter().map(|&column| row[column as usize]));
    }
    all
}

/// The different numbers in ascending order, and for every number its place among them.
fn distinct(numbers: &[u32], count: usize) -> (Vec<u32>, Vec<u32>) {
    let mut occurs = vec![false; count];
    for &number in numbers {
        occurs[number as usize] = true;
    }
    let distinct: Vec<u32> = (0..count as u32).filter(|&number| occurs[number as usize]).collect();
    let mut place_of = vec![0; count];
    for (place, &number) in distinct.iter().enumerate() {
        place_of[number as usize] = place as u32;
    }
    let places = numbers.iter().map(|&number| place_of[number as usize]).collect();
    (distinct, places)
}

struct Cross<'a> {
    library: &'a Library,
    rows: &'a [u32],
    columns: &'a [u32],
}

impl Job for Cross<'_> {
    type Output = Vec<u32>;

    fn run<L: Lanes>(self) -> Vec<u32> {
        let Self { library, rows, columns } = self;
        let mut out = vec![0; rows.len() * columns.len()];
        let draw = |side: &[u32], random: u64| side[(random % side.len() as u64) as usize];
        let draw = |random: u64| (draw(rows, random), draw(columns, random >> 16));
        let mut leftover = Leftover::<L>::new(library, out.len(), draw);
        let mut shared = Shared::<L>::new(library, leftover.expected());
        let cost = |patterns: usize, texts: usize| patterns.div_ceil(L::COUNT) * texts;
        // The side that fills its vectors better becomes the patterns; the distance is symmetric.
        let rows_are_texts = cost(columns.len(), rows.len()) <= cost(rows.len(), columns.len());
        let (patterns, texts) = if rows_are_texts { (columns, rows) } else { (rows, columns) };
        let slot = |pattern: usize, text: usize| {
            if rows_are_texts { text * columns.len() + pattern } else { pattern * columns.len() + text }
        };
        for (group, lanes) in patterns.chunks(L::COUNT).enumerate() {
            let first = group * L::COUNT;
            let typical = texts.get(texts.len() / 2).map_or(0, |&text| library.length(text));
            if lanes.len() < cost::enough_of_many::<L>(typical) {
                for (lane, &pattern) in lanes.iter().enumerate() {
                    for (place, &text) in texts.iter().enumerate() {
                        let pending = Pending { pair: (pattern, text), slot: slot(first + lane, place) };
                        leftover.push(pending, &mut out);
                    }
                }
                continue;
            }
            shared.run(lanes, texts, |place, distances| {
                for (lane, &distance) in distances.iter().enumerate() {
                    let slot = slot(first + lane, place);
                    if distance == UNSURE {
                        let pair = (lanes[lane], texts[place]);
                        leftover.push_unsure(Pending { pair, slot }, &mut out);
                    } else {
                        out[slot] = distance;
                    }
                }
            });
        }
        leftover.finish(&mut out);
        out
    }
}
