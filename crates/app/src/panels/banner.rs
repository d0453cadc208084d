//! The banner of a report that was opened from a link or an export.

use leptos::prelude::*;
use report::{PairBudget, Report, Unit};

use crate::format::{count, counted};
use crate::runs;
use crate::state::{App, Origin};

/// Origin, size and settings of the report; empty if its figures were computed here.
#[component]
pub fn Banner() -> impl IntoView {
    let app = App::get();
    let text = Memo::new(move |_| match app.origin.get() {
        Origin::Files => None,
        Origin::Link => app.with_report(|report| about(report, "From a link")),
        Origin::Export => app.with_report(|report| about(report, "From a JSON export")),
        Origin::Kept => app.with_report(|report| about(report, "Kept without its traces")),
    });
    let compare = move || {
        if let Some(run) = app.previous.get_untracked().and_then(runs::find) {
            runs::set_other(app, run);
        }
    };
    view! {
        <Show when=move || text.with(Option::is_some)>
            <p class="banner">
                {move || text.get()}" "
                <Show when=move || app.previous.get().is_some()>
                    <button type="button" data-testid="compare-previous" on:click=move |_| compare()>"Compare with the previous report"</button>
                </Show>
            </p>
        </Show>
    }
}

fn about(report: &Report, origin: &str) -> String {
    let rounding =
        report.rounded_to_bits.map(|bits| format!(" Values are rounded to {bits} bits.")).unwrap_or_default();
    let shortened = report.shortened.as_ref().map(|whole| {
        format!(
            " Shortened for a QR code from {} and {}.",
            counted(whole.checkpoints as u64, "checkpoint", "checkpoints"),
            counted(whole.domains as u64, "domain", "domains")
        )
    });
    format!(
        "{origin}: {} × {}, {}.{rounding}{} Drop the run’s files to recompute.",
        counted(report.run.samples as u64, "sample", "samples"),
        counted(report.checkpoints.len() as u64, "checkpoint", "checkpoints"),
        settings(report),
        shortened.unwrap_or_default(),
    )
}

/// The settings that determine the distances.
fn settings(report: &Report) -> String {
    let unit = match report.settings.unit {
        Unit::Symbol => "symbols",
        Unit::Character => "characters",
    };
    let pairs = match report.settings.pairs {
        PairBudget::Exact => "all pairs".to_owned(),
        PairBudget::Sampled { per_checkpoint } => {
            format!("{} sampled pairs per checkpoint", count(per_checkpoint))
        }
    };
    format!("τ {}, distances in {unit}, {pairs}", report.settings.tau)
}
