//! The finding in one line per domain.

use figures::{DomainLine, TOP_LINES};
use leptos::prelude::*;

use super::domain::DomainSwitch;
use crate::chart_options;
use crate::state::App;

/// One line per domain; of many domains the first ones, with a filter.
#[component]
pub fn DomainLines() -> impl IntoView {
    let app = App::get();
    let lines = Memo::new(move |_| app.with_report(figures::domain_lines).unwrap_or_default());
    let number = Memo::new(move |_| lines.with(Vec::len));
    let many = Memo::new(move |_| number.get() > TOP_LINES);
    let query = RwSignal::new(String::new());
    let all = RwSignal::new(false);
    let shown = move || {
        let query = query.get().to_lowercase();
        let room = if all.get() || !query.is_empty() { usize::MAX } else { TOP_LINES };
        let matching = |line: &DomainLine| line.name.to_lowercase().contains(&query);
        lines.get().into_iter().filter(matching).take(room).map(line).collect_view()
    };
    view! {
        <section class="lines" aria-label="Domains">
            <Show when=move || many.get()>
                <div class="toolbar">
                    <input
                        type="search" data-testid="domain-filter" aria-label="Filter domains" placeholder="Filter domains"
                        on:input=move |event| query.set(event_target_value(&event))
                    />
                    <button type="button" aria-pressed=move || all.get().to_string() on:click=move |_| all.update(|all| *all = !*all)>
                        {move || format!("Show all {}", number.get())}
                    </button>
                </div>
            </Show>
            <div class="scroll" tabindex="0" role="region" aria-label="Finding per domain">
                <table>
                    <thead><tr>
                        <th scope="col">"Domain"</th><th scope="col">"State"</th><th scope="col">"Delay"</th>
                        <th scope="col">"Pathway distance, 95 % interval"</th><th scope="col">"Distance, dotted: accuracy"</th>
                    </tr></thead>
                    <tbody>{shown}</tbody>
                </table>
            </div>
        </section>
    }
}

fn line(line: DomainLine) -> AnyView {
    let app = App::get();
    let color = move || figures::palette::domain(line.domain, chart_options::theme(app)).color;
    view! {
        <tr data-testid="domain-line">
            <th scope="row"><DomainSwitch place=line.domain name=line.name/></th>
            <td>{line.state}</td>
            <td>{line.delay.unwrap_or_else(|| "–".to_owned())}</td>
            <td>{line.change.unwrap_or_else(|| "–".to_owned())}</td>
            <td><svg class="spark" viewBox="0 0 120 24" aria-hidden="true">
                <path d=line.accuracy class="accuracy"></path>
                <path d=line.distance stroke=color></path>
            </svg></td>
        </tr>
    }
    .into_any()
}
