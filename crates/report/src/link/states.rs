//! Changes of states travel as courses, which predict them; what follows from them is left out.

use crate::{Course, Report, State, derive};

/// Metric of the courses that hold the changes of states in a link.
const METRIC: &str = "states.change";

/// Moves the changes of states to courses, and clears what [`restore`] computes.
pub(super) fn take(report: &mut Report) {
    for domain in &mut report.domains {
        let found = domain.generalization.iter_mut().map(|found| &mut found.causal);
        for steps in found.chain([&mut domain.memorization.causal]) {
            (steps.never, steps.half) = (0, None);
        }
        if domain.states.iter().any(|state| state.change.or(state.se).is_some()) {
            report.courses.push(Course {
                metric: METRIC.to_owned(),
                domain: domain.name.clone(),
                values: domain.states.iter().map(|state| state.change).collect(),
                se: Some(domain.states.iter().map(|state| state.se).collect()),
                ..Course::default()
            });
        }
        for state in &mut domain.states {
            *state = State { phase: state.phase, ..State::default() };
        }
    }
}

/// Moves the changes back, and computes the rest.
pub(super) fn restore(report: &mut Report) {
    let (moved, courses): (Vec<Course>, Vec<Course>) =
        std::mem::take(&mut report.courses).into_iter().partition(|course| course.metric == METRIC);
    report.courses = courses;
    for course in moved {
        let Some(domain) = report.domains.iter_mut().find(|domain| domain.name == course.domain) else {
            continue;
        };
        for (state, change) in domain.states.iter_mut().zip(course.values) {
            state.change = change;
        }
        for (state, se) in domain.states.iter_mut().zip(course.se.unwrap_or_default()) {
            state.se = se;
        }
    }
    derive::states(report);
}
