//! Charts and tables that were asked for and not yet answered.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use leptos::prelude::*;
use protocol::{Drawn, ReportText};

/// What the last response contained; none before the first.
pub type Answer = RwSignal<Option<Arc<Drawn>>>;

#[derive(Default)]
struct Requests {
    /// The report that an analyst holds and the second one, and which analyst.
    held: [Option<(Arc<ReportText>, u32)>; 2],
    /// The last request id.
    last: u32,
    /// Receivers by request id.
    pending: BTreeMap<u32, Answer>,
}

thread_local! {
    static REQUESTS: RefCell<Requests> = RefCell::default();
}

/// Notes a request and returns its id. It replaces earlier requests of the same receiver.
pub fn add(answer: Answer) -> u32 {
    REQUESTS.with_borrow_mut(|requests| {
        requests.last = requests.last.wrapping_add(1);
        requests.pending.retain(|_, pending| *pending != answer);
        requests.pending.insert(requests.last, answer);
        requests.last
    })
}

/// Notes that an analyst is sent a report, as the second one or not. False if it has it already.
pub fn hold(report: &Arc<ReportText>, second: bool, analyst: u32) -> bool {
    REQUESTS.with_borrow_mut(|requests| {
        let held = &mut requests.held[usize::from(second)];
        let holds = held.as_ref().is_some_and(|(held, to)| Arc::ptr_eq(held, report) && *to == analyst);
        *held = Some((Arc::clone(report), analyst));
        !holds
    })
}

/// Takes the response to a request.
pub fn take(request_id: u32, drawn: Drawn) {
    let answer = REQUESTS.with_borrow_mut(|requests| requests.pending.remove(&request_id));
    if let Some(answer) = answer {
        // The view may be closed.
        answer.try_set(Some(Arc::new(drawn)));
    }
}
