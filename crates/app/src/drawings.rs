//! Charts and tables that the analyst draws: the page does without their code, which keeps it small.

use std::sync::Arc;

use figures::Figure;
use leptos::prelude::*;
use protocol::{Drawing, Job, ReportText};

use crate::analyst;
use crate::drawing_requests::{self, Answer};
use crate::state::App;

/// Requests a drawing, and again whenever the request, the report or the analyst changes. The old drawing stays until
/// the new one arrives.
pub fn draw(request: impl Fn() -> Option<Drawing> + 'static) -> Answer {
    let answer = Answer::new(None);
    draw_into(answer, request);
    answer
}

/// As [`draw`], with the response in a signal that outlives the caller.
pub fn draw_into(answer: Answer, request: impl Fn() -> Option<Drawing> + 'static) {
    draw_boxed(answer, Box::new(request));
}

/// Not generic, to keep the WebAssembly small.
fn draw_boxed(answer: Answer, request: Box<dyn Fn() -> Option<Drawing>>) {
    let app = App::get();
    Effect::new(move || {
        app.report.track();
        // A new analyst answers none of the requests to an earlier one.
        app.analysts.track();
        let (Some(drawing), Some(report)) = (request(), app.text.get_value()) else { return };
        hold(app, &report, false);
        if let (Drawing::Compare { .. }, Some(second)) = (&drawing, app.other.get().and_then(|run| run.text))
        {
            hold(app, &second, true);
        }
        analyst::post(app, &Job::Draw { request_id: drawing_requests::add(answer), drawing });
    });
}

/// Sends the analyst a report that it does not have yet.
fn hold(app: App, report: &Arc<ReportText>, second: bool) {
    if drawing_requests::hold(report, second, app.analysts.get_untracked()) {
        analyst::post(app, &Job::Hold { report: (**report).clone(), second });
    }
}

/// The first chart of an answer.
pub fn first(answer: Answer) -> Signal<Option<Arc<Figure>>> {
    Memo::new(move |_| {
        answer.with(|drawn| drawn.as_ref().and_then(|drawn| drawn.figures.first().cloned()).map(Arc::new))
    })
    .into()
}

/// Whether the analyst answered that the report lacks the figures.
pub fn lacks(answer: Answer) -> bool {
    answer.with(|drawn| drawn.as_ref().is_some_and(|drawn| drawn.figures.is_empty()))
}
