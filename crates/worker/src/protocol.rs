//! What page and analyst say to each other, by `postMessage`. All of it is plain data; `File` objects ride beside
//! a [`Job`] in the message `{ job, files }`.

use pathway::Edit;
use report::{
    LinkOptions, Settings,
    map::{MapOrder, MapScope},
};
use serde::{Deserialize, Serialize};
use trace::{Axis, Role};

use crate::engine_protocol::{Backend, ProcessorInfo};

/// What the page asks of the analyst.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "job", content = "of", rename_all = "kebab-case")]
pub enum Job {
    /// Read these files, which come in the message's `files` in the same order.
    AddFiles {
        /// Path of each inside what was dropped (`run/step-100.safetensors`).
        paths: Vec<String>,
    },
    /// Read these addresses: the example run's, or sources that the user named.
    AddUrls {
        /// Absolute addresses, of files or of checkpoints' folders ([`crate::addresses`] tells which).
        urls: Vec<String>,
    },
    /// Forget every file and figure.
    Clear,
    /// Forget one file.
    RemoveFile {
        /// Its row in the file table.
        id: usize,
    },
    /// The user says what step a file's checkpoint is.
    SetStep {
        /// Its row in the file table.
        id: usize,
        /// The training step.
        step: u64,
    },
    /// Say what the tensors of a file are thought to be.
    Propose {
        /// Its row in the file table.
        id: usize,
    },
    /// The user says what the tensors of a file are. It is said of all others with the same tensors too.
    UseMapping {
        /// Its row in the file table.
        id: usize,
        /// One a line of the [`MappingSheet`].
        choices: Vec<MappingChoice>,
        /// Experts a layer, where the user says it.
        experts: Option<usize>,
        /// Training step of this file, where the user says it.
        step: Option<u64>,
    },
    /// The user says of a file of expert ids what it leaves out.
    UseShape {
        /// Its row in the file table.
        id: usize,
        /// Layers that a token has ids of.
        layers: usize,
        /// Experts a token.
        top_k: usize,
        /// Experts a layer, where the user says it.
        experts: Option<usize>,
    },
    /// The user says how many experts a layer has, to all files of ids that do not tell it.
    UseExperts {
        /// Experts a layer.
        experts: usize,
    },
    /// Recompute what depends on a changed setting.
    Configure {
        /// All settings.
        settings: Settings,
    },
    /// Name the run.
    Rename {
        /// The title of its report.
        title: String,
    },
    /// Run checkpoints on this from now on; those that are through stay as they are.
    UseBackend {
        /// What the user wants.
        backend: Backend,
    },
    /// Hand out what was made here of checkpoints, as a file: a trace, or the benchmark results of all.
    Save {
        /// The row of a checkpoint; none for the results.
        id: Option<usize>,
    },
    /// Stop what is under way; figures already made stay.
    Cancel,
    /// List samples, for the pickers of two pathways.
    FindSamples {
        /// Part of an id or a domain; empty for all.
        query: String,
        /// At most so many.
        limit: usize,
    },
    /// Choose two samples at one checkpoint and align their pathways at all of them.
    ChoosePair {
        /// How to choose.
        choice: PairChoice,
        /// Index of the checkpoint whose distances count for nearest and farthest.
        checkpoint: usize,
    },
    /// Measure all pairwise distances of a group, a frame a checkpoint.
    Map(MapAsk),
    /// Say which two samples of the map those are, and how far they are from each other.
    MapPair {
        /// Places of both, in the order of the run.
        places: (u32, u32),
        /// Index of the checkpoint.
        checkpoint: usize,
        /// Whether to align their pathways too, as [`Job::ChoosePair`] does.
        open: bool,
    },
    /// Measure a rectangle of the map exactly. The last one that is asked for counts.
    MapPart {
        /// First row and number of rows, in the order of the map.
        rows: (usize, usize),
        /// First column and number of columns.
        columns: (usize, usize),
        /// Index of the checkpoint.
        checkpoint: usize,
    },
    /// Hand out a frame of the map as a file.
    MapSave {
        /// Index of the checkpoint; none for a table of the rows, which are the same at all.
        checkpoint: Option<usize>,
    },
    /// Write a report in another form. The page itself only reads reports, which keeps it small.
    Write {
        /// Comes back with the answer.
        ticket: u32,
        /// The report.
        report: ReportText,
        /// What the user calls the run now.
        title: String,
        /// What to make of it.
        form: Form,
    },
}

/// What map is wanted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MapAsk {
    /// Comes back with every answer.
    pub ticket: u32,
    /// Of which samples.
    pub scope: MapScope,
    /// In which order.
    pub order: MapOrder,
    /// Index of the checkpoint whose distances tell who is alike.
    pub reference: usize,
    /// Index of the checkpoint that is looked at: its frame comes first.
    pub checkpoint: usize,
    /// Frames that the page has.
    pub have: Vec<usize>,
    /// Bytes of cells that the page holds: no more frames than these are wanted.
    pub room: usize,
}

/// A report as text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "as", content = "text", rename_all = "kebab-case")]
pub enum ReportText {
    /// Every digit.
    Json(String),
    /// A link, or its data alone.
    Link(String),
}

/// A form to write a report in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "form", rename_all = "kebab-case")]
pub enum Form {
    /// The JSON export.
    Json,
    /// All tables in long form, as CSV.
    Tables,
    /// The data of a link.
    Link {
        /// What is in it.
        options: LinkOptions,
    },
    /// The data of a link without notes, as fine as fits; as coarse as there is where nothing fits.
    ShortLink {
        /// Characters that it may have.
        most: usize,
    },
}

/// A report that was written in another form.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Written {
    /// One text, or one a table with its name.
    pub texts: Vec<(String, String)>,
    /// Bits of a figure, in a link.
    pub bits: u8,
}

/// How two samples are chosen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "kebab-case")]
pub enum PairChoice {
    /// These two, by index in the run.
    Samples {
        /// The first.
        a: usize,
        /// The second.
        b: usize,
    },
    /// Two of a domain at random.
    Random {
        /// The domain.
        domain: String,
        /// Changes the draw.
        seed: u64,
    },
    /// The closest of the domain's measured pairs.
    Nearest {
        /// The domain.
        domain: String,
    },
    /// The farthest of the domain's measured pairs.
    Farthest {
        /// The domain.
        domain: String,
    },
}

/// What the analyst tells the page. Its name is the only key around what it says: with name and content beside each other
/// the page would need code for content that comes first.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Event {
    /// It can take jobs now. Said again whenever distances are computed elsewhere.
    Ready {
        /// What they are computed on: `CPU · 8 workers`.
        badge: String,
        /// The same in a sentence or two, with why.
        note: String,
    },
    /// The file table as it is.
    Files {
        /// One row a file, bad ones among them.
        rows: Vec<FileRow>,
    },
    /// What a file's tensors are thought to be; after a job or when the file was opened.
    Proposal(Box<MappingSheet>),
    /// The answer to [`Job::UseMapping`], [`Job::UseShape`] and [`Job::UseExperts`].
    Taken {
        /// Why it cannot be so, in whole sentences, where it cannot.
        refused: Option<String>,
        /// The line of the [`MappingSheet`] that this is about, where it is about one.
        line: Option<usize>,
    },
    /// How far the work is.
    Progress(Progress),
    /// The report so far, or the whole of it.
    Report {
        /// It, as JSON: the page reads reports from files in the same way, and needs no second reader for it.
        json: String,
        /// Whether nothing more is under way.
        complete: bool,
    },
    /// What the checkpoints' routers look like, while there are no samples to run them on.
    Geometry {
        /// A `figures::GeometrySheet` in its written form; empty where there is nothing to show of them any more.
        texts: Vec<(String, String)>,
    },
    /// What two samples' pathways look like.
    Alignment(Box<Alignment>),
    /// Samples that match a query.
    Samples {
        /// Them.
        samples: Vec<SampleRef>,
        /// How many match in all.
        matching: usize,
    },
    /// The map's rows. As `arrays` ride along: for each row its place in the order of the run (`Uint32Array`), and in the
    /// order of the run domains (`Uint32Array`) and memorization steps (`Float32Array`, -1 for none).
    MapOrder {
        /// That of the job.
        ticket: u32,
        /// What is to be known of the samples, may be empty; then each domain with the row at which it ends, where the
        /// order is by domain.
        texts: Vec<(String, String)>,
    },
    /// One checkpoint of the map. As `arrays` ride along: cells (`Uint16Array`; of up to `report::map::EXACT_SAMPLES` samples in
    /// the order of the run, of more in that of the map), points (`Float32Array`, x and y by turns), losses (`Float32Array`).
    MapFrame(Box<MapFrame>),
    /// All points of the plane anew, now that every frame is known. One `Float32Array` a checkpoint rides along.
    MapPoints {
        /// That of the job.
        ticket: u32,
    },
    /// Two samples of the map, in words.
    MapPair {
        /// They.
        text: String,
    },
    /// An exact rectangle of the map. Its distances ride along (`Uint16Array`).
    MapPart {
        /// First row and number of rows.
        rows: (usize, usize),
        /// First column and number of columns.
        columns: (usize, usize),
        /// Index of the checkpoint.
        checkpoint: usize,
    },
    /// The answer to [`Job::Write`].
    Written {
        /// That of the job.
        ticket: u32,
        /// The texts, or why there are none.
        outcome: Result<Written, String>,
    },
    /// The answer to [`Job::Save`]; the file rides along as the message's `file`, a `Blob`.
    Saved {
        /// What to call it.
        name: String,
    },
    /// What checkpoints are computed on, once that is known.
    Processor(ProcessorInfo),
    /// Work was stopped at the user's wish.
    Cancelled,
    /// The work is done; nothing is under way.
    Idle,
    /// Something failed that is not one file's fault, in whole sentences.
    Failed {
        /// What, where, what was expected, what to do.
        message: String,
    },
}

/// One checkpoint of the map, in words and numbers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MapFrame {
    /// That of the job.
    pub ticket: u32,
    /// Index of the checkpoint.
    pub checkpoint: usize,
    /// Where the scale of colours may begin.
    pub low: u32,
    /// Where it may end.
    pub high: u32,
    /// The frame in a few sentences.
    pub says: String,
    /// Means inside domains and between them, as `figures::table_text` writes a table.
    pub table: String,
}

/// One line of the file table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FileRow {
    /// Its number, stable while the page is open.
    pub id: usize,
    /// Path inside what was dropped, or address.
    pub path: String,
    /// What it was recognised as ("Grokscope trace", "Hugging Face router logits", "benchmark results").
    pub kind: String,
    /// Training step, for a checkpoint's trace.
    pub step: Option<u64>,
    /// Samples in it, for a trace.
    pub samples: Option<usize>,
    /// Bytes read of it.
    pub bytes_read: u64,
    /// Bytes of it.
    pub bytes: u64,
    /// Where it stands.
    pub state: FileState,
    /// Whether it is a checkpoint, whose trace is made here.
    pub checkpoint: bool,
    /// Whether its trace was made here and can be saved.
    pub made: bool,
    /// What the user has to say before it can be read.
    pub question: Option<Question>,
    /// Why it is not used, or what to know about it, in whole sentences.
    pub messages: Vec<String>,
}

/// Where a file stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FileState {
    /// Known by name.
    Waiting,
    /// Being read, or run.
    Reading,
    /// Its content is in the report.
    Used,
    /// Read and good, but not part of this run; the messages say why.
    Left,
    /// It cannot be read; the messages say why.
    Failed,
}

/// What a file does not tell of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Question {
    /// What its tensors are.
    Mapping,
    /// Layers, and experts a token, of its expert ids.
    Shape,
    /// How many experts a layer has, which is only guessed from its ids.
    Experts,
}

/// What a file's tensors are thought to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MappingSheet {
    /// Its row in the file table.
    pub id: usize,
    /// Its path.
    pub path: String,
    /// Why, in whole sentences.
    pub reasons: Vec<String>,
    /// One a tensor, or group of tensors that are alike.
    pub rows: Vec<MappingRow>,
    /// Training step, where its name tells it.
    pub step: Option<u64>,
    /// Other files with the same tensors.
    pub others: usize,
}

/// A tensor, or tensors that are one a layer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MappingRow {
    /// Name of the first.
    pub name: String,
    /// How many there are.
    pub tensors: usize,
    /// Type of their values.
    pub dtype: String,
    /// Shape of each, the last axis varying fastest.
    pub shape: Vec<u64>,
    /// What they are.
    pub choice: MappingChoice,
}

/// What a tensor is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MappingChoice {
    /// None where it is of no use.
    pub role: Option<Role>,
    /// What each axis counts, in the tensor's order.
    pub axes: Vec<Axis>,
}

/// How far the work is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// What is being done ("distances, step 5000").
    pub stage: String,
    /// Units done.
    pub done: u64,
    /// Units in all.
    pub total: u64,
    /// What they are.
    pub unit: WorkUnit,
}

/// What progress is counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WorkUnit {
    /// Bytes read.
    Bytes,
    /// Pairs of pathways measured.
    Pairs,
}

/// A sample that can be picked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SampleRef {
    /// Its index in the run.
    pub index: usize,
    /// Its id.
    pub id: String,
    /// Its domain.
    pub domain: String,
}

/// Two samples' pathways, aligned at every checkpoint.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Alignment {
    /// The first sample.
    pub a: SampleRef,
    /// The second sample.
    pub b: SampleRef,
    /// One a checkpoint, in training order.
    pub checkpoints: Vec<AlignedCheckpoint>,
}

/// Two pathways at one checkpoint.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AlignedCheckpoint {
    /// Training step.
    pub step: u64,
    /// Distance of the whole pathways, in symbols.
    pub distance: u32,
    /// One edit script a layer, each turning the first's experts of that layer into the second's.
    pub layers: Vec<Vec<Edit>>,
}
