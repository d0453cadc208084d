//! Events of a run that is being trained: a domain enters a state (docs/metrics.md#state-of-a-domain).
//!
//! A state depends only on the checkpoints up to its own, so an event stays true as the run grows.

use figures::number;
use report::{Domain, FALSE_ALARM_RATE, Phase, Report, State};
use serde::{Deserialize, Serialize};

/// A domain entered a state. Contains figures only, no text of samples.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Name of the domain.
    pub domain: String,
    /// The state entered.
    pub state: Phase,
    /// Training step of the checkpoint at which it was entered.
    pub step: u64,
    /// Training tokens seen by then, if the trace states them.
    pub tokens: Option<u64>,
    /// Number of this checkpoint in the run, from 1.
    pub checkpoint: usize,
    /// Last training step of the run when the event was noticed.
    pub noticed_at: u64,
    /// Samples declared memorized by this checkpoint.
    pub declared: usize,
    /// Samples of the domain.
    pub samples: usize,
    /// Training step with which the distance is compared.
    pub reference_step: Option<u64>,
    /// Pathway distance of the declared samples over that at the reference, minus 1.
    pub change: Option<f64>,
    /// Standard error of the change over the choice of samples.
    pub se: Option<f64>,
    /// Lower one-sided bound of the change.
    pub lower: Option<f64>,
    /// Upper one-sided bound of the change.
    pub upper: Option<f64>,
    /// Number of the look at the distance, from 1.
    pub look: Option<u64>,
    /// Level of each bound at this look.
    pub level: Option<f64>,
    /// Largest probability that a domain whose distance does not change ever enters this state; absent for `memorized`,
    /// which is a count and no test.
    pub false_alarm_rate: Option<f64>,
}

impl Event {
    fn new(report: &Report, domain: &Domain, at: usize, state: &State) -> Option<Self> {
        let checkpoint = report.checkpoints.get(at)?;
        let declared = domain.memorization.causal.declared.iter().take(at + 1);
        let tested = matches!(state.phase, Phase::Structuring | Phase::Diverging);
        Some(Self {
            domain: domain.name.clone(),
            state: state.phase,
            step: checkpoint.step,
            tokens: checkpoint.tokens,
            checkpoint: at + 1,
            noticed_at: report.checkpoints.last()?.step,
            declared: declared.fold(0, |sum, count| count.saturating_add(sum)),
            samples: domain.samples,
            reference_step: state.reference.and_then(|at| Some(report.checkpoints.get(at)?.step)),
            change: state.change,
            se: state.se,
            lower: state.lower,
            upper: state.upper,
            look: state.look,
            level: state.level,
            false_alarm_rate: tested.then_some(FALSE_ALARM_RATE),
        })
    }

    /// Whether both are the same event: same domain, state and step.
    pub fn is_same(&self, other: &Self) -> bool {
        self.domain == other.domain && self.state == other.state && self.step == other.step
    }

    /// The event as one line, with the figures that made it true.
    pub fn line(&self) -> String {
        let step = number::count(self.step);
        let start = format!("event at step {step}: {} is {}", self.domain, state_name(self.state));
        let (bound, name) = match self.state {
            Phase::Structuring => (self.upper, "upper"),
            Phase::Diverging => (self.lower, "lower"),
            Phase::Learning | Phase::Memorized => {
                return format!(
                    "{start}: {} of {} samples are declared memorized (a count, so without a false-alarm rate)",
                    self.declared, self.samples
                );
            }
        };
        let percent = |share: Option<f64>| share.map_or_else(|| "?".to_owned(), number::percent);
        format!(
            "{start}: the pathway distance of its {} memorized samples changed by {} since step {} ({name} bound {} at \
             level {}, look {}; false-alarm rate at most {} per domain, over the choice of samples)",
            self.declared,
            percent(self.change),
            self.reference_step.map_or_else(|| "?".to_owned(), number::count),
            percent(bound),
            self.level.map_or_else(|| "?".to_owned(), |level| number::fixed(level, 4)),
            self.look.unwrap_or(0),
            percent(self.false_alarm_rate),
        )
    }
}

/// Name of a state.
pub fn state_name(state: Phase) -> &'static str {
    match state {
        Phase::Learning => "learning",
        Phase::Memorized => "memorized",
        Phase::Structuring => "structuring",
        Phase::Diverging => "diverging",
    }
}

/// Events of a report that the report before it lacks, in the order of the checkpoints.
pub fn new_events(previous: Option<&Report>, now: &Report) -> Vec<Event> {
    let known = previous.map(all_events).unwrap_or_default();
    let mut found = all_events(now);
    found.retain(|event| !known.iter().any(|known| known.is_same(event)));
    found
}

/// All events of a report, in the order of the checkpoints.
pub fn all_events(report: &Report) -> Vec<Event> {
    let mut found = Vec::new();
    for domain in &report.domains {
        let mut before = Phase::Learning;
        for (at, state) in domain.states.iter().enumerate() {
            if std::mem::replace(&mut before, state.phase) != state.phase {
                found.extend(Event::new(report, domain, at, state));
            }
        }
    }
    found.sort_by_key(|event| event.checkpoint);
    found
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use report::{Phase, Report};

    use super::{Event, new_events};

    /// The report of the fixture: `math` is memorized at step 5,000 and structuring at step 7,000.
    fn fixture() -> Report {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/reports/run-a.json");
        report::parse_json(&fs::read_to_string(path).unwrap()).unwrap()
    }

    /// Its states after so many checkpoints.
    fn after(checkpoints: usize) -> Report {
        let mut report = fixture();
        report.checkpoints.truncate(checkpoints);
        for domain in &mut report.domains {
            domain.states.truncate(checkpoints);
        }
        report
    }

    fn keys(events: &[Event]) -> Vec<(&str, Phase, u64, u64)> {
        events.iter().map(|event| (&event.domain[..], event.state, event.step, event.noticed_at)).collect()
    }

    #[test]
    fn an_event_is_new_at_the_report_that_has_it_first() {
        assert_eq!(new_events(None, &after(4)), []);
        let memorized = new_events(Some(&after(4)), &after(5));
        assert_eq!(keys(&memorized), [("math", Phase::Memorized, 5000, 5000)]);
        assert_eq!(new_events(Some(&after(5)), &after(6)), []);
        let structuring = new_events(Some(&after(6)), &after(7));
        assert_eq!(keys(&structuring), [("math", Phase::Structuring, 7000, 7000)]);
        // Several checkpoints at once: each event with its own step.
        let both = new_events(None, &after(7));
        assert_eq!(
            keys(&both),
            [("math", Phase::Memorized, 5000, 7000), ("math", Phase::Structuring, 7000, 7000)]
        );
    }

    #[test]
    fn a_line_names_the_figures_that_made_it_true() {
        let lines: Vec<String> = new_events(None, &fixture()).iter().map(Event::line).collect();
        assert_eq!(
            lines,
            [
                "event at step 5,000: math is memorized: 5 of 24 samples are declared memorized (a count, so without a \
                 false-alarm rate)",
                "event at step 7,000: math is structuring: the pathway distance of its 5 memorized samples changed by \
                 −43 % since step 5,000 (upper bound −12 % at level 0.0076, look 2; false-alarm rate at most 5.0 % per \
                 domain, over the choice of samples)",
            ]
        );
    }

    #[test]
    fn an_event_is_read_as_it_was_written() {
        for event in new_events(None, &fixture()) {
            let read: Event = serde_json::from_str(&serde_json::to_string(&event).unwrap()).unwrap();
            assert!(read.is_same(&event));
            assert_eq!((read.declared, read.look), (event.declared, event.look));
        }
    }
}
