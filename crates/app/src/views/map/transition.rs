//! Animated transition from one frame to the next.

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

/// Fades the matrix of one frame into that of the next.
#[derive(Clone, Copy)]
pub struct Fade {
    /// Start and duration in milliseconds.
    span: StoredValue<(f64, f64)>,
}

impl Default for Fade {
    fn default() -> Self {
        Self { span: StoredValue::new((0.0, 0.0)) }
    }
}

impl Fade {
    /// Share of the next frame in the picture.
    pub fn share(self) -> f64 {
        let (start, duration) = self.span.try_get_value().unwrap_or_default();
        if duration > 0.0 { ((browser::now() - start) / duration).clamp(0.0, 1.0) } else { 1.0 }
    }

    /// Fades in this many milliseconds, unless another fade starts or the view is closed.
    pub fn start(self, duration: f64, show: impl Fn() + 'static) {
        let span = (browser::now(), duration);
        self.span.set_value(span);
        self.step(span, Box::new(show));
    }

    fn step(self, span: (f64, f64), show: Box<dyn Fn()>) {
        set_timeout(
            move || {
                if self.span.try_get_value() == Some(span) {
                    show();
                    if self.share() < 1.0 {
                        self.step(span, show);
                    }
                }
            },
            Duration::from_millis(16),
        );
    }
}
