//! Size of submissions, chosen so that the GPU stays responsive.

use std::sync::atomic::{AtomicU64, Ordering};

/// Number of submissions in flight: one is computed, one is queued, and one is being read back.
pub(super) const DEPTH: usize = 3;
/// Target duration of one submission in milliseconds. All in flight take 50 ms, so other users of
/// the GPU notice no delay.
const AIM: f64 = 50.0 / DEPTH as f64;
/// Cells of the first submission: a few milliseconds even on a software adapter. Also the minimum,
/// because smaller submissions are dominated by latency.
const FIRST: u64 = 1 << 22;
/// Maximum number of cells: browser clocks are too coarse to measure more.
const MOST: u64 = 1 << 36;

/// Number of cells per submission, adapted to measured durations.
pub(super) struct Pace {
    cells: AtomicU64,
}

impl Pace {
    pub(super) fn new() -> Self {
        Self { cells: AtomicU64::new(FIRST) }
    }

    /// Number of cells of the next submission.
    pub(super) fn cells(&self) -> u64 {
        self.cells.load(Ordering::Relaxed)
    }

    /// Adapts to the duration of a submission of `cells`.
    pub(super) fn learn(&self, cells: u64, milliseconds: f64) {
        let now = self.cells() as f64;
        // A small submission says little about the speed, so it never reduces the next one.
        let fair = cells as f64 * AIM / milliseconds.max(1.0);
        let next = if fair < now { fair.max(now / 4.0) } else { fair.min(now * 2.0) };
        // A small remainder at the end does not reduce the next submission.
        if next >= now || milliseconds > AIM {
            self.cells.store((next as u64).clamp(FIRST, MOST), Ordering::Relaxed);
        }
    }
}

/// A stopwatch that also works in browsers.
pub(super) struct Stopwatch {
    #[cfg(not(target_arch = "wasm32"))]
    start: std::time::Instant,
    #[cfg(target_arch = "wasm32")]
    start: f64,
}

impl Stopwatch {
    pub(super) fn start() -> Self {
        Self {
            #[cfg(not(target_arch = "wasm32"))]
            start: std::time::Instant::now(),
            #[cfg(target_arch = "wasm32")]
            start: js_sys::Date::now(),
        }
    }

    pub(super) fn milliseconds(&self) -> f64 {
        #[cfg(not(target_arch = "wasm32"))]
        let passed = self.start.elapsed().as_secs_f64() * 1000.0;
        #[cfg(target_arch = "wasm32")]
        let passed = js_sys::Date::now() - self.start;
        passed
    }
}

#[cfg(test)]
mod tests {
    use super::{AIM, FIRST, Pace};

    #[test]
    fn a_fast_device_gets_larger_submissions_than_a_slow_one() {
        let pace = Pace::new();
        pace.learn(FIRST, 1.0);
        assert_eq!(pace.cells(), 2 * FIRST);
        pace.learn(2 * FIRST, 2.0);
        assert_eq!(pace.cells(), 4 * FIRST);
        pace.learn(4 * FIRST, 2.0 * AIM);
        assert_eq!(pace.cells(), 2 * FIRST);
        for _ in 0..20 {
            pace.learn(pace.cells(), 1000.0);
        }
        assert_eq!(pace.cells(), FIRST);
    }

    #[test]
    fn a_small_remainder_changes_nothing() {
        let pace = Pace::new();
        pace.learn(FIRST / 1000, 3.0);
        assert_eq!(pace.cells(), FIRST);
    }
}
