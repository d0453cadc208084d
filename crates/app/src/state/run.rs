//! The run that the page shows: its report, where this came from, and runs that are held for later.

use std::sync::Arc;

use leptos::prelude::*;
use protocol::{FileRow, ReportText};
use report::{Group, Report};

use super::App;

/// The three states of the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// No files yet.
    Empty,
    /// Files are open, but there is no report yet.
    Working,
    /// There is a report.
    Report,
}

/// Where the current report came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Computed from files by the analyst.
    Files,
    /// Opened from a link.
    Link,
    /// Opened from a JSON export.
    Export,
    /// Kept by this browser or this page, without its traces.
    Kept,
}

/// A report that the page can show again.
#[derive(Clone)]
pub struct HeldRun {
    /// Id of the run, also that of its history entries.
    pub id: f64,
    /// The report; none for the empty page.
    pub report: Option<Arc<Report>>,
    /// The report as text.
    pub text: Option<Arc<ReportText>>,
    /// Where the report came from.
    pub origin: Origin,
    /// The report encoded for the address.
    pub link: Option<String>,
    /// The file table.
    pub files: Vec<FileRow>,
    /// Whether the report is complete.
    pub complete: bool,
    /// Whether the report is stored outside this page.
    pub saved: bool,
}

impl App {
    /// The page's stage.
    pub fn stage(self) -> Stage {
        if self.report.with(Option::is_some) {
            Stage::Report
        } else if self.working.get() || !self.files.with(Vec::is_empty) {
            Stage::Working
        } else {
            Stage::Empty
        }
    }

    /// The page's stage, untracked.
    pub fn stage_now(self) -> Stage {
        untrack(|| self.stage())
    }

    /// The run that the page shows.
    pub fn held(self) -> HeldRun {
        HeldRun {
            id: self.run_id.get_untracked(),
            report: self.report.get_untracked(),
            text: self.text.get_value(),
            origin: self.origin.get_untracked(),
            link: self.link.get_untracked(),
            files: self.files.get_untracked(),
            complete: self.complete.get_untracked(),
            saved: self.saved.get_untracked(),
        }
    }

    /// Reads the report, tracked.
    pub fn with_report<T>(self, read: impl FnOnce(&Report) -> T) -> Option<T> {
        self.report.with(|report| report.as_deref().map(read))
    }

    /// Shows a report and keeps the selected checkpoint, layer and domain valid.
    pub fn show(self, report: Report, text: ReportText, complete: bool, origin: Origin) {
        self.show_shared(Arc::new(report), Arc::new(text), complete, origin);
    }

    /// Shows a report that others may hold too.
    pub fn show_shared(self, report: Arc<Report>, text: Arc<ReportText>, complete: bool, origin: Origin) {
        let checkpoints = report.checkpoints.len();
        let layers = report.run.layers;
        let first = self.report.with_untracked(Option::is_none);
        let at_end = self.report.with_untracked(|old| {
            old.as_ref().is_none_or(|old| self.checkpoint.get_untracked() + 1 >= old.checkpoints.len())
        });
        if at_end || self.checkpoint.get_untracked() >= checkpoints {
            self.checkpoint.set(checkpoints.saturating_sub(1));
        }
        if self.layer.get_untracked() >= layers {
            self.layer.set(layers.saturating_sub(1));
        }
        let domain = self.domain.get_untracked();
        if report.domain(&domain).is_none() {
            self.domain.set(report.domains.first().map(|domain| domain.name.clone()).unwrap_or_default());
        }
        // A growing report may have memorized samples only later.
        if !self.group_chosen.get_untracked() {
            let memorized = report.domains.iter().any(|domain| report.memorized(domain) > 1);
            self.group.set(if memorized { Group::Memorized } else { Group::All });
        }
        if first || origin != Origin::Files {
            self.settings.set(report.settings.clone());
        }
        // Thresholds of domains that the run does not have are not used.
        let known = |name: &str| report.domain(name).is_some();
        if !self.settings.with_untracked(|settings| settings.eps.keys().all(|name| known(name))) {
            self.settings.update(|settings| settings.eps.retain(|name, _| known(name)));
        }
        // Changes of the report before, which may have had other samples or settings.
        self.changes.set(Vec::new());
        self.origin.set(origin);
        self.text.set_value(Some(text));
        self.complete.set(complete);
        self.provisional.set(!complete);
        self.report.set(Some(report));
    }
}
