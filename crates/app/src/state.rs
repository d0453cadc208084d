//! The page's state: one signal per fact. Large values are shared, never copied.

use std::collections::BTreeSet;
use std::sync::Arc;

use figures::GeometrySheet;
use leptos::prelude::*;
use protocol::{Alignment, Backend, FileRow, MappingSheet, ProcessorInfo, ReportText, SampleRef};
use report::{Change, Group, Report, Settings};

use crate::drawing_requests::Answer;
use crate::meter::Meter;

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

/// A view of the report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum View {
    /// Metrics over training on one step axis.
    Timeline,
    /// A metric by layer and checkpoint.
    Layers,
    /// Two samples' pathways aligned.
    Pathways,
    /// The distance matrix of a group.
    Map,
    /// Gate mass that passes between layers.
    Flow,
    /// Experts of single tokens.
    Tokens,
    /// Memorization groups matched with generalization groups.
    Delays,
    /// All figures as tables.
    Table,
    /// The run beside a second one.
    Compare,
}

impl View {
    /// All views in the order of the view switcher. `Compare` needs a second run.
    pub const ALL: [Self; 9] = [
        Self::Timeline,
        Self::Layers,
        Self::Pathways,
        Self::Map,
        Self::Flow,
        Self::Tokens,
        Self::Delays,
        Self::Table,
        Self::Compare,
    ];

    /// Keyboard shortcut.
    pub fn key(self) -> &'static str {
        match self {
            Self::Timeline => "1",
            Self::Layers => "2",
            Self::Pathways => "3",
            Self::Map => "4",
            Self::Flow => "f",
            Self::Tokens => "w",
            Self::Delays => "5",
            Self::Table => "6",
            Self::Compare => "7",
        }
    }

    /// Name in URLs.
    pub fn slug(self) -> &'static str {
        match self {
            Self::Timeline => "timeline",
            Self::Layers => "layers",
            Self::Pathways => "pathways",
            Self::Map => "map",
            Self::Flow => "flow",
            Self::Tokens => "tokens",
            Self::Delays => "delays",
            Self::Table => "table",
            Self::Compare => "compare",
        }
    }

    /// Name in the view switcher.
    pub fn title(self) -> &'static str {
        match self {
            Self::Timeline => "Timeline",
            Self::Layers => "Layers",
            Self::Pathways => "Pathways",
            Self::Map => "Map",
            Self::Flow => "Flow",
            Self::Tokens => "Tokens",
            Self::Delays => "Delays",
            Self::Table => "Table",
            Self::Compare => "Compare",
        }
    }

    /// The view with this name in URLs.
    pub fn from_slug(slug: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|view| view.slug() == slug)
    }

    /// The next or previous view that is offered, without wrapping around.
    pub fn adjacent(self, forward: bool, app: App) -> Self {
        let here = Self::ALL.into_iter().position(|view| view == self).unwrap_or(0);
        let (before, after) = Self::ALL.split_at(here);
        let offered = |view: &&Self| app.offers(**view);
        let found =
            if forward { after.iter().skip(1).find(offered) } else { before.iter().rev().find(offered) };
        found.copied().unwrap_or(self)
    }
}

/// Light, dark or the system's preference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Theme {
    /// The system's preference.
    System,
    /// Light background.
    Light,
    /// Dark background.
    Dark,
}

impl Theme {
    /// Name in URLs and in the page's markup.
    pub fn slug(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }

    /// The theme with this name.
    pub fn from_slug(slug: &str) -> Option<Self> {
        [Self::System, Self::Light, Self::Dark].into_iter().find(|theme| theme.slug() == slug)
    }
}

/// The page's dialogs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Dialog {
    /// Settings of the analysis.
    Settings,
    /// The link and its content.
    Share,
    /// Exports.
    Export,
    /// Keyboard shortcuts and terms.
    Help,
    /// What to do with files while a report is shown.
    SecondRun,
    /// Confirmation before an unsaved run is closed.
    Close,
    /// URLs to load.
    Address,
    /// Confirmation before a link's source is fetched.
    Source(String),
    /// The link as a QR code.
    Code,
    /// The kept runs as a table.
    Runs,
    /// The definition of a metric, by its id.
    Definition(String),
    /// The mapping of a file's tensors.
    Mapping,
    /// The shape of a file's expert ids, with the file's id; without one, the number of experts of
    /// all files.
    Shape(Option<usize>),
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

/// What the service worker keeps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OfflineState {
    /// Whether the page and its workers are kept.
    pub page: bool,
    /// Whether engine and example are kept.
    pub more: bool,
    /// Whether a new version of the page is ready.
    pub update: bool,
}

/// What the view Tokens shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TokenChoice {
    /// Index of the sample; the first one of the domain if absent.
    pub sample: Option<usize>,
    /// The first token.
    pub token: usize,
    /// The expert; the one selected most if absent.
    pub expert: Option<usize>,
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

/// The page's state. Cheap to copy: it holds only signal handles.
#[derive(Clone, Copy)]
pub struct App {
    /// The file table.
    pub files: RwSignal<Vec<FileRow>>,
    /// Progress of the current work.
    pub meter: RwSignal<Option<Meter>>,
    /// Whether the analyst is working.
    pub working: RwSignal<bool>,
    /// Compute badge: text and tooltip.
    pub badge: RwSignal<(String, String)>,
    /// Selected backend.
    pub backend: RwSignal<Backend>,
    /// Processor in use, once it is known.
    pub processor: RwSignal<Option<ProcessorInfo>>,
    /// Whether the user cancelled the last work; late messages are ignored.
    pub cancelled: RwSignal<bool>,
    /// Whether the user stopped the last work and has not resumed it.
    pub stopped: RwSignal<bool>,
    /// Notice to the user: a next step, or information about the current work.
    pub notice: RwSignal<Option<String>>,
    /// Proposed mapping of a file's tensors, while its dialog needs it.
    pub sheet: RwSignal<Option<Arc<MappingSheet>>>,
    /// Why the last answer about a file was rejected, and the row of the sheet that it concerns.
    pub refused: RwSignal<Option<(String, Option<usize>)>>,
    /// Router geometry of the checkpoints, while there are no samples.
    pub routers: RwSignal<Option<Arc<GeometrySheet>>>,
    /// The current report.
    pub report: RwSignal<Option<Arc<Report>>>,
    /// The report as the text that it was received in, to write it in other forms.
    pub text: StoredValue<Option<Arc<ReportText>>>,
    /// Whether the report is complete and no work is under way that will replace it.
    pub complete: RwSignal<bool>,
    /// Whether the report shows only the figures known so far.
    pub provisional: RwSignal<bool>,
    /// Where the report came from.
    pub origin: RwSignal<Origin>,
    /// The selected settings; the report has those of its figures.
    pub settings: RwSignal<Settings>,
    /// The current view.
    pub view: RwSignal<View>,
    /// Selected theme.
    pub theme: RwSignal<Theme>,
    /// Whether the page is dark now.
    pub dark: RwSignal<bool>,
    /// The open dialog.
    pub dialog: RwSignal<Option<Dialog>>,
    /// Index of the selected checkpoint.
    pub checkpoint: RwSignal<usize>,
    /// Index of the checkpoint under the pointer, while it is over a chart.
    pub hover: RwSignal<Option<usize>>,
    /// Index of the selected layer.
    pub layer: RwSignal<usize>,
    /// Domain of the views that show one at a time.
    pub domain: RwSignal<String>,
    /// Hidden domains.
    pub hidden: RwSignal<BTreeSet<String>>,
    /// Group of samples that the figures describe.
    pub group: RwSignal<Group>,
    /// Whether the user chose that group.
    pub group_chosen: RwSignal<bool>,
    /// Horizontal axis.
    pub axis: RwSignal<Axis>,
    /// Part of the Timeline's axis that is shown, in its units; none for all of it.
    pub range: RwSignal<Option<(u64, u64)>>,
    /// Checkpoints of the running mean that the Timeline draws.
    pub smooth: RwSignal<usize>,
    /// Whether positive metrics have a logarithmic vertical axis.
    pub log: RwSignal<bool>,
    /// Index of the checkpoint that the current one is compared with.
    pub pin: RwSignal<Option<usize>>,
    /// Changes of the pathway distance between the pinned and the current checkpoint, by domain.
    pub changes: RwSignal<Vec<(String, Change)>>,
    /// Ids of the Timeline's charts in their order; the others follow.
    pub chart_order: RwSignal<Vec<String>>,
    /// Ids of the hidden charts of the Timeline.
    pub charts_away: RwSignal<BTreeSet<String>>,
    /// Whether charts are shown as tables.
    pub twin: RwSignal<bool>,
    /// Height of the window in pixels, in steps.
    pub height: RwSignal<u32>,
    /// Whether the page is presenting.
    pub presenting: RwSignal<bool>,
    /// Whether the checkpoints are played.
    pub playing: RwSignal<bool>,
    /// Index of the step of the tour; none while the tour is closed.
    pub tour: RwSignal<Option<usize>>,
    /// The steps of the open tour, once the analyst has sent them.
    pub tour_steps: Answer,
    /// Whether the window of the speaker notes was opened.
    pub speaker: RwSignal<bool>,
    /// Whether the page is embedded in another page.
    pub embedded: RwSignal<bool>,
    /// Id of the only chart to show, in an embedded page.
    pub only: RwSignal<Option<String>>,
    /// Font scale; 1 is the browser's font size.
    pub scale: RwSignal<f64>,
    /// The two aligned pathways.
    pub alignment: RwSignal<Option<Arc<Alignment>>>,
    /// Revision of the map; 0 without one.
    pub map: RwSignal<u32>,
    /// Description of the marked samples of the map.
    pub map_pair: RwSignal<String>,
    /// Listed samples that match the search, and the number of matches.
    pub samples: RwSignal<(Vec<SampleRef>, usize)>,
    /// Error messages, newest last.
    pub errors: RwSignal<Vec<String>>,
    /// Announcement for screen readers.
    pub announcement: RwSignal<String>,
    /// Whether files are dragged over the page.
    pub dragging: RwSignal<bool>,
    /// The encoded report in the page's URL, if it has one.
    pub link: RwSignal<Option<String>>,
    /// Id of the run that the page shows, in milliseconds since 1970.
    pub run_id: RwSignal<f64>,
    /// Whether the report is stored outside this page: kept by the browser, exported or in a link.
    pub saved: RwSignal<bool>,
    /// What works offline.
    pub offline: RwSignal<OfflineState>,
    /// Revision of the traces that were computed here and sent to be kept.
    pub traces: RwSignal<u32>,
    /// Whether finished runs are kept in this browser.
    pub keeps: RwSignal<bool>,
    /// Least mass of a link of the view Flow, in uniform shares; none if the flow chooses it.
    pub least: RwSignal<Option<f64>>,
    /// What the view Tokens shows.
    pub tokens: RwSignal<TokenChoice>,
    /// Indices of the samples that the address names as a pair.
    pub pair: RwSignal<Option<(usize, usize)>>,
    /// The second run of the comparison.
    pub other: RwSignal<Option<HeldRun>>,
    /// Whether the second run is being computed.
    pub comparing: RwSignal<bool>,
    /// Id of the run that was shown before a link was opened.
    pub previous: RwSignal<Option<f64>>,
}

/// The horizontal axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Axis {
    /// Training steps.
    Steps,
    /// Training tokens.
    Tokens,
    /// Training steps, logarithmic.
    Log,
}

impl Axis {
    /// Name in URLs.
    pub fn slug(self) -> &'static str {
        match self {
            Self::Steps => "steps",
            Self::Tokens => "tokens",
            Self::Log => "log",
        }
    }

    /// The axis with this name in URLs.
    pub fn from_slug(slug: &str) -> Option<Self> {
        [Self::Steps, Self::Tokens, Self::Log].into_iter().find(|axis| axis.slug() == slug)
    }
}

impl App {
    /// The state of an empty page.
    pub fn new() -> Self {
        Self {
            files: RwSignal::new(Vec::new()),
            meter: RwSignal::new(None),
            working: RwSignal::new(false),
            badge: RwSignal::default(),
            backend: RwSignal::new(Backend::Auto),
            processor: RwSignal::new(None),
            cancelled: RwSignal::new(false),
            stopped: RwSignal::new(false),
            notice: RwSignal::new(None),
            sheet: RwSignal::new(None),
            refused: RwSignal::new(None),
            routers: RwSignal::new(None),
            report: RwSignal::new(None),
            text: StoredValue::new(None),
            complete: RwSignal::new(false),
            provisional: RwSignal::new(false),
            origin: RwSignal::new(Origin::Files),
            settings: RwSignal::new(Settings::default()),
            view: RwSignal::new(View::Timeline),
            theme: RwSignal::new(Theme::System),
            dark: RwSignal::new(false),
            dialog: RwSignal::new(None),
            checkpoint: RwSignal::new(0),
            hover: RwSignal::new(None),
            layer: RwSignal::new(0),
            domain: RwSignal::new(String::new()),
            hidden: RwSignal::new(BTreeSet::new()),
            group: RwSignal::new(Group::Memorized),
            group_chosen: RwSignal::new(false),
            axis: RwSignal::new(Axis::Steps),
            range: RwSignal::new(None),
            smooth: RwSignal::new(1),
            log: RwSignal::new(false),
            pin: RwSignal::new(None),
            changes: RwSignal::new(Vec::new()),
            chart_order: RwSignal::new(Vec::new()),
            charts_away: RwSignal::new(BTreeSet::new()),
            twin: RwSignal::new(false),
            height: RwSignal::new(0),
            presenting: RwSignal::new(false),
            playing: RwSignal::new(false),
            tour: RwSignal::new(None),
            tour_steps: RwSignal::new(None),
            speaker: RwSignal::new(false),
            embedded: RwSignal::new(false),
            only: RwSignal::new(None),
            scale: RwSignal::new(1.0),
            alignment: RwSignal::new(None),
            map: RwSignal::new(0),
            map_pair: RwSignal::new(String::new()),
            samples: RwSignal::new((Vec::new(), 0)),
            errors: RwSignal::new(Vec::new()),
            announcement: RwSignal::new(String::new()),
            dragging: RwSignal::new(false),
            link: RwSignal::new(None),
            run_id: RwSignal::new(js_sys::Date::now()),
            saved: RwSignal::new(false),
            offline: RwSignal::default(),
            traces: RwSignal::new(0),
            keeps: RwSignal::new(true),
            least: RwSignal::new(None),
            tokens: RwSignal::default(),
            pair: RwSignal::new(None),
            other: RwSignal::new(None),
            comparing: RwSignal::new(false),
            previous: RwSignal::new(None),
        }
    }

    /// Empties the page; theme, scale and backend stay.
    pub fn reset(self) {
        self.report.set(None);
        self.text.set_value(None);
        self.files.set(Vec::new());
        self.set_no_work();
        self.notice.set(None);
        self.sheet.set(None);
        self.refused.set(None);
        self.routers.set(None);
        self.complete.set(false);
        self.provisional.set(false);
        self.origin.set(Origin::Files);
        self.settings.set(Settings::default());
        self.view.set(View::Timeline);
        self.tour.set(None);
        self.axis.set(Axis::Steps);
        self.hidden.set(BTreeSet::new());
        self.checkpoint.set(0);
        self.layer.set(0);
        self.group_chosen.set(false);
        self.alignment.set(None);
        self.least.set(None);
        self.tokens.set(TokenChoice::default());
        self.pin.set(None);
        self.pair.set(None);
        self.samples.set((Vec::new(), 0));
        self.errors.set(Vec::new());
        self.link.set(None);
        self.saved.set(false);
        self.other.set(None);
        self.previous.set(None);
    }

    /// Shows that no work is under way.
    pub fn set_no_work(self) {
        self.working.set(false);
        self.stopped.set(false);
        self.cancelled.set(false);
        self.meter.set(None);
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

    /// The page's state, from any of its components.
    pub fn get() -> Self {
        expect_context::<Self>()
    }

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

    /// The checkpoint under the pointer, else the selected one.
    pub fn current_checkpoint(self) -> usize {
        self.hover.get().unwrap_or_else(|| self.checkpoint.get())
    }

    /// The last checkpoint that charts draw: the current one while playing or presenting, unless the
    /// user prefers reduced motion.
    pub fn drawn_up_to(self) -> Option<usize> {
        let moves = (self.playing.get() || self.presenting.get()) && !crate::browser::reduces_motion();
        moves.then(|| self.checkpoint.get())
    }

    /// Pins the current checkpoint, or removes the pin.
    pub fn toggle_pin(self) {
        let here = self.checkpoint.get_untracked();
        self.pin.update(|pin| *pin = if pin.is_some() { None } else { Some(here) });
    }

    /// Whether the page has what a view shows: figures, traces or a second run. Links carry no
    /// samples, and figures of layers only on request.
    pub fn offers(self, view: View) -> bool {
        let traces = self.origin.get() == Origin::Files;
        let any = |find: fn(&Report) -> bool| self.with_report(find).unwrap_or(false);
        match view {
            View::Timeline | View::Table => true,
            View::Pathways | View::Map | View::Flow => traces,
            View::Tokens => traces && any(has_experts),
            View::Compare => self.other.with(Option::is_some),
            View::Delays => {
                traces || any(|report| report.domains.iter().any(|domain| domain.delays.is_some()))
            }
            View::Layers => any(|report| {
                report.courses.iter().any(|course| course.layer.is_some()) || has_experts(report)
            }),
        }
    }

    /// Opens a view if it is offered; returns whether it is.
    pub fn open(self, view: View) -> bool {
        let offered = untrack(|| self.offers(view));
        if offered {
            self.view.set(view);
        }
        offered
    }

    /// Whether a chart is shown: all, or only one of an embedded page.
    pub fn shows_chart(self, id: &str) -> bool {
        self.only.with(|only| only.as_ref().is_none_or(|only| only == id))
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

    /// Shows an error message.
    pub fn fail(self, message: impl Into<String>) {
        let message = message.into();
        self.errors.update(|errors| {
            if errors.last() != Some(&message) {
                errors.push(message);
            }
            if errors.len() > 20 {
                errors.remove(0);
            }
        });
    }

    /// Announces a text to screen readers.
    pub fn say(self, text: impl Into<String>) {
        self.announcement.set(text.into());
    }

    /// Selects the next or previous checkpoint.
    pub fn step_checkpoint(self, forward: bool) {
        let count =
            self.report.with_untracked(|report| report.as_ref().map_or(0, |report| report.checkpoints.len()));
        self.checkpoint.update(|here| *here = moved(*here, forward, count));
    }

    /// Selects the next or previous layer.
    pub fn step_layer(self, forward: bool) {
        let count =
            self.report.with_untracked(|report| report.as_ref().map_or(0, |report| report.run.layers));
        self.layer.update(|here| *here = moved(*here, forward, count));
    }

    /// Whether a domain is shown.
    pub fn shows(self, domain: &str) -> bool {
        self.hidden.with(|hidden| !hidden.contains(domain))
    }
}

/// Whether a report counts the experts that single tokens selected.
fn has_experts(report: &Report) -> bool {
    report.domains.iter().any(|domain| !domain.expert_selections.is_empty())
}

fn moved(here: usize, forward: bool, count: usize) -> usize {
    if forward { (here + 1).min(count.saturating_sub(1)) } else { here.saturating_sub(1) }
}
