//! The page's state: one signal per fact. Large values are shared, never copied.

mod appearance;
mod dialog;
mod followed;
mod messages;
mod run;
mod selection;
mod view;

use std::collections::BTreeSet;
use std::sync::Arc;

use figures::GeometrySheet;
use leptos::prelude::*;
use protocol::{Alignment, Backend, FileRow, MappingSheet, ProcessorInfo, ReportText, SampleRef};
use report::{Change, Group, Report, Settings};

use crate::drawing_requests::Answer;
use crate::meter::Meter;

pub use self::appearance::{Axis, Theme};
pub use self::dialog::Dialog;
pub use self::followed::Followed;
pub use self::run::{HeldRun, Origin, Stage};
pub use self::view::{TokenChoice, View};

/// State of the files that the service worker keeps for use offline.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OfflineState {
    /// Whether the page and its workers are kept.
    pub page: bool,
    /// Whether engine and example are kept.
    pub more: bool,
    /// Whether a new version of the page is ready.
    pub update: bool,
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
    /// Number of analysts started so far: a new one knows nothing of what an earlier one was sent.
    pub analysts: RwSignal<u32>,
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
    /// Whether the run is the example.
    pub is_example: RwSignal<bool>,
    /// The folder that is followed.
    pub followed: RwSignal<Option<Followed>>,
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

impl App {
    /// The state of an empty page.
    pub fn new() -> Self {
        Self {
            files: RwSignal::new(Vec::new()),
            meter: RwSignal::new(None),
            working: RwSignal::new(false),
            analysts: RwSignal::new(0),
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
            is_example: RwSignal::new(false),
            followed: RwSignal::new(None),
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
        self.is_example.set(false);
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
        self.tour_steps.set(None);
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

    /// Names the folder to follow, by its address or, on this machine, by its name, in place of the one that was
    /// followed before; `seconds` between two looks.
    pub fn follow_folder(self, folder: String, seconds: u32, is_local: bool) {
        self.followed.set(Some(Followed::new(folder, seconds, is_local, js_sys::Date::now() / 1000.0)));
    }

    /// Stops following.
    pub fn end_following(self) {
        if self.followed.with_untracked(Option::is_some) {
            self.followed.set(None);
        }
    }

    /// Shows that no work is under way.
    pub fn set_no_work(self) {
        self.working.set(false);
        self.stopped.set(false);
        self.cancelled.set(false);
        self.meter.set(None);
    }

    /// The page's state, from any of its components.
    pub fn get() -> Self {
        expect_context::<Self>()
    }
}
