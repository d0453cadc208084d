//! Names of the lines at their right ends.

use wire::{Json, json};

use super::Lines;
use crate::{series, theme::Look};

/// Lines beyond this number have no names at their ends.
const MOST: usize = 8;

/// Characters that there is always room for: those of the whole run.
const SHORTEST: usize = super::WHOLE_RUN_NAME.len();

/// Longest name that is not cut, in characters.
const LONGEST: usize = 14;

/// Charts narrower than this, in pixels, have no names at the ends of their lines.
const NARROW: f64 = 240.0;

/// Space to the right of the lines for their names: the same in all charts of a timeline.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Room(f64);

impl Room {
    /// Room for the names of these domains.
    pub(crate) fn of<'a>(names: impl Iterator<Item = &'a str>) -> Self {
        let lengths: Vec<usize> = names.map(|name| name.chars().count().clamp(SHORTEST, LONGEST)).collect();
        let longest = if lengths.len() > MOST { None } else { lengths.into_iter().max() };
        Self(longest.map_or(0.0, |length| 6.5 * length as f64 + 12.0))
    }

    /// Whether there is room.
    pub(crate) fn is_some(self) -> bool {
        self.0 > 0.0
    }

    fn pixels(self, look: Look) -> f64 {
        look.size(self.0)
    }

    /// The room as an expression: narrow charts have none.
    pub(crate) fn expression(self, look: Look) -> String {
        format!("width < {} ? 0 : {}", look.size(NARROW), self.pixels(look))
    }
}

impl Lines<'_> {
    /// One row per line: its name and the vertical position of its end in pixels, spread so that no two overlap.
    pub(super) fn end_rows(&self, drawn: &[(usize, f64)], (low, high): (f64, f64), look: Look) -> Vec<Json> {
        let (height, gap) = (self.height(look), look.size(12.0));
        let mut ends: Vec<(f64, usize)> = drawn
            .iter()
            .map(|&(line, value)| {
                let share = series::share(value, (low, high), self.log).clamp(0.0, 1.0);
                (height * (1.0 - share), line)
            })
            .collect();
        ends.sort_by(|first, second| first.0.total_cmp(&second.0));
        let mut before = -gap;
        for (y, _) in &mut ends {
            *y = y.max(before + gap);
            before = *y;
        }
        let mut after = height + gap;
        for (y, _) in ends.iter_mut().rev() {
            *y = y.min(after - gap);
            after = *y;
        }
        let name = |line: usize| self.courses.get(line).map_or("", |line| self.name(line));
        ends.into_iter().map(|(y, line)| json!({ "domain": (name(line)), "y": y })).collect()
    }

    pub(super) fn end_layer(&self, look: Look) -> Json {
        json!({
            "data": { "name": "ends" },
            "mark": {
                "aria": false,
                "type": "text", "align": "left", "baseline": "middle", "fontSize": look.size(11.0),
                "limit": self.room.pixels(look) - 8.0, "opacity": { "expr": "room > 0 ? 1 : 0" },
            },
            "encoding": {
                "x": { "value": { "expr": "width - room + 7" } },
                "y": { "field": "y", "type": "quantitative", "scale": null, "axis": null },
                "color": self.color(), "text": { "field": "domain", "type": "nominal" },
            },
        })
    }
}
