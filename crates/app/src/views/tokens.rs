//! Experts of single tokens, early and late in training, and the tokens of an expert.

use std::sync::Arc;

use leptos::prelude::*;
use protocol::Drawing;

use crate::chart::Chart;
use crate::chart_options;
use crate::controls::{DomainChoice, LayerSlider, TwinSwitch, sample_search};
use crate::drawings;
use crate::state::{App, TokenChoice};

/// The view *Tokens*: the experts of a sample's tokens at the pinned or first checkpoint and at the
/// current one, and the tokens that an expert of the selected layer selects most.
#[component]
pub fn Tokens() -> impl IntoView {
    let app = App::get();
    let typed = RwSignal::new(String::new());
    let chosen = app.tokens;
    let (search, _) = sample_search(app);
    Effect::new(move || {
        let id = typed.get();
        let found = app.samples.with(|(listed, _)| listed.iter().find(|sample| sample.id == id).cloned());
        if let Some(found) = found {
            chosen.update(|chosen| chosen.sample = Some(found.index));
            app.domain.set(found.domain);
        }
    });
    let drawn = drawings::draw(move || {
        let TokenChoice { sample, token, expert } = chosen.get();
        Some(Drawing::Tokens {
            domain: app.domain.get(),
            sample,
            from: token,
            checkpoints: [app.pin.get().unwrap_or(0), app.checkpoint.get()],
            layer: app.layer.get(),
            expert,
            options: chart_options::domain_chart(app),
        })
    });
    // The address names a sample by its index.
    Effect::new(move || {
        let id = drawn.with(|drawn| drawn.as_ref().map(|drawn| drawn.sample.clone())).unwrap_or_default();
        if chosen.get_untracked().sample.is_some() && typed.with_untracked(String::is_empty) {
            typed.set(id);
        }
    });
    // A chart that is missing leaves its side empty.
    let chart = move |id: &'static str| {
        let figure = Memo::new(move |_| {
            let found =
                drawn.with(|drawn| drawn.as_ref()?.figures.iter().find(|figure| figure.id == id).cloned());
            found.map(Arc::new)
        });
        view! { <div><Show when=move || figure.with(Option::is_some)><Chart figure=figure.into()/></Show></div> }
    };
    let number = move |label: &'static str,
                       hint: &'static str,
                       id: &'static str,
                       value: fn(TokenChoice) -> Option<usize>,
                       changed: fn(&mut TokenChoice, Option<usize>)| {
        view! {
            <label class="choice">
                <span class="soft">{label}</span>
                <input
                    type="number" min="0" placeholder=hint data-testid=id
                    prop:value=move || value(chosen.get()).map(|value| value.to_string()).unwrap_or_default()
                    on:change=move |event| chosen.update(|chosen| changed(chosen, event_target_value(&event).parse().ok()))
                />
            </label>
        }
    };
    view! {
        <div class="toolbar">
            <DomainChoice/>
            <label class="choice">
                <span class="soft">"Sample"</span>
                <input
                    type="search" list="token-samples" autocomplete="off" spellcheck="false" placeholder="first of the domain"
                    data-testid="token-sample" prop:value=move || typed.get()
                    on:input=move |event| {
                        let text = event_target_value(&event);
                        if text.is_empty() {
                            chosen.update(|chosen| chosen.sample = None);
                        }
                        typed.set(text.clone());
                        search(text);
                    }
                />
                <datalist id="token-samples">
                    {move || app.samples.with(|(samples, _)| samples.iter().map(|sample| view! {
                        <option value=sample.id.clone()>{sample.domain.clone()}</option>
                    }).collect_view())}
                </datalist>
            </label>
            {number("From token", "0", "token-from", |chosen| Some(chosen.token).filter(|token| *token > 0), |chosen, token| chosen.token = token.unwrap_or(0))}
            <a href="metrics.html#experts-of-single-tokens" target="_blank">"Definition"</a>
            <TwinSwitch/>
        </div>
        <div class="pair-of-charts">
            {chart("tokens-early")}
            {chart("tokens-late")}
        </div>
        <p class="soft hint">
            "Left: the pinned checkpoint, or the first one. Right: the current checkpoint. Outlined: the first expert differs from that in the left chart."
        </p>
        {move || drawn.with(|drawn| drawn.iter().flat_map(|drawn| drawn.notes.clone()).map(|note| view! {
            <p class="soft" data-testid="token-note">{note}</p>
        }).collect_view())}
        <Show when=move || !app.presenting.get()>
            <div class="toolbar">
                <LayerSlider/>
                {number("Expert", "most selected", "token-expert", |chosen| chosen.expert, |chosen, expert| chosen.expert = expert)}
            </div>
            {chart("expert-tokens")}
        </Show>
    }
}
