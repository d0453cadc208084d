//! The settings panel, built from the declared settings. A change recomputes only what depends on
//! it.

use leptos::prelude::*;
use protocol::Job;
use report::{Error, Group, Named, SETTINGS, Setting, SettingValue, Settings};

use crate::analyst;
use crate::controls::Choice;
use crate::format::figure;
use crate::panels::dialog::Modal;
use crate::panels::engine::BackendChoice;
use crate::panels::kept::KeepSwitch;
use crate::panels::offline::Offline;
use crate::panels::progress::Progress;
use crate::state::{App, Dialog, Origin};

/// The panel at the right edge.
#[component]
pub fn SettingsDialog() -> impl IntoView {
    view! {
        <Modal open=|dialog| matches!(dialog, Dialog::Settings) title="Settings" id="settings-dialog" class="side">
            <Panel/>
        </Modal>
    }
}

/// Applies a change and starts the recomputation if the settings differ.
///
/// # Errors
/// Why the value is invalid.
fn change(app: App, apply: impl FnOnce(&mut Settings) -> Result<(), Error>) -> Result<(), String> {
    let mut settings = app.settings.get_untracked();
    apply(&mut settings).map_err(|error| error.to_string())?;
    if settings != app.settings.get_untracked() {
        app.settings.set(settings.clone());
        analyst::work(app, &Job::Configure { settings }, &[]);
    }
    Ok(())
}

#[component]
fn Panel() -> impl IntoView {
    let app = App::get();
    let fixed = move || app.origin.get() != Origin::Files;
    // Sections in the order of the declaration.
    let mut sections: Vec<&'static str> = SETTINGS.iter().map(|setting| setting.section).collect();
    sections.dedup();
    view! {
        <Show when=fixed>
            <p class="banner">"This report was opened without its traces. Drop the run’s files to change settings."</p>
        </Show>
        <Progress/>
        <fieldset class="fields" prop:disabled=fixed>
            <legend class="unseen">"Analysis settings"</legend>
            {sections.into_iter().map(|section| view! {
                <h3>{section}</h3>
                {SETTINGS.iter().filter(|setting| setting.section == section).map(control).collect_view()}
            }).collect_view()}
        </fieldset>
        <h3>"Computation"</h3>
        <label class="field">
            <span class="name">"Backend"</span>
            <BackendChoice id="computing"/>
            <span class="soft">{move || { let (badge, note) = app.badge.get(); format!("used for distances and checkpoints; now {badge}. {note}") }}</span>
        </label>
        <h3>"This browser"</h3>
        <KeepSwitch/>
        <Offline/>
        <p class="soft">"The old figures stay until the new ones are computed. Links and exports include all settings."</p>
    }
}

/// The control of a setting, by the type of its value.
fn control(setting: &'static Setting) -> AnyView {
    match setting.value {
        SettingValue::Choice(values) => view! { <NamedChoice setting values/> }.into_any(),
        SettingValue::Flag(_) => view! { <Flag setting/> }.into_any(),
        SettingValue::PerDomain(..) => view! { <Domains setting/> }.into_any(),
        SettingValue::Numbers(..) => view! { <Thresholds/>{field(setting)} }.into_any(),
        SettingValue::Number(..)
        | SettingValue::Whole(_)
        | SettingValue::Pairs(_)
        | SettingValue::Steps(_) => field(setting),
    }
}

/// Unit and hint of a setting.
fn hint(setting: &Setting) -> String {
    if setting.unit.is_empty() {
        setting.hint.to_owned()
    } else {
        format!("{}; {}", setting.unit, setting.hint)
    }
}

/// A text field for a setting.
fn field(setting: &'static Setting) -> AnyView {
    let app = App::get();
    view! {
        <Field
            label=setting.name hint=hint(setting)
            value=Signal::derive(move || app.settings.with(|settings| setting.text(settings)))
            take=move |text| change(app, |settings| setting.set(settings, text))
        />
    }
    .into_any()
}

/// Buttons for a setting with a few named values.
#[component]
fn NamedChoice(setting: &'static Setting, values: &'static [Named]) -> impl IntoView {
    let app = App::get();
    view! {
        <Choice
            label=setting.name
            options=values.iter().map(|value| (value.name, value.text)).collect()
            chosen=Signal::derive(move || {
                let chosen = app.settings.with(|settings| values.iter().find(|value| (value.is)(settings)));
                chosen.map_or("", |value| value.text)
            })
            choose=move |text: &'static str| drop(change(app, |settings| setting.set(settings, text)))
        />
        <p class="soft">{hint(setting)}</p>
    }
}

#[component]
fn Flag(setting: &'static Setting) -> impl IntoView {
    let app = App::get();
    view! {
        <label class="check">
            <input
                type="checkbox"
                prop:checked=move || app.settings.with(|settings| setting.text(settings) == "true")
                on:change=move |event| {
                    let text = if event_target_checked(&event) { "true" } else { "false" };
                    drop(change(app, |settings| setting.set(settings, text)));
                }
            />
            {format!(" {}: {}", setting.name, setting.hint)}
        </label>
    }
}

/// The sweep's thresholds with their distances; a click selects one as the pathway threshold.
#[component]
fn Thresholds() -> impl IntoView {
    let app = App::get();
    view! {
        <div class="strip" role="group" aria-label="Thresholds of the tau sweep; choose one as τ">
            {move || app.settings.with(|settings| settings.sweep.clone()).into_iter().map(|tau| view! {
                <button
                    type="button"
                    aria-pressed=move || app.settings.with(|settings| settings.tau.to_bits() == tau.to_bits()).to_string()
                    on:click=move |_| drop(change(app, |settings| { settings.tau = tau; Ok(()) }))
                >
                    <span>{format!("τ {tau}")}</span>
                    <span class="soft">{move || at_last_checkpoint(app, tau)}</span>
                </button>
            }).collect_view()}
        </div>
    }
}

/// Mean distance over the domains at a threshold and the last checkpoint.
fn at_last_checkpoint(app: App, tau: f64) -> String {
    let mean = app.with_report(|report| {
        let last = |name: &str| {
            let course = report.course_at(name, "distance", Group::All, tau)?;
            course.values.last().copied().flatten()
        };
        let values: Vec<f64> = report.domains.iter().filter_map(|domain| last(&domain.name)).collect();
        (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
    });
    mean.flatten().map(figure).unwrap_or_default()
}

/// A field per domain.
#[component]
fn Domains(setting: &'static Setting) -> impl IntoView {
    let app = App::get();
    let domains = Memo::new(move |_| {
        app.with_report(|report| report.domains.iter().map(|domain| domain.name.clone()).collect::<Vec<_>>())
            .unwrap_or_default()
    });
    view! {
        <For each=move || domains.get() key=Clone::clone let:name>
            <OfDomain setting name/>
        </For>
    }
}

#[component]
fn OfDomain(setting: &'static Setting, name: String) -> impl IntoView {
    let app = App::get();
    let stored = StoredValue::new(name.clone());
    // The threshold in use: the user's, or the searched one.
    let found = Memo::new(move |_| {
        let found = |name: &str| {
            app.with_report(|report| report.domain(name).and_then(|domain| report.eps(domain))).flatten()
        };
        stored.with_value(|name| found(name))
    });
    let value = Signal::derive(move || {
        app.settings.with(|settings| {
            stored.with_value(|name| settings.eps.get(name).map(ToString::to_string).unwrap_or_default())
        })
    });
    let hint = Signal::derive(move || match found.get() {
        Some(eps) => format!("{}; now {eps}", hint(setting)),
        None => format!("{}; now none", hint(setting)),
    });
    view! {
        <Field label=format!("{} {name}", setting.name) hint value take=move |text| {
            stored.with_value(|name| change(app, |settings| setting.set_of_domain(settings, name, text)))
        }/>
    }
}

/// A field of the panel. Its value is applied when the field loses focus; an invalid value shows an
/// error.
#[component]
fn Field(
    /// Name of the setting.
    #[prop(into)]
    label: String,
    /// Description in a few words.
    #[prop(into)]
    hint: Signal<String>,
    /// Current value.
    value: Signal<String>,
    /// Applies the text of the field.
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
