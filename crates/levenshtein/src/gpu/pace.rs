//! How much work a GPU is given at once, so that it never is busy for long.

use std::sync::atomic::{AtomicU64, Ordering};

/// So many submissions are under way at once: one is computed, one waits, and the answer of one is on its way.
pub(super) const DEPTH: usize = 3;
/// One submission shall take so many milliseconds: all that are under way, what would be felt by whoever shares
/// the GPU.
const AIM: f64 = 50.0 / DEPTH as f64;
/// Where a new device begins: a few milliseconds even where the GPU is imitated by a processor. It never gets
/// less, for what still takes long then is not the computing but the way there and back.
const FIRST: u64 = 1 << 22;
/// No more than this, however fast it seems: clocks in browsers are coarse.
const MOST: u64 = 1 << 36;

/// The cells of the dynamic programme that one submission may have. Learned from one submission to the next.
pub(super) struct Pace {
    cells: AtomicU64,
}

impl Pace {
    pub(super) fn new() -> Self {
        Self { cells: AtomicU64::new(FIRST) }
    }

    /// How many cells to compute next.
    pub(super) fn cells(&self) -> u64 {
        self.cells.load(Ordering::Relaxed)
    }

    /// Takes note of how long `cells` took.
    pub(super) fn learn(&self, cells: u64, milliseconds: f64) {
        let now = self.cells() as f64;
        // What a small submission took says little about the speed; it never slows the next one down.
        let fair = cells as f64 * AIM / milliseconds.max(1.0);
        let next = if fair < now { fair.max(now / 4.0) } else { fair.min(now * 2.0) };
        // A remainder at the end of a job is no reason to begin small again.
        if next >= now || milliseconds > AIM {
            self.cells.store((next as u64).clamp(FIRST, MOST), Ordering::Relaxed);
        }
    }
}

/// A stopwatch that works in browsers too.
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
    fn a_fast_device_gets_more_and_a_slow_one_less() {
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
