//! The folder that is followed.

use leptos::prelude::*;

use crate::follow;
use crate::state::{App, Followed};

/// What is known about the followed training, with its switches; empty without one.
#[component]
pub fn FollowedFolder() -> impl IntoView {
    let app = App::get();
    let paused =
        move || app.followed.with(|followed| followed.as_ref().is_some_and(|followed| followed.paused));
    view! {
        <Show when=move || app.followed.with(Option::is_some)>
            <section aria-label="Followed folder"><p class="banner" data-testid="followed">
                {move || app.followed.with(|followed| followed.as_ref().map(Followed::words))}" "
                <button type="button" data-testid="pause-following" on:click=move |_| follow::pause(app, !paused())>
                    {move || if paused() { "Resume" } else { "Freeze" }}
                </button>" "
                <button type="button" class="plain" on:click=move |_| app.end_following()>"Stop following"</button>
            </p></section>
        </Show>
    }
}
