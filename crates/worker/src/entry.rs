//! A file of the run: its row in the file table, its origin, and its content once it is opened.

use std::{cell::Cell, rc::Rc};

use protocol::{FileRow, FileState, Question, engine::MadeInfo};
use report::Part;
use trace::{
    FileKind, IdsSettings, Proposal, Source,
    listing::{Listed, Listing},
};
use wasm_bindgen::{JsCast as _, JsValue};
use web_sys::Blob;

use crate::{
    opening::{Content, Members, OpenRequest, Opening, Unopened},
    remote::FileHandles,
};

/// The origin of a file.
pub enum FileOrigin {
    /// The user's disk.
    Disk(web_sys::File),
    /// An address.
    Address(String),
    /// A folder at an address, before its files are known; ends in `/`.
    Folder(String),
    /// A list of files at an address.
    Index(String),
    /// A checkpoint: its files, from the disk or as addresses.
    Checkpoint(FileHandles),
    /// Another file, which is an archive.
    Member(Source),
}

/// A trace that the engine computed.
pub struct ComputedTrace {
    /// How it was computed, and the scores of the items.
    pub info: MadeInfo,
    /// The trace's file.
    pub blob: Blob,
    /// Rows of the files that the checkpoint was run on: samples and items, or router inputs.
    pub inputs: Vec<usize>,
}

/// A file.
pub struct Entry {
    /// Its row in the file table.
    pub row: FileRow,
    /// Its origin.
    pub origin: FileOrigin,
    /// Its content, if it was opened.
    pub content: Option<Content>,
    /// The step that the user entered.
    pub step: Option<u64>,
    /// The step that the branch of its snapshot in the Hugging Face cache names.
    branch_step: Option<u64>,
    /// Row of the archive or list that contains it.
    pub parent: Option<usize>,
    /// The trace of a checkpoint that was run.
    pub computed: Option<ComputedTrace>,
    /// Whether it is the tokenizer of checkpoints and nothing else.
    pub is_tokenizer: bool,
    /// Shape of its expert ids as the user entered it.
    pub ids: IdsSettings,
    /// Whether the mapping dialog was opened for it.
    pub was_asked: bool,
    /// Name and unpacked bytes for the engine, if the file is packed.
    unpacked: Option<(String, Blob)>,
    /// Warnings of the reader.
    warnings: Vec<String>,
    /// Bytes read.
    read: Rc<Cell<u64>>,
}

impl Entry {
    /// A file that is not opened yet.
    pub fn new(id: usize, path: String, origin: FileOrigin, parent: Option<usize>) -> Self {
        let bytes = match &origin {
            FileOrigin::Disk(file) => file.size() as u64,
            FileOrigin::Member(file) => file.len(),
            FileOrigin::Address(_) | FileOrigin::Folder(_) | FileOrigin::Index(_) => 0,
            FileOrigin::Checkpoint(files) => {
                files.iter().filter_map(|(_, file)| Some(file.dyn_ref::<Blob>()?.size() as u64)).sum()
            }
        };
        let checkpoint = matches!(origin, FileOrigin::Checkpoint(_));
        let step = if checkpoint { step_in_name(&path) } else { None };
        let row = FileRow {
            id,
            path,
            kind: if checkpoint { "checkpoint".into() } else { String::new() },
            step,
            samples: None,
            bytes_read: 0,
            bytes,
            state: FileState::Waiting,
            checkpoint,
            made: false,
            question: None,
            messages: Vec::new(),
        };
        Self {
            row,
            origin,
            content: None,
            step: None,
            branch_step: None,
            parent,
            computed: None,
            is_tokenizer: false,
            ids: IdsSettings::default(),
            was_asked: false,
            unpacked: None,
            warnings: Vec::new(),
            read: Rc::default(),
        }
    }

    /// Its row with the current number of bytes read.
    pub fn row(&self) -> FileRow {
        if self.row.checkpoint {
            return self.row.clone();
        }
        FileRow { bytes_read: self.read.get().min(self.row.bytes.max(self.read.get())), ..self.row.clone() }
    }

    /// Whether it has to be opened.
    pub fn is_waiting(&self) -> bool {
        !self.row.checkpoint && matches!(self.row.state, FileState::Waiting | FileState::Reading)
    }

    /// Its kind, if it was opened and is part of a run.
    pub fn kind(&self) -> Option<&FileKind> {
        match &self.content {
            Some(Content::Run(kind)) => Some(kind),
            _ => None,
        }
    }

    /// The proposed mapping of its tensors, if the user has to confirm one.
    pub fn proposal(&self) -> Option<&Proposal> {
        match self.kind() {
            Some(FileKind::Mappable(proposal)) => Some(proposal),
            _ => None,
        }
    }

    /// Whether it contains a trace or a layer of one.
    pub fn is_trace(&self) -> bool {
        self.kind().is_some_and(|kind| matches!(kind, FileKind::Layer(_)) || !kind.traces().is_empty())
    }

    /// Whether it contains samples that checkpoints can be run on.
    pub fn is_samples(&self) -> bool {
        match self.kind() {
            Some(FileKind::SampleList(list)) => list.runnable,
            Some(FileKind::Text) => true,
            _ => false,
        }
    }

    /// Whether it contains router inputs of a checkpoint.
    pub fn is_gate_inputs(&self) -> bool {
        matches!(self.kind(), Some(FileKind::GateInputs { .. }))
    }

    /// Forgets the computed trace of a checkpoint.
    pub fn reset_run(&mut self) {
        self.computed = None;
        self.content = None;
        self.row.made = false;
        self.row.bytes_read = 0;
        self.row.samples = None;
        self.row.state = FileState::Waiting;
        self.row.messages.clear();
    }

    /// Stores the computed trace of a checkpoint.
    pub fn apply_trace(&mut self, computed: ComputedTrace, trace: FileKind, note: String) {
        if let FileKind::Trace(trace) = &trace {
            self.row.step = self.step.or(trace.info.step).or(self.branch_step);
            self.row.samples = Some(trace.info.samples.len());
        }
        self.row.bytes_read = computed.info.read;
        self.row.state = FileState::Used;
        self.row.made = true;
        self.warnings = vec![note];
        self.row.messages.clone_from(&self.warnings);
        self.content = Some(Content::Run(Box::new(trace)));
        self.computed = Some(computed);
    }

    /// The content as a part of a run.
    pub fn part(&self) -> Option<Part> {
        if self.is_tokenizer || self.proposal().is_some() {
            return None;
        }
        let mut what = self.kind()?.clone();
        let known = match &what {
            FileKind::Trace(trace) => trace.info.step,
            FileKind::Layer(layer) => layer.step,
            _ => None,
        };
        match (&mut what, self.step.or(self.branch_step.filter(|_| known.is_none()))) {
            (FileKind::Trace(trace), Some(step)) => trace.set_step(step),
            (FileKind::Layer(layer), Some(step)) => layer.set_step(step),
            _ => {}
        }
        Some(Part { id: self.row.id, path: self.row.path.clone(), what })
    }

    /// Sets the step in the branch name of its snapshot, which is used if no other source states
    /// the step.
    pub fn set_branch_step(&mut self, step: Option<u64>) {
        self.branch_step = step;
        if self.row.checkpoint || self.is_trace() {
            self.row.step = self.row.step.or(step);
        }
    }

    /// Sets whether the run uses it, and a message.
    pub fn set_verdict(&mut self, used: bool, text: Option<String>) {
        self.row.state = if used { FileState::Used } else { FileState::Skipped };
        self.row.messages = self.warnings.clone();
        self.row.messages.extend(text);
    }

    /// Marks it as unreadable.
    pub fn fail(&mut self, message: String) {
        self.row.state = FileState::Failed;
        self.row.messages = vec![message];
        self.content = None;
    }

    /// Marks it as the tokenizer of checkpoints.
    pub fn mark_tokenizer(&mut self) {
        self.is_tokenizer = true;
        "tokenizer".clone_into(&mut self.row.kind);
        self.row.state = FileState::Used;
    }

    /// Stores the result of opening it. Returns the files inside, which have to be opened next.
    pub fn apply_opened(&mut self, opened: Result<Opening, Unopened>) -> NestedFiles {
        match opened {
            Err(Unopened { message, question }) => {
                self.fail(message);
                self.row.question = question;
            }
            Ok(Opening::Archive { bytes, members, notes }) => {
                self.row.bytes = bytes;
                "archive".clone_into(&mut self.row.kind);
                self.row.state = if members.is_empty() { FileState::Failed } else { FileState::Used };
                self.row.messages = notes;
                return NestedFiles::Members(members);
            }
            // Lists that name each other would be read forever.
            Ok(Opening::List(_)) if self.parent.is_some() => self.fail(format!(
                "{}: a list that another list names is not read, only files and checkpoints. Name its address itself.",
                self.row.path
            )),
            Ok(Opening::List(Listing { files, notes })) => {
                "list of files".clone_into(&mut self.row.kind);
                self.row.state = if files.is_empty() { FileState::Failed } else { FileState::Used };
                self.row.messages = notes;
                return NestedFiles::Listed(files);
            }
            Ok(Opening::Folder { files, bytes }) => {
                self.row.bytes = bytes;
                self.row.checkpoint = true;
                "checkpoint".clone_into(&mut self.row.kind);
                self.row.step = self.step.or_else(|| step_in_name(&self.row.path)).or(self.branch_step);
                self.row.state = FileState::Waiting;
                self.origin = FileOrigin::Checkpoint(files);
            }
            Ok(Opening::File { bytes, content, warnings, kind, unpacked }) => {
                self.row.bytes = bytes;
                self.row.kind = kind;
                self.unpacked = unpacked;
                self.apply_content(content, warnings);
            }
        }
        NestedFiles::None
    }

    fn apply_content(&mut self, content: Content, warnings: Vec<String>) {
        self.row.state = FileState::Recognised;
        self.warnings = warnings;
        self.row.question = None;
        let mut message = None;
        if let Content::Run(kind) = &content {
            match kind.as_ref() {
                FileKind::Trace(trace) => {
                    self.row.step = self.step.or(trace.info.step).or(self.branch_step);
                    self.row.samples = Some(trace.info.samples.len());
                    // The user can correct the entered number.
                    if trace.experts_are_guessed() || self.ids.experts.is_some() {
                        self.row.question = Some(Question::Experts);
                    }
                }
                // Their steps are in the file, and are not asked for.
                FileKind::Traces(traces) => {
                    self.row.samples = traces.first().map(|trace| trace.info.samples.len());
                    let guessed = traces.iter().any(trace::OpenTrace::experts_are_guessed);
                    if guessed || self.ids.experts.is_some() {
                        self.row.question = Some(Question::Experts);
                    }
                }
                FileKind::Layer(layer) => {
                    self.row.step = self.step.or(layer.step).or(self.branch_step);
                    self.row.question = Some(Question::Experts);
                }
                FileKind::GateInputs { step } => self.row.step = self.step.or(*step),
                FileKind::Mappable(proposal) => {
                    self.row.state = FileState::Skipped;
                    self.warnings.extend(proposal.reasons.iter().cloned());
                    self.row.question = Some(Question::Mapping);
                }
                FileKind::Unrelated { reason, .. } | FileKind::Config(trace::ModelConfig { reason, .. }) => {
                    self.row.state = FileState::Skipped;
                    message = Some(reason.clone()).filter(|text| !text.is_empty());
                }
                _ => {}
            }
        }
        self.row.messages.clone_from(&self.warnings);
        self.row.messages.extend(message);
        self.content = Some(content);
    }

    /// Marks it as being read and returns the request to open it; none for a checkpoint, which is
    /// not opened.
    pub fn start_opening(&mut self) -> Option<OpenRequest> {
        let request = self.open_request()?;
        self.row.state = FileState::Reading;
        Some(request)
    }

    /// The request to open it; none for a checkpoint.
    pub fn open_request(&self) -> Option<OpenRequest> {
        Some(match &self.origin {
            FileOrigin::Disk(file) => {
                OpenRequest::Disk(self.row.path.clone(), file.clone(), Rc::clone(&self.read))
            }
            FileOrigin::Address(url) => OpenRequest::Address(url.clone(), Rc::clone(&self.read)),
            FileOrigin::Folder(url) => OpenRequest::Folder(url.clone()),
            FileOrigin::Index(url) => OpenRequest::Index(url.clone()),
            FileOrigin::Member(file) => OpenRequest::Member(Rc::clone(file), Rc::clone(&self.read)),
            FileOrigin::Checkpoint(_) => return None,
        })
    }

    /// Its path and the file or address itself, for the engine.
    pub fn handle(&self) -> Option<(String, JsValue)> {
        if let Some((name, blob)) = &self.unpacked {
            return Some((name.clone(), blob.clone().into()));
        }
        match &self.origin {
            FileOrigin::Disk(file) => Some((self.row.path.clone(), file.clone().into())),
            FileOrigin::Address(url) => Some((self.row.path.clone(), JsValue::from_str(url))),
            FileOrigin::Checkpoint(_)
            | FileOrigin::Folder(_)
            | FileOrigin::Index(_)
            | FileOrigin::Member(_) => None,
        }
    }
}

/// The step in the name of a checkpoint.
fn step_in_name(path: &str) -> Option<u64> {
    trace::step_from_name(path).map(|named| named.step)
}

/// The files inside a file.
pub enum NestedFiles {
    /// The file contains no others.
    None,
    /// The files in an archive.
    Members(Members),
    /// The files of a list.
    Listed(Vec<Listed>),
}
