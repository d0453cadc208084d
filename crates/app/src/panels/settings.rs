//! The settings that change figures. A change recomputes what depends on it, and no more.

use leptos::prelude::*;
use report::{PairBudget, Settings, Unit, Window};
use worker::Job;

use crate::analyst;
use crate::format::{count, figure};
use crate::panels::dialog::Modal;
use crate::panels::engine::BackendChoice;
use crate::panels::progress::Progress;
use crate::state::{App, Dialog, Origin};
use crate::views::controls::Choice;

/// The panel at the right edge.
#[component]
pub fn SettingsDialog() -> impl IntoView {
    view! {
        <Modal open=|dialog| matches!(dialog, Dialog::Settings) title="Settings" id="settings-dialog" class="side">
            <Panel/>
        </Modal>
    }
}

/// Applies a change where it makes one, and has the analyst recompute.
fn change(app: App, apply: impl FnOnce(&mut Settings)) {
    let mut settings = app.settings.get_untracked();
    apply(&mut settings);
    if settings == app.settings.get_untracked() {
        return;
    }
    app.settings.set(settings.clone());
    analyst::work(app, &Job::Configure { settings }, &[]);
}

#[component]
fn Panel() -> impl IntoView {
    let app = App::get();
    let fixed = move || app.origin.get() != Origin::Files;
    view! {
        <Show when=fixed>
            <p class="banner">"These figures came without their traces. Drop the run’s files to change how they are made."</p>
        </Show>
        <Progress/>
        <fieldset class="fields" prop:disabled=fixed>
            <legend class="unseen">"How the figures are made"</legend>
            <Pathways/>
            <Pairs/>
            <Memorization/>
            <Correlations/>
        </fieldset>
        <h3>"Computing"</h3>
        <label class="field">
            <span class="name">"Computed on"</span>
            <BackendChoice id="computing"/>
            <span class="soft">{move || { let (badge, note) = app.badge.get(); format!("distances and checkpoints; now {badge}. {note}") }}</span>
        </label>
        <p class="soft">"Figures on the page keep their old settings until new ones are there. All settings ride in links and exports."</p>
    }
}

#[component]
fn Pathways() -> impl IntoView {
    let app = App::get();
    let sweep = move || app.settings.with(|settings| settings.sweep.clone());
    view! {
        <h3>"Pathways"</h3>
        <Field
            label="τ" hint="routing weight that a pathway’s layer must exceed; paper: 0.7"
            value=Signal::derive(move || app.settings.with(|settings| settings.tau.to_string()))
            take=move |text| {
                let tau = number(text)?;
                if !(tau > 0.0 && tau < 1.0) {
                    return Err("τ lies between 0 and 1.".to_owned());
                }
                change(app, |settings| settings.tau = tau);
                Ok(())
            }
        />
        <div class="strip" role="group" aria-label="Thresholds of the sweep; choose one as τ">
            {move || sweep().into_iter().map(|tau| view! {
                <button
                    type="button"
                    aria-pressed=move || app.settings.with(|settings| settings.tau.to_bits() == tau.to_bits()).to_string()
                    on:click=move |_| change(app, |settings| settings.tau = tau)
                >
                    <span>{format!("τ {tau}")}</span>
                    <span class="soft">{move || at_last_checkpoint(app, tau)}</span>
                </button>
            }).collect_view()}
        </div>
        <Field
            label="Sweep" hint="thresholds whose distances are shown beside, with commas"
            value=Signal::derive(move || sweep().iter().map(ToString::to_string).collect::<Vec<_>>().join(", "))
            take=move |text| {
                let mut sweep = Vec::new();
                for part in text.split([',', ' ', ';']).filter(|part| !part.is_empty()) {
                    let tau = number(part)?;
                    if !(tau > 0.0 && tau < 1.0) {
                        return Err(format!("{part} does not lie between 0 and 1."));
                    }
                    sweep.push(tau);
                }
                if sweep.len() > 16 {
                    return Err("At most 16 thresholds.".to_owned());
                }
                sweep.sort_by(f64::total_cmp);
                sweep.dedup();
                change(app, |settings| settings.sweep = sweep);
                Ok(())
            }
        />
        <Choice
            label="Unit of the distance"
            options=vec![("symbols", Unit::Symbol), ("characters", Unit::Character)]
            chosen=Signal::derive(move || app.settings.with(|settings| settings.unit))
            choose=move |unit| change(app, |settings| settings.unit = unit)
        />
    }
}

/// Mean distance at a threshold and the last checkpoint, over the domains, as a hint in the strip.
fn at_last_checkpoint(app: App, tau: f64) -> String {
    let mean = app.with_report(|report| {
        let values: Vec<f64> = report
            .domains
            .iter()
            .filter_map(|domain| {
                let sweep = domain.sweep.iter().find(|sweep| {
                    sweep.tau.to_bits() == tau.to_bits() && sweep.group == report::Group::All
                })?;
                *sweep.mean.last()?
            })
            .collect();
        (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
    });
    mean.flatten().map(figure).unwrap_or_default()
}

#[component]
fn Pairs() -> impl IntoView {
    let app = App::get();
    let exact = Memo::new(move |_| app.settings.with(|settings| settings.pairs == PairBudget::Exact));
    view! {
        <h3>"Pairs"</h3>
        <Choice
            label="Pairs measured"
            options=vec![("a sample of them", false), ("every one", true)]
            chosen=Signal::derive(move || exact.get())
            choose=move |exact| change(app, |settings| {
                settings.pairs = if exact { PairBudget::Exact } else { Settings::default().pairs };
            })
        />
        <Show when=move || !exact.get()>
            <Field
                label="Pairs a checkpoint" hint="over all domains and groups"
                value=Signal::derive(move || app.settings.with(|settings| match settings.pairs {
                    PairBudget::Sampled { per_checkpoint } => count(per_checkpoint),
                    PairBudget::Exact => String::new(),
                }))
                take=move |text| {
                    let per_checkpoint = whole(text)?;
                    if per_checkpoint == 0 {
                        return Err("At least one pair.".to_owned());
                    }
                    change(app, |settings| settings.pairs = PairBudget::Sampled { per_checkpoint });
                    Ok(())
                }
            />
        </Show>
        <Field
            label="Seed" hint="of every random draw"
            value=Signal::derive(move || app.settings.with(|settings| settings.seed.to_string()))
            take=move |text| {
                let seed = whole(text)?;
                change(app, |settings| settings.seed = seed);
                Ok(())
            }
        />
    }
}

#[component]
fn Memorization() -> impl IntoView {
    let app = App::get();
    let domains = Memo::new(move |_| {
        app.with_report(|report| report.domains.iter().map(|domain| domain.name.clone()).collect::<Vec<_>>())
            .unwrap_or_default()
    });
    view! {
        <h3>"Memorization"</h3>
        <For each=move || domains.get() key=Clone::clone let:name>
            <Eps name/>
        </For>
        <Field
            label="δ" hint="drift of a settled loss, nats"
            value=Signal::derive(move || app.settings.with(|settings| settings.delta.to_string()))
            take=move |text| {
                let delta = not_negative(text)?;
                change(app, |settings| settings.delta = delta);
                Ok(())
            }
        />
    }
}

#[component]
fn Eps(name: String) -> impl IntoView {
    let app = App::get();
    let found = {
        let name = name.clone();
        Memo::new(move |_| {
            app.with_report(|report| report.domain(&name).and_then(|domain| domain.memorization.eps))
                .flatten()
        })
    };
    let value = {
        let name = name.clone();
        Signal::derive(move || {
            app.settings.with(|settings| settings.eps.get(&name).map(ToString::to_string).unwrap_or_default())
        })
    };
    let hint = Signal::derive(move || match found.get() {
        Some(eps) => format!("nats; empty: searched, now {eps}"),
        None => "nats; empty: searched, none fits now".to_owned(),
    });
    let label = format!("ε {name}");
    view! {
        <Field label hint value take=move |text| {
            let eps = if text.trim().is_empty() { None } else { Some(not_negative(text)?) };
            change(app, |settings| match eps {
                Some(eps) => drop(settings.eps.insert(name.clone(), eps)),
                None => drop(settings.eps.remove(&name)),
            });
            Ok(())
        }/>
    }
}

#[component]
fn Correlations() -> impl IntoView {
    let app = App::get();
    let window = move |pick: fn(&Window) -> u64| {
        Signal::derive(move || {
            app.settings.with(|settings| {
                settings.window.as_ref().map(|window| pick(window).to_string()).unwrap_or_default()
            })
        })
    };
    let set = move |first: Option<u64>, last: Option<u64>| {
        change(app, |settings| {
            let old = settings.window.unwrap_or(Window { first: 0, last: u64::MAX >> 11 });
            settings.window =
                Some(Window { first: first.unwrap_or(old.first), last: last.unwrap_or(old.last) });
        });
    };
    view! {
        <h3>"Correlations and dimension"</h3>
        <Field
            label="First step" hint="of the window for correlations; empty: all" value=window(|window| window.first)
            take=move |text| {
                if text.trim().is_empty() {
                    change(app, |settings| settings.window = None);
                } else {
                    set(Some(whole(text)?), None);
                }
                Ok(())
            }
        />
        <Field
            label="Last step" hint="empty: all" value=window(|window| window.last)
            take=move |text| {
                if text.trim().is_empty() {
                    change(app, |settings| settings.window = None);
                } else {
                    set(None, Some(whole(text)?));
                }
                Ok(())
            }
        />
        <Field
            label="α" hint="ridge of the effective dimension, relative"
            value=Signal::derive(move || app.settings.with(|settings| settings.alpha.to_string()))
            take=move |text| {
                let alpha = number(text)?;
                if alpha <= 0.0 {
                    return Err("α is above 0.".to_owned());
                }
                change(app, |settings| settings.alpha = alpha);
                Ok(())
            }
        />
        <label class="check">
            <input
                type="checkbox"
                prop:checked=move || app.settings.with(|settings| settings.unconfirmed)
                on:change=move |event| {
                    let unconfirmed = event_target_checked(&event);
                    change(app, |settings| settings.unconfirmed = unconfirmed);
                }
            />
            " Pair groups too that only the last checkpoint confirms"
        </label>
    }
}

/// A line of the panel: a value that is taken when the reader leaves it, with what is wrong with it.
#[component]
fn Field(
    /// Its name.
    #[prop(into)]
    label: String,
    /// What it is, in a few words.
    #[prop(into)]
    hint: Signal<String>,
    /// The value now.
    value: Signal<String>,
    /// Takes what was typed, or says what is wrong with it.
    take: impl Fn(&str) -> Result<(), String> + 'static,
) -> impl IntoView {
    let wrong = RwSignal::new(None::<String>);
    view! {
        <label class="field">
            <span class="name">{label}</span>
            <input
                type="text" inputmode="decimal" autocomplete="off" spellcheck="false"
                prop:value=move || value.get()
                aria-invalid=move || wrong.with(Option::is_some).to_string()
                on:change=move |event| wrong.set(take(&event_target_value(&event)).err())
            />
            <span class="soft">{move || hint.get()}</span>
            <span class="wrong" role="status">{move || wrong.get()}</span>
        </label>
    }
}

fn number(text: &str) -> Result<f64, String> {
    let text = text.trim().replace(',', ".");
    wire::number::parse(&text).ok_or_else(|| format!("“{text}” is not a number."))
}

fn not_negative(text: &str) -> Result<f64, String> {
    number(text)
        .and_then(|value| if value < 0.0 { Err("It cannot be below 0.".to_owned()) } else { Ok(value) })
}

fn whole(text: &str) -> Result<u64, String> {
    let digits: String = text.chars().filter(|letter| !matches!(letter, ',' | ' ' | '_')).collect();
    digits
        .parse()
        .ok()
        // Above 2^53 a number would change on its way to the worker.
        .filter(|value| *value <= 1 << 53)
        .ok_or_else(|| format!("“{text}” is not a whole number that can be used here."))
}
