//! The definition of a metric.

use leptos::prelude::*;

use super::dialog::Modal;
use crate::state::{App, Dialog};

/// What a metric is, what moves it and what it does not prove.
#[component]
pub fn DefinitionDialog() -> impl IntoView {
    let app = App::get();
    let content = move || {
        let found = app.dialog.with(|dialog| match dialog {
            Some(Dialog::Definition(metric)) => figures::definition(metric),
            _ => None,
        })?;
        let rows = [
            ("Formula", found.formula),
            ("Raised by", found.raises),
            ("Lowered by", found.lowers),
            ("Does not prove", found.limits),
        ];
        Some(view! {
            <h3>{found.name}</h3>
            <p>{found.summary}</p>
            <dl class="pairs">{rows.map(|(name, text)| view! { <dt>{name}</dt><dd>{text}</dd> }).collect_view()}</dl>
            <p><a href=format!("metrics.html#{}", found.section) target="_blank">"Exact definition"</a></p>
        })
    };
    view! {
        <Modal open=|dialog| matches!(dialog, Dialog::Definition(_)) title="Definition" id="definition">
            {content}
        </Modal>
    }
}
