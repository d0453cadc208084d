//! The bar that stays at the top while the view scrolls: views, checkpoint, main figures.

use leptos::prelude::*;

use super::readout::MainReadout;
use crate::browser;
use crate::controls::CheckpointSlider;
use crate::state::{App, View};

/// The view switcher with its keys, the slider of views over checkpoints, and the main figures of
/// the Timeline.
#[component]
pub fn StickyBar() -> impl IntoView {
    let app = App::get();
    let timeline = Memo::new(move |_| app.view.get() == View::Timeline);
    let slides = Memo::new(move |_| !matches!(app.view.get(), View::Delays | View::Table));
    // Where the views do not fit beside each other, the current one is in sight.
    Effect::new(move || {
        app.view.track();
        request_animation_frame(|| browser::center_in_row(".views [aria-current=page]"));
    });
    view! {
        <div class="sticky" data-testid="sticky-bar">
            <nav class="views" aria-label="Views">
                {View::ALL.into_iter().map(|view| view! {
                    <button
                        type="button"
                        data-testid=format!("view-{}", view.slug())
                        hidden=move || !app.offers(view)
                        aria-current=move || if app.view.get() == view { "page" } else { "false" }
                        on:click=move |_| app.view.set(view)
                    ><kbd>{view.key()}</kbd>" "{view.title()}</button>
                }).collect_view()}
            </nav>
            <Show when=move || slides.get()><CheckpointSlider/></Show>
            <Show when=move || timeline.get()><MainReadout/></Show>
        </div>
    }
}
