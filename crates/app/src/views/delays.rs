//! Memorization groups, matched with generalization groups.

use std::sync::Arc;

use figures::Figure;
use leptos::prelude::*;
use protocol::Drawing;
use report::{Delays as Matching, GateKind, OnsetRule};

use crate::chart::Chart;
use crate::chart_options;
use crate::controls::{DomainChoice, TwinSwitch};
use crate::drawings;
use crate::format::{count, figure};
use crate::state::App;

/// The view *Delays*: memorization groups matched with generalization groups.
#[component]
pub fn Delays() -> impl IntoView {
    let app = App::get();
    let drawn = drawings::draw(move || {
        Some(Drawing::Delays { domain: app.domain.get(), options: chart_options::domain_chart(app) })
    });
    let figures = Memo::new(move |_| {
        drawn.get().map(|drawn| drawn.figures.iter().cloned().map(Arc::new).collect()).unwrap_or_default()
    });
    let ids = Memo::new(move |_| {
        figures.with(|figures: &Vec<Arc<Figure>>| {
            figures.iter().map(|figure| figure.id.clone()).collect::<Vec<_>>()
        })
    });
    let matching = Memo::new(move |_| {
        let domain = app.domain.get();
        app.with_report(|report| report.domain(&domain).and_then(|domain| domain.delays.clone())).flatten()
    });
    view! {
        <div class="toolbar"><DomainChoice/><TwinSwitch/></div>
        <div class="columns">
        <div class="charts">
            <For each=move || ids.get() key=Clone::clone let:id>
                {
                    let figure = Signal::derive(move || figures.with(|figures| figures.iter().find(|figure| figure.id == id).cloned()));
                    view! { <Chart figure/> }
                }
            </For>
        </div>
        {move || match matching.get() {
            None => view! {
                <p class="missing">"Delays need benchmark results per item and checkpoint. Drop a run.json or a CSV with item, domain, step and correct."</p>
            }.into_any(),
            Some(matching) => {
                let domain = app.domain.get();
                let certainty = app
                    .with_report(|report| report.domain(&domain).and_then(|domain| figures::certainty(report, domain)))
                    .flatten();
                view! { <Matched matching certainty/> }.into_any()
            }
        }}
        </div>
    }
}

#[component]
fn Matched(matching: Matching, certainty: Option<String>) -> impl IntoView {
    let app = App::get();
    let frequency =
        app.with_report(|report| report.run.gate_kind == GateKind::SelectionFrequency).unwrap_or(false);
    let rule = app.with_report(|report| report.settings.onset_rule).unwrap_or_default();
    let unconfirmed = app.with_report(|report| report.settings.unconfirmed).unwrap_or(false);
    let steps = app.with_report(|report| report.steps().collect::<Vec<_>>()).unwrap_or_default();
    let step =
        move |checkpoint: usize| steps.get(checkpoint).map_or_else(|| "–".to_owned(), |step| count(*step));
    let train: Vec<(String, usize)> =
        matching.train.iter().map(|group| (step(group.checkpoint), group.count)).collect();
    let test: Vec<(String, usize)> =
        matching.test.iter().map(|group| (step(group.checkpoint), group.count)).collect();
    let name = |groups: &[(String, usize)], place: usize| groups.get(place).cloned().unwrap_or_default();
    let rows: Vec<_> = matching
        .pairs
        .iter()
        .map(|pair| {
            let ((memorized, samples), (generalized, items)) =
                (name(&train, pair.train), name(&test, pair.test));
            let delay = if pair.delay < 0 {
                format!("−{}", count(pair.delay.unsigned_abs()))
            } else {
                count(pair.delay.unsigned_abs())
            };
            [memorized, count(samples as u64), generalized, count(items as u64), delay, figure(pair.score)]
        })
        .collect();
    let totals = match matching.second_best_total {
        Some(second) => {
            format!("Total score {}; the best other matching has {}.", figure(matching.total), figure(second))
        }
        None => format!("Total score {}; no other matching exists.", figure(matching.total)),
    };
    view! {
        <section class="matched" aria-labelledby="matching-heading">
            <h3 id="matching-heading">"Matched groups"</h3>
            {certainty.map(|text| view! { <p><strong>{format!("{text}.")}</strong></p> })}
            <div class="scroll" tabindex="0" role="region" aria-label="Rows: Matched groups">
                <table>
                    <caption class="unseen">"Matched groups"</caption>
                    <thead><tr>
                        <th scope="col" class="number">{format!("{}, step", rule.of_samples())}</th><th scope="col" class="number">"samples"</th>
                        <th scope="col" class="number">{format!("{}, step", rule.of_items())}</th><th scope="col" class="number">"items"</th>
                        <th scope="col" class="number">"delay, steps"</th><th scope="col" class="number">"mean cosine"</th>
                    </tr></thead>
                    <tbody>{rows.into_iter().map(|row| view! {
                        <tr>{row.into_iter().map(|cell| view! { <td class="number">{cell}</td> }).collect_view()}</tr>
                    }).collect_view()}</tbody>
                </table>
            </div>
            <p>{totals}</p>
            <p class="soft">
                {if matching.from_gates && frequency {
                    "No text embeddings were given: the cosines are between selection frequencies at the last checkpoint and differ little. "
                } else if matching.from_gates {
                    "No text embeddings were given: the cosines are between mean gates at the last checkpoint and differ little. "
                } else {
                    "The cosines are between text embeddings. "
                }}
                {if rule == OnsetRule::Causal {
                    "Steps are those that could be known at the time; Settings can switch to the paper’s t* and t#."
                } else if unconfirmed {
                    "Groups that only the last checkpoint confirms are included."
                } else {
                    "Groups that only the last checkpoint confirms are excluded; Settings can include them."
                }}
            </p>
        </section>
    }
}
