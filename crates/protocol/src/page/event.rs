//! Messages of the analyst.

use figures::GeometrySheet;
use report::Change;
use serde::{Deserialize, Serialize};

use super::{
    drawing::Drawn,
    export::Written,
    file_table::FileRow,
    map::MapFrame,
    mapping::MappingSheet,
    pathways::{Alignment, SampleRef},
};
use crate::engine::ProcessorInfo;

/// A message to the page. It is posted as itself, or as `{ event, arrays }` or `{ event, file }`
/// with typed arrays or a `Blob`.
///
/// In JSON its name is the only key. With separate keys for name and content the page would need
/// code for content that comes first.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Event {
    /// The analyst takes jobs. Sent again when distances are computed elsewhere.
    Ready {
        /// Where distances are computed: `CPU · 8 workers`.
        badge: String,
        /// Where distances are computed and why, in one or two sentences.
        note: String,
    },
    /// Start a worker. `port`: its port to the analyst.
    StartChild {
        /// Its number among the analyst's workers.
        id: u32,
        /// Address of its script.
        address: String,
        /// Its name, which tells the script what to do.
        name: String,
    },
    /// End a worker.
    EndChild {
        /// Its number.
        id: u32,
    },
    /// The complete file table.
    Files {
        /// One row per file, unreadable files included.
        rows: Vec<FileRow>,
    },
    /// The proposed mapping of a file, after [`Job::Propose`](super::job::Job::Propose) or when the
    /// file was opened.
    Proposal(Box<MappingSheet>),
    /// The response to `Job::UseMapping`, `Job::UseShape` and `Job::UseExperts`.
    AnswerResult {
        /// Why the answer cannot be right, in whole sentences; none if it was accepted.
        refused: Option<String>,
        /// The row of the [`MappingSheet`] with the error, if one row has it.
        line: Option<usize>,
    },
    /// Progress of the current work.
    Progress(Progress),
    /// A report.
    Report {
        /// The report as JSON. The page reads reports from files in the same way.
        json: String,
        /// Whether it is final.
        complete: bool,
    },
    /// Router geometry of the checkpoints, while there are no samples to run them on; `None` to show
    /// nothing.
    Geometry(Option<Box<GeometrySheet>>),
    /// The aligned pathways of two samples.
    Alignment(Box<Alignment>),
    /// The response to [`Job::Change`](super::job::Job::Change): each change with its domain. Undefined
    /// changes are left out.
    Changes(Vec<(String, Change)>),
    /// The response to [`Job::FindSamples`](super::job::Job::FindSamples).
    Samples {
        /// The first matching samples.
        samples: Vec<SampleRef>,
        /// Number of matching samples.
        matching: usize,
    },
    /// The rows of the map. `arrays`: the position of each row in the order of the run
    /// (`Uint32Array`); in the order of the run, domains (`Uint32Array`) and memorization steps
    /// (`Float32Array`, -1 for none).
    MapOrder {
        /// Id of the request that this answers.
        request_id: u32,
        /// A note on the samples, possibly empty; then each domain with the row at which it ends,
        /// if the order is by domain.
        texts: Vec<(String, String)>,
    },
    /// One checkpoint of the map. `arrays`: cells (`Uint16Array`; in the order of the run for up to
    /// `report::map::EXACT_SAMPLES` samples, in the order of the map for more), points
    /// (`Float32Array`, alternating x and y), losses (`Float32Array`).
    MapFrame(Box<MapFrame>),
    /// Final points of the plane, when all frames are known. `arrays`: one `Float32Array` per
    /// checkpoint.
    MapPoints {
        /// Id of the request that this answers.
        request_id: u32,
    },
    /// The response to [`Job::MapPair`](super::job::Job::MapPair).
    MapPair {
        /// A sentence with both samples and their distance.
        text: String,
    },
    /// An exact rectangle of the map. `arrays`: its distances (`Uint16Array`).
    MapPart {
        /// First row and number of rows.
        rows: (usize, usize),
        /// First column and number of columns.
        columns: (usize, usize),
        /// Index of the checkpoint.
        checkpoint: usize,
    },
    /// The response to [`Job::Draw`](super::job::Job::Draw).
    Drawn {
        /// Id of the request that this answers.
        request_id: u32,
        /// The charts or tables.
        drawn: Box<Drawn>,
    },
    /// The response to [`Job::Write`](super::job::Job::Write).
    Written {
        /// Id of the request that this answers.
        request_id: u32,
        /// The converted report, or why the conversion failed.
        outcome: Result<Written, String>,
    },
    /// The response to [`Job::Save`](super::job::Job::Save) and
    /// [`Job::MapSave`](super::job::Job::MapSave). `file`: the content.
    Saved {
        /// Name of the file.
        name: String,
    },
    /// The response to [`Job::Traces`](super::job::Job::Traces). `arrays`: one `Blob` per name.
    Traces {
        /// Names of the files.
        names: Vec<String>,
    },
    /// The processor that runs checkpoints.
    Processor(ProcessorInfo),
    /// The response to [`Job::Cancel`](super::job::Job::Cancel).
    Cancelled,
    /// No work is under way.
    Idle,
    /// Notice to the user: a next step, or information. It does not end the current work.
    Notice {
        /// The text in whole sentences.
        message: String,
    },
    /// An error that does not concern a single file.
    Failed {
        /// The error in whole sentences: what, where, what was expected, what to do.
        message: String,
    },
}

/// Progress of the current work.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// The current step of the work ("measuring distances").
    pub stage: String,
    /// Units done.
    pub done: u64,
    /// Total number of units.
    pub total: u64,
    /// The unit.
    pub unit: WorkUnit,
}

/// The unit of progress.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WorkUnit {
    /// Bytes read.
    Bytes,
    /// Pairs of pathways measured.
    Pairs,
}
