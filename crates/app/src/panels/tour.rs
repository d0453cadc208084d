//! The panel of the tour at the lower edge: what the step shows, what it does not show, back and next.

use leptos::prelude::*;
use protocol::Drawing;

use crate::browser;
use crate::drawings;
use crate::state::{App, Origin};
use crate::tour;

/// The panel, while the tour is open.
#[component]
pub fn TourPanel() -> impl IntoView {
    let app = App::get();
    let open = Memo::new(move |_| app.tour.with(Option::is_some) && app.report.with(Option::is_some));
    view! {
        <Show when=move || open.get()>
            <Panel/>
        </Show>
    }
}

#[component]
fn Panel() -> impl IntoView {
    let app = App::get();
    drawings::draw_into(app.tour_steps, move || {
        let traces = app.origin.get() == Origin::Files && !app.files.with(Vec::is_empty);
        Some(Drawing::Tour { traces })
    });
    on_cleanup(tour::unmark);
    let step = Memo::new(move |_| tour::step(app, 0));
    Effect::new(move || step.with(|step| step.iter().for_each(|step| tour::show(app, step))));
    let tour = move |read: fn(&figures::Tour) -> String| {
        app.tour_steps.with(|drawn| drawn.as_ref().map(|drawn| read(&drawn.tour)).unwrap_or_default())
    };
    let heading = move || {
        let (at, all) = (app.tour.get().unwrap_or(0) + 1, tour(|tour| tour.steps.len().to_string()));
        step.with(|step| step.as_ref().map(|step| format!("{at} of {all}: {}", step.title)))
    };
    let text = move |read: fn(&figures::TourStep) -> &str| {
        step.with(|step| step.as_ref().map(|step| read(step).to_owned()).unwrap_or_default())
    };
    let close = move |_| {
        tour::close(app);
        browser::focus("[data-testid=tour]");
    };
    view! {
        <section class="tour" data-testid="tour-panel" aria-labelledby="tour-heading">
            <header>
                <h2 id="tour-heading" data-testid="tour-step">{heading}</h2>
                <button type="button" data-testid="tour-back" disabled=move || app.tour.get() == Some(0) on:click=move |_| tour::turn(app, false)>"Back"</button>
                <button type="button" class="primary" data-testid="tour-next" disabled=move || tour::step(app, 1).is_none() on:click=move |_| tour::turn(app, true)>"Next"</button>
                <button type="button" data-testid="tour-close" on:click=close>"Close"</button>
            </header>
            <div class="words" role="status" tabindex="0">
                <p data-testid="tour-shows">{move || text(|step| &step.shows)}</p>
                <p class="soft" data-testid="tour-limits"><strong>"Not shown: "</strong>{move || text(|step| &step.limits)}</p>
                <p class="soft" data-testid="tour-left-out">{move || tour(|tour| tour.left_out.clone())}</p>
            </div>
        </section>
    }
}
