//! What the page knows: one signal a fact. Big data is shared, never copied.

use std::collections::BTreeSet;
use std::sync::Arc;

use figures::GeometrySheet;
use leptos::prelude::*;
use protocol::{Alignment, Backend, FileRow, MappingSheet, ProcessorInfo, ReportText, SampleRef};
use report::{Group, Report, Settings};

use crate::meter::Meter;

/// Which of its three states the page is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Nothing was given yet.
    Empty,
    /// Files are being read and nothing can be shown yet.
    Working,
    /// There is a report.
    Report,
}

/// One way to look at a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum View {
    /// Courses over training on one step axis.
    Timeline,
    /// Layers against checkpoints.
    Layers,
    /// Two samples' pathways aligned.
    Pathways,
    /// All pairwise distances of a group.
    Map,
    /// Memorization groups against generalization groups.
    Delays,
    /// Every number.
    Table,
}

impl View {
    /// All views in the order of the bar.
    pub const ALL: [Self; 6] =
        [Self::Timeline, Self::Layers, Self::Pathways, Self::Map, Self::Delays, Self::Table];

    /// Its key; 4 is kept for the flow of experts.
    pub fn key(self) -> &'static str {
        match self {
            Self::Timeline => "1",
            Self::Layers => "2",
            Self::Pathways => "3",
            Self::Map => "m",
            Self::Delays => "5",
            Self::Table => "6",
        }
    }

    /// Its name in addresses.
    pub fn slug(self) -> &'static str {
        match self {
            Self::Timeline => "timeline",
            Self::Layers => "layers",
            Self::Pathways => "pathways",
            Self::Map => "map",
            Self::Delays => "delays",
            Self::Table => "table",
        }
    }

    /// Its name in the bar.
    pub fn title(self) -> &'static str {
        match self {
            Self::Timeline => "Timeline",
            Self::Layers => "Layers",
            Self::Pathways => "Pathways",
            Self::Map => "Map",
            Self::Delays => "Delays",
            Self::Table => "Table",
        }
    }

    /// The view of that name in an address.
    pub fn from_slug(slug: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|view| view.slug() == slug)
    }

    /// The next view of the bar, or the one before, without going round.
    pub fn beside(self, forward: bool) -> Self {
        let here = Self::ALL.into_iter().position(|view| view == self).unwrap_or(0);
        let there = if forward { here + 1 } else { here.saturating_sub(1) };
        Self::ALL.get(there).copied().unwrap_or(self)
    }
}

/// Light, dark, or whatever the system says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Theme {
    /// As the system.
    System,
    /// Light ground.
    Light,
    /// Dark ground.
    Dark,
}

impl Theme {
    /// Its name in addresses and in the page's own markup.
    pub fn slug(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }

    /// The theme of that name.
    pub fn from_slug(slug: &str) -> Option<Self> {
        [Self::System, Self::Light, Self::Dark].into_iter().find(|theme| theme.slug() == slug)
    }
}

/// What a dialog is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Dialog {
    /// The settings that change figures.
    Settings,
    /// The link and what is in it.
    Share,
    /// Files to take away.
    Export,
    /// Keys and words.
    Help,
    /// An address to read from.
    Address,
    /// Whether to fetch what the link names.
    Source(String),
    /// The link as a QR code.
    Code,
    /// What a file's tensors are.
    Mapping,
    /// The shape of a file's expert ids, with the file's row; or only how many experts there are, for all files.
    Shape(Option<usize>),
}

/// Where the report on the page came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The analyst made it from files.
    Files,
    /// A link carried it.
    Link,
    /// A JSON export carried it.
    Export,
}

/// The page's facts. Copied freely: it is a handful of handles.
#[derive(Clone, Copy)]
pub struct App {
    /// The file table.
    pub files: RwSignal<Vec<FileRow>>,
    /// How far the work is, with its rate.
    pub meter: RwSignal<Option<Meter>>,
    /// Whether the analyst has work.
    pub working: RwSignal<bool>,
    /// Calculators beside the analyst, once it says so.
    pub badge: RwSignal<(String, String)>,
    /// What checkpoints are to be computed on.
    pub backend: RwSignal<Backend>,
    /// What they are computed on, once that is known.
    pub processor: RwSignal<Option<ProcessorInfo>>,
    /// Whether the last work was stopped at the user's wish; its late messages are let pass by.
    pub cancelled: RwSignal<bool>,
    /// What a file's tensors are thought to be, while the user is asked.
    pub sheet: RwSignal<Option<Arc<MappingSheet>>>,
    /// Why what the user last said of a file cannot be so, and the line of the sheet that this is about.
    pub refused: RwSignal<Option<(String, Option<usize>)>>,
    /// What checkpoints' routers look like, while there are no samples.
    pub routers: RwSignal<Option<Arc<GeometrySheet>>>,
    /// The report so far.
    pub report: RwSignal<Option<Arc<Report>>>,
    /// The report as the text that it came in, for writing it in other forms.
    pub text: StoredValue<Option<Arc<ReportText>>>,
    /// Whether nothing more is under way for it.
    pub complete: RwSignal<bool>,
    /// Where it came from.
    pub origin: RwSignal<Origin>,
    /// The settings as last wished; the report's own tell what its figures were made with.
    pub settings: RwSignal<Settings>,
    /// The view on show.
    pub view: RwSignal<View>,
    /// Light or dark.
    pub theme: RwSignal<Theme>,
    /// Whether the ground is dark now.
    pub dark: RwSignal<bool>,
    /// The open dialog.
    pub dialog: RwSignal<Option<Dialog>>,
    /// Index of the checkpoint under the cursor.
    pub checkpoint: RwSignal<usize>,
    /// Index of the checkpoint under the pointer, while it is over a chart.
    pub hover: RwSignal<Option<usize>>,
    /// Index of the layer under the cursor.
    pub layer: RwSignal<usize>,
    /// The domain of views that show one at a time.
    pub domain: RwSignal<String>,
    /// Domains that the legend has switched off.
    pub hidden: RwSignal<BTreeSet<String>>,
    /// Which samples the figures are about.
    pub group: RwSignal<Group>,
    /// What the horizontal axis counts.
    pub axis: RwSignal<Axis>,
    /// Whether charts show as tables.
    pub twin: RwSignal<bool>,
    /// Whether the page is on stage.
    pub presenting: RwSignal<bool>,
    /// Whether the cursor walks through the checkpoints by itself.
    pub playing: RwSignal<bool>,
    /// Whether the page sits in another page.
    pub embedded: RwSignal<bool>,
    /// Size of type, 1 is the reader's own.
    pub scale: RwSignal<f64>,
    /// The two pathways on show.
    pub alignment: RwSignal<Option<Arc<Alignment>>>,
    /// Changes with everything that comes of the map; 0 where there is nothing of it.
    pub map: RwSignal<u32>,
    /// The samples of the map that are looked at, in words.
    pub map_pair: RwSignal<String>,
    /// Samples that match the search, and how many match in all.
    pub samples: RwSignal<(Vec<SampleRef>, usize)>,
    /// What went wrong, newest last.
    pub errors: RwSignal<Vec<String>>,
    /// What a screen reader is told.
    pub announcement: RwSignal<String>,
    /// Whether something is being dragged over the page.
    pub dragging: RwSignal<bool>,
    /// The report's part of the address, where the address carries one.
    pub link: RwSignal<Option<String>>,
}

/// What the horizontal axis counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Axis {
    /// Training steps.
    Steps,
    /// Training tokens.
    Tokens,
    /// Training steps, logarithmic.
    Log,
}

impl App {
    /// A page that was given nothing yet.
    pub fn new() -> Self {
        Self {
            files: RwSignal::new(Vec::new()),
            meter: RwSignal::new(None),
            working: RwSignal::new(false),
            badge: RwSignal::default(),
            backend: RwSignal::new(Backend::Auto),
            processor: RwSignal::new(None),
            cancelled: RwSignal::new(false),
            sheet: RwSignal::new(None),
            refused: RwSignal::new(None),
            routers: RwSignal::new(None),
            report: RwSignal::new(None),
            text: StoredValue::new(None),
            complete: RwSignal::new(false),
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
            axis: RwSignal::new(Axis::Steps),
            twin: RwSignal::new(false),
            presenting: RwSignal::new(false),
            playing: RwSignal::new(false),
            embedded: RwSignal::new(false),
            scale: RwSignal::new(1.0),
            alignment: RwSignal::new(None),
            map: RwSignal::new(0),
            map_pair: RwSignal::new(String::new()),
            samples: RwSignal::new((Vec::new(), 0)),
            errors: RwSignal::new(Vec::new()),
            announcement: RwSignal::new(String::new()),
            dragging: RwSignal::new(false),
            link: RwSignal::new(None),
        }
    }

    /// The page's facts, from any component of it.
    pub fn get() -> Self {
        expect_context::<Self>()
    }

    /// Which state the page is in.
    pub fn stage(self) -> Stage {
        if self.report.with(Option::is_some) {
            Stage::Report
        } else if self.working.get() || !self.files.with(Vec::is_empty) {
            Stage::Working
        } else {
            Stage::Empty
        }
    }

    /// Which state the page is in, without following its changes.
    pub fn stage_now(self) -> Stage {
        untrack(|| self.stage())
    }

    /// The checkpoint to show figures of: the one under the pointer, else the one that was chosen.
    pub fn looked_at(self) -> usize {
        self.hover.get().unwrap_or_else(|| self.checkpoint.get())
    }

    /// The report, for reading; the caller follows its changes.
    pub fn with_report<T>(self, read: impl FnOnce(&Report) -> T) -> Option<T> {
        self.report.with(|report| report.as_deref().map(read))
    }

    /// Puts a report on the page, with the text that it came in, and keeps the cursors inside it.
    pub fn show(self, report: Report, text: ReportText, complete: bool, origin: Origin) {
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
        if first && !report.domains.iter().any(|domain| domain.memorization.memorized > 1) {
            self.group.set(Group::All);
        }
        if first || origin != Origin::Files {
            self.settings.set(report.settings.clone());
        }
        self.origin.set(origin);
        self.text.set_value(Some(Arc::new(text)));
        self.complete.set(complete);
        self.report.set(Some(Arc::new(report)));
    }

    /// Adds a message to those on the page.
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

    /// Tells a screen reader something.
    pub fn say(self, text: impl Into<String>) {
        self.announcement.set(text.into());
    }

    /// Moves the cursor by whole checkpoints, staying inside the run.
    pub fn step_checkpoint(self, forward: bool) {
        let count =
            self.report.with_untracked(|report| report.as_ref().map_or(0, |report| report.checkpoints.len()));
        self.checkpoint.update(|here| *here = moved(*here, forward, count));
    }

    /// Moves the cursor by whole layers, staying inside the model.
    pub fn step_layer(self, forward: bool) {
        let count =
            self.report.with_untracked(|report| report.as_ref().map_or(0, |report| report.run.layers));
        self.layer.update(|here| *here = moved(*here, forward, count));
    }

    /// Whether a domain is switched on.
    pub fn shows(self, domain: &str) -> bool {
        self.hidden.with(|hidden| !hidden.contains(domain))
    }
}

fn moved(here: usize, forward: bool, count: usize) -> usize {
    if forward { (here + 1).min(count.saturating_sub(1)) } else { here.saturating_sub(1) }
}
