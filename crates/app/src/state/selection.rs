//! What the user has selected: checkpoint, layer, domains and charts.

use leptos::prelude::*;

use super::App;

impl App {
    /// The checkpoint under the pointer, else the selected one.
    pub fn current_checkpoint(self) -> usize {
        self.hover.get().unwrap_or_else(|| self.checkpoint.get())
    }

    /// The last checkpoint that charts draw: the current one while playing or presenting, unless the
    /// user prefers reduced motion.
    pub fn drawn_up_to(self) -> Option<usize> {
        let moves = (self.playing.get() || self.presenting.get()) && !crate::browser::reduces_motion();
        moves.then(|| self.checkpoint.get())
    }

    /// Pins the current checkpoint, or removes the pin.
    pub fn toggle_pin(self) {
        let here = self.checkpoint.get_untracked();
        self.pin.update(|pin| *pin = if pin.is_some() { None } else { Some(here) });
    }

    /// Selects the next or previous checkpoint.
    pub fn step_checkpoint(self, forward: bool) {
        let count =
            self.report.with_untracked(|report| report.as_ref().map_or(0, |report| report.checkpoints.len()));
        self.checkpoint.update(|here| *here = moved(*here, forward, count));
    }

    /// Selects the next or previous layer.
    pub fn step_layer(self, forward: bool) {
        let count =
            self.report.with_untracked(|report| report.as_ref().map_or(0, |report| report.run.layers));
        self.layer.update(|here| *here = moved(*here, forward, count));
    }

    /// Whether a domain is shown.
    pub fn shows(self, domain: &str) -> bool {
        self.hidden.with(|hidden| !hidden.contains(domain))
    }

    /// Whether a chart is shown: all, or only one of an embedded page.
    pub fn shows_chart(self, id: &str) -> bool {
        self.only.with(|only| only.as_ref().is_none_or(|only| only == id))
    }
}

fn moved(here: usize, forward: bool, count: usize) -> usize {
    if forward { (here + 1).min(count.saturating_sub(1)) } else { here.saturating_sub(1) }
}
