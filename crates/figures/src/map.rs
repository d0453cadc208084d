//! Description and table of a frame of the distance matrix.

use report::{
    Unit,
    map::{MapFrame, Mean},
};
use serde::{Deserialize, Serialize};

use crate::{
    number,
    table::{Cell, Column, Table},
};

/// Text description and table of a frame.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MapSheet {
    /// A few sentences.
    pub says: String,
    /// Mean distances within each domain and between each two.
    pub table: Table,
}

/// Maximum number of domains that the sentences name.
const NAMED: usize = 6;

/// Describes a frame. `names` are the run's domains, `samples` is the number of samples on the map.
#[must_use]
pub fn map_sheet(frame: &MapFrame, names: &[&str], samples: usize, step: u64, unit: Unit) -> MapSheet {
    let unit = match unit {
        Unit::Symbol => "symbols",
        Unit::Character => "characters",
    };
    let name = |index: usize| names.get(index).copied().unwrap_or("?");
    let inside: Vec<&Mean> = frame.means.iter().filter(|mean| mean.first == mean.second).collect();
    let between: Vec<&Mean> = frame.means.iter().filter(|mean| mean.first != mean.second).collect();
    let mut says = format!("Step {}, {} samples.", number::count(step), number::count(samples as u64));
    if let Some(mean) = mean_of(&inside) {
        let where_ =
            if inside.len() > 1 { "domains" } else { inside.first().map_or("", |mean| name(mean.first)) };
        says += &format!(" Mean distance within {where_} {} {unit}", number::plain(mean));
        if (2..=NAMED).contains(&inside.len()) {
            let each = inside
                .iter()
                .filter_map(|mean| Some(format!("{} {}", name(mean.first), number::plain(mean.value()?))));
            says += &format!(" ({})", each.collect::<Vec<_>>().join(", "));
        }
        if let Some(mean) = mean_of(&between) {
            says += &format!(", between domains {}", number::plain(mean));
        }
        says.push('.');
    }
    says += &format!(" 98 % of the pairs have distances from {} to {}.", frame.low, frame.high);
    if let Some(share) = frame.share {
        let of = if frame.landmarks { " of the landmarks" } else { "" };
        says += &format!(
            " The two axes of the plane capture {} of the squared distances{of}.",
            number::percent(share)
        );
    }
    let mut table = Table::new(vec![
        Column::new("Domains"),
        Column::new("Pairs"),
        Column::new(format!("Mean distance ({unit})")),
    ]);
    for mean in inside.into_iter().chain(between) {
        let (first, second) = (name(mean.first), name(mean.second));
        let both = if mean.first == mean.second { first.to_owned() } else { format!("{first} and {second}") };
        let cells = vec![Cell::text(both), Cell::count(mean.pairs), Cell::number(mean.value())];
        table.push(cells);
    }
    MapSheet { says, table }
}

/// The mean over all pairs.
fn mean_of(means: &[&Mean]) -> Option<f64> {
    let (pairs, sum) = means.iter().fold((0, 0), |(pairs, sum), mean| (pairs + mean.pairs, sum + mean.sum));
    (pairs > 0).then(|| sum as f64 / pairs as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame() -> MapFrame {
        let mean = |first, second, pairs, sum| Mean { first, second, pairs, sum };
        MapFrame {
            cells: vec![0, 3, 3, 0],
            side: 2,
            low: 3,
            high: 21,
            means: vec![mean(0, 0, 10, 100), mean(0, 1, 20, 400), mean(1, 1, 30, 450)],
            points: Vec::new(),
            share: Some(0.4321),
            landmarks: false,
            loss: Vec::new(),
        }
    }

    #[test]
    fn a_frame_is_told_in_words() {
        let sheet = map_sheet(&frame(), &["add", "mul"], 1481, 12_000, Unit::Symbol);
        assert_eq!(
            sheet.says,
            "Step 12,000, 1,481 samples. Mean distance within domains 13.75 symbols (add 10.00, mul 15.00), between domains \
             20.00. 98 % of the pairs have distances from 3 to 21. The two axes of the plane capture 43 % of the squared distances."
        );
        let one = MapFrame { means: frame().means.drain(..1).collect(), landmarks: true, ..frame() };
        let one = map_sheet(&one, &["add"], 2, 25, Unit::Character);
        assert!(one.says.contains("Mean distance within add 10.00 characters. 98 %"), "{}", one.says);
        assert!(one.says.ends_with("43 % of the squared distances of the landmarks."));
    }

    #[test]
    fn the_table_has_domains_first() {
        let sheet = map_sheet(&frame(), &["add", "mul"], 1481, 12_000, Unit::Symbol);
        assert_eq!(
            sheet.table.csv(),
            "Domains,Pairs,Mean distance (symbols)\r\nadd,10,10.0\r\nmul,30,15.0\r\nadd and mul,20,20.0\r\n"
        );
    }
}
