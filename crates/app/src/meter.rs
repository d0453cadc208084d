//! Progress with its rate and the time left.

use protocol::{Progress, WorkUnit};

use crate::format;

/// How far the work is and how fast it goes.
#[derive(Clone, Debug, PartialEq)]
pub struct Meter {
    /// What the analyst last said.
    pub progress: Progress,
    /// When this count began, milliseconds, and what was done by then.
    since: (f64, u64),
    /// Units a second, once it can be told.
    pub rate: Option<f64>,
}

impl Meter {
    /// Takes in what the analyst says at a time (milliseconds).
    pub fn next(before: Option<&Self>, progress: Progress, at: f64) -> Self {
        let since = match before {
            // A smaller count or another unit is other work: its rate is measured anew.
            Some(before)
                if before.progress.unit == progress.unit && before.progress.done <= progress.done =>
            {
                before.since
            }
            _ => (at, progress.done),
        };
        let seconds = (at - since.0) / 1000.0;
        let done = progress.done.saturating_sub(since.1) as f64;
        let rate = (seconds >= 0.2 && done > 0.0).then(|| done / seconds);
        Self { progress, since, rate }
    }

    /// Share done, in `[0, 1]`; nothing where the total is not known yet.
    pub fn share(&self) -> Option<f64> {
        let Progress { done, total, .. } = self.progress;
        (total > 0).then(|| done.min(total) as f64 / total as f64)
    }

    /// `12 MiB of 200 MiB`.
    pub fn amount(&self) -> String {
        let Progress { done, total, unit, .. } = self.progress;
        match unit {
            WorkUnit::Bytes => format!("{} of {}", format::bytes(done), format::bytes(total)),
            WorkUnit::Pairs => format!("{} of {} pairs", format::count(done), format::count(total)),
        }
    }

    /// `35 MiB/s, 4 s left`, or nothing while the rate is not known.
    pub fn pace(&self) -> String {
        let Some(rate) = self.rate else { return String::new() };
        let each = match self.progress.unit {
            WorkUnit::Bytes => format!("{}/s", format::bytes(rate as u64)),
            WorkUnit::Pairs => format!("{} pairs/s", format::count(rate as u64)),
        };
        let left = self.progress.total.saturating_sub(self.progress.done) as f64 / rate;
        if left > 0.0 { format!("{each}, {} left", format::duration(left)) } else { each }
    }
}

#[cfg(test)]
mod tests {
    use super::Meter;
    use protocol::{Progress, WorkUnit};

    fn pairs(done: u64) -> Progress {
        Progress { stage: "distances".to_owned(), done, total: 1000, unit: WorkUnit::Pairs }
    }

    #[test]
    fn the_rate_is_measured_from_the_start_of_a_count() {
        let first = Meter::next(None, pairs(0), 0.0);
        assert_eq!(first.rate, None);
        let second = Meter::next(Some(&first), pairs(250), 500.0);
        assert_eq!(second.rate, Some(500.0));
        assert_eq!(second.pace(), "500 pairs/s, 2 s left");
        assert_eq!(second.amount(), "250 of 1,000 pairs");
        assert_eq!(second.share(), Some(0.25));
    }

    #[test]
    fn a_smaller_count_is_other_work() {
        let before = Meter::next(None, pairs(900), 0.0);
        let after = Meter::next(Some(&before), pairs(10), 1000.0);
        assert_eq!(after.rate, None);
    }
}
