//! Requests of the page.

use report::Settings;
use serde::{Deserialize, Serialize};

use super::{
    drawing::Drawing,
    export::{Form, ReportText},
    map::MapRequest,
    mapping::MappingChoice,
    pathways::PairChoice,
};
use crate::engine::Backend;

/// A request to the analyst. It is posted as `{ job, files }`, where `files` is a list of `File`
/// objects.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "job", content = "of", rename_all = "kebab-case")]
pub enum Job {
    /// Read the files of the message.
    AddFiles {
        /// Path of each file inside what was dropped (`run/step-100.safetensors`), in the order of
        /// `files`.
        paths: Vec<String>,
    },
    /// Read these addresses: those of the example run, or sources that the user named.
    AddUrls {
        /// Absolute addresses of files or folders; [`crate::addresses`] tells them apart.
        urls: Vec<String>,
    },
    /// Replace or give up a worker that failed.
    ChildExited {
        /// Its number among the analyst's workers.
        id: u32,
        /// The error; empty if its script could not be loaded.
        reason: String,
    },
    /// Forget all files and results.
    Clear,
    /// Forget one file.
    RemoveFile {
        /// Row of the file in the file table.
        id: usize,
    },
    /// Set the training step of a file's checkpoint.
    SetStep {
        /// Row of the file in the file table.
        id: usize,
        /// The training step.
        step: u64,
    },
    /// Send the proposed mapping of a file's tensors.
    Propose {
        /// Row of the file in the file table.
        id: usize,
    },
    /// Apply a mapping to a file and to all other files with the same tensors.
    UseMapping {
        /// Row of the file in the file table.
        id: usize,
        /// One choice per row of the [`MappingSheet`](super::mapping::MappingSheet).
        choices: Vec<MappingChoice>,
        /// Experts per layer, if the user stated it.
        experts: Option<usize>,
        /// Training step of this file, if the user stated it.
        step: Option<u64>,
    },
    /// Set the shape of a file of expert ids.
    UseShape {
        /// Row of the file in the file table.
        id: usize,
        /// Layers that a token has ids for.
        layers: usize,
        /// Experts per token.
        top_k: usize,
        /// Experts per layer, if the user stated it.
        experts: Option<usize>,
    },
    /// Set the number of experts for all files of ids that do not state it.
    UseExperts {
        /// Experts per layer.
        experts: usize,
    },
    /// Apply settings and recompute what depends on them.
    Configure {
        /// All settings.
        settings: Settings,
    },
    /// Name the run.
    Rename {
        /// The title of its report.
        title: String,
    },
    /// Choose where to run further checkpoints and distances. Finished checkpoints are kept.
    UseBackend {
        /// The user's preference.
        backend: Backend,
    },
    /// Send a trace that was computed here, or the benchmark results of all checkpoints, as a file.
    Save {
        /// The row of a checkpoint; none for the results.
        id: Option<usize>,
    },
    /// Send all traces that were computed here and the benchmark results, to be kept.
    Traces,
    /// Stop the current work and keep its results.
    Cancel,
    /// List samples for the two pickers of the pathway view.
    FindSamples {
        /// Part of an id or a domain; empty for all samples.
        query: String,
        /// Maximum number of samples.
        limit: usize,
    },
    /// Choose two samples and align their pathways at all checkpoints.
    ChoosePair {
        /// How to choose.
        choice: PairChoice,
        /// Index of the checkpoint whose distances decide about nearest and farthest.
        checkpoint: usize,
    },
    /// Compute the changes of the pathway distance between two checkpoints, for every domain and
    /// group.
    Change {
        /// Index of the checkpoint to compare with.
        from: usize,
        /// Index of the other checkpoint.
        to: usize,
    },
    /// Measure all pairwise distances of a group, one frame per checkpoint.
    Map(MapRequest),
    /// Describe two samples of the map and their distance.
    MapPair {
        /// Position of both in the order of the run.
        places: (u32, u32),
        /// Index of the checkpoint.
        checkpoint: usize,
        /// Whether to align their pathways instead, as [`Job::ChoosePair`] does.
        open: bool,
    },
    /// Measure a rectangle of the map exactly. A new request replaces the previous one.
    MapPart {
        /// First row and number of rows, in the order of the map.
        rows: (usize, usize),
        /// First column and number of columns.
        columns: (usize, usize),
        /// Index of the checkpoint.
        checkpoint: usize,
    },
    /// Send a frame of the map as a file.
    MapSave {
        /// Index of the checkpoint; none for the table of rows, which all checkpoints share.
        checkpoint: Option<usize>,
    },
    /// Keep the report that later [`Job::Draw`] are of.
    Hold {
        /// The report that the page shows, or the one beside it.
        report: ReportText,
        /// Whether it is the second report, which [`Drawing::Compare`] needs too.
        second: bool,
    },
    /// Draw charts or tables.
    Draw {
        /// Returned with the response.
        request_id: u32,
        /// What to draw.
        drawing: Drawing,
    },
    /// Convert a report. The page itself only reads reports, which keeps it small.
    Write {
        /// Returned with the response.
        request_id: u32,
        /// The report.
        report: ReportText,
        /// Current title of the run; the report's own if absent.
        title: Option<String>,
        /// The form to convert it to.
        form: Form,
    },
}
