//! Animated transition of the points from one frame to the next.

use std::time::Duration;

use leptos::prelude::*;

use crate::browser;

/// Moves the points to their next positions, one animation step at a time, until another transition
/// starts. Start and duration are in milliseconds.
pub fn transition(
    from: Vec<f32>,
    goal: Vec<f32>,
    points: StoredValue<Vec<f32>>,
    (start, duration): (f64, f64),
    show: impl Fn() + 'static,
) {
    let share = ((browser::now() - start) / duration).clamp(0.0, 1.0) as f32;
    let now: Vec<f32> = from.iter().zip(&goal).map(|(from, to)| from + share * (to - from)).collect();
    if points.try_set_value(now.clone()).is_some() {
        return;
    }
    show();
    if share < 1.0 {
        set_timeout(
            move || {
                if points.try_get_value().is_some_and(|known| known == now) {
                    transition(from, goal, points, (start, duration), show);
                }
            },
            Duration::from_millis(16),
        );
    }
}
