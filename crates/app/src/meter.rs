//! Progress with its rate and the remaining time.

use protocol::{Progress, WorkUnit};

use crate::format;

/// Progress and its rate.
#[derive(Clone, Debug, PartialEq)]
pub struct Meter {
    /// The analyst's last progress message.
    pub progress: Progress,
    /// Start of this count: time in milliseconds and units done by then.
    since: (f64, u64),
    /// Units per second, once it can be measured.
    pub rate: Option<f64>,
}

impl Meter {
    /// The meter after a progress message that arrived at `at` (milliseconds).
    pub fn next(before: Option<&Self>, progress: Progress, at: f64) -> Self {
        let since = match before {
            // A smaller count or another unit is new work, whose rate is measured from its start.
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

    /// Share completed, in `[0, 1]`; `None` while the total is unknown.
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

    /// `35 MiB/s, 4 s left`; empty while the rate is unknown.
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
    fn a_smaller_count_is_new_work() {
        let before = Meter::next(None, pairs(900), 0.0);
        let after = Meter::next(Some(&before), pairs(10), 1000.0);
        assert_eq!(after.rate, None);
    }
}
