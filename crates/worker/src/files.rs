//! The files of a run as the analyst knows them: a row of the table each, and their content once opened.

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
    handles::Files,
    opening::{Content, Members, Opening, Ticket, Unopened},
};

/// Where a file comes from.
pub enum Door {
    /// The user's disk.
    Disk(web_sys::File),
    /// An address.
    Address(String),
    /// A folder at an address, before its files are known; ends in `/`.
    Folder(String),
    /// The address of a list of files.
    Index(String),
    /// A checkpoint: its files, each with its path, from the disk or as addresses.
    Checkpoint(Files),
    /// A file in an archive among the other files.
    Member(Source),
}

/// What the engine made of a checkpoint.
pub struct Made {
    /// How, and what the items came to.
    pub info: MadeInfo,
    /// The trace's file.
    pub blob: Blob,
    /// The files of samples and items, or of its routers' inputs, that it was run on.
    pub inputs: Vec<usize>,
}

/// One file.
pub struct Entry {
    /// Its line in the table.
    pub row: FileRow,
    /// Where it comes from.
    pub door: Door,
    /// Its content, once it could be read.
    pub content: Option<Content>,
    /// The step that the user entered.
    pub step: Option<u64>,
    /// The number of the row of the archive or list that it is in.
    pub within: Option<usize>,
    /// What was made of it, for a checkpoint.
    pub made: Option<Made>,
    /// Whether it is of use only to checkpoints, as their tokenizer.
    pub serves: bool,
    /// What the user said of its expert ids.
    pub ids: IdsSettings,
    /// Whether the user was asked what it does not say.
    pub asked: bool,
    /// Its bytes and name for the engine, where the door leads to something packed.
    plain: Option<(String, Blob)>,
    /// What the reader warned of.
    warnings: Vec<String>,
    /// Bytes read of it.
    read: Rc<Cell<u64>>,
}

impl Entry {
    /// A file that is only known by name.
    pub fn new(id: usize, path: String, door: Door, within: Option<usize>) -> Self {
        let bytes = match &door {
            Door::Disk(file) => file.size() as u64,
            Door::Member(file) => file.len(),
            Door::Address(_) | Door::Folder(_) | Door::Index(_) => 0,
            Door::Checkpoint(files) => {
                files.iter().filter_map(|(_, file)| Some(file.dyn_ref::<Blob>()?.size() as u64)).sum()
            }
        };
        let checkpoint = matches!(door, Door::Checkpoint(_));
        let step = if checkpoint { named_step(&path) } else { None };
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
            door,
            content: None,
            step: None,
            within,
            made: None,
            serves: false,
            ids: IdsSettings::default(),
            asked: false,
            plain: None,
            warnings: Vec::new(),
            read: Rc::default(),
        }
    }

    /// Its line in the table as it is now.
    pub fn row(&self) -> FileRow {
        if self.row.checkpoint {
            return self.row.clone();
        }
        FileRow { bytes_read: self.read.get().min(self.row.bytes.max(self.read.get())), ..self.row.clone() }
    }

    /// Whether it has still to be opened.
    pub fn is_waiting(&self) -> bool {
        !self.row.checkpoint && matches!(self.row.state, FileState::Waiting | FileState::Reading)
    }

    /// What it is, where that is known.
    pub fn what(&self) -> Option<&FileKind> {
        match &self.content {
            Some(Content::Run(what)) => Some(what),
            _ => None,
        }
    }

    /// What its tensors might be, where somebody has to say so.
    pub fn proposal(&self) -> Option<&Proposal> {
        match self.what() {
            Some(FileKind::Mappable(proposal)) => Some(proposal),
            _ => None,
        }
    }

    /// Whether checkpoints can be run on it.
    pub fn is_samples(&self) -> bool {
        match self.what() {
            Some(FileKind::SampleList(list)) => list.runnable,
            Some(FileKind::Text) => true,
            _ => false,
        }
    }

    /// Whether it has what enters the routers of a checkpoint.
    pub fn is_gate_inputs(&self) -> bool {
        matches!(self.what(), Some(FileKind::GateInputs { .. }))
    }

    /// Puts a checkpoint back to where nothing was made of it.
    pub fn unmake(&mut self) {
        self.made = None;
        self.content = None;
        self.row.made = false;
        self.row.bytes_read = 0;
        self.row.samples = None;
        self.row.state = FileState::Waiting;
        self.row.messages.clear();
    }

    /// Takes in the trace that was made of a checkpoint.
    pub fn make(&mut self, made: Made, trace: FileKind, note: String) {
        if let FileKind::Trace(trace) = &trace {
            self.row.step = self.step.or(trace.info.step);
            self.row.samples = Some(trace.info.samples.len());
        }
        self.row.bytes_read = made.info.read;
        self.row.state = FileState::Used;
        self.row.made = true;
        self.warnings = vec![note];
        self.row.messages.clone_from(&self.warnings);
        self.content = Some(Content::Run(trace));
        self.made = Some(made);
    }

    /// The content as a part of a run.
    pub fn part(&self) -> Option<Part> {
        if self.serves || self.proposal().is_some() {
            return None;
        }
        let mut what = self.what()?.clone();
        match (&mut what, self.step) {
            (FileKind::Trace(trace), Some(step)) => trace.info.step = Some(step),
            (FileKind::Layer(layer), Some(step)) => layer.set_step(step),
            _ => {}
        }
        Some(Part { id: self.row.id, path: self.row.path.clone(), what })
    }

    /// What the run made of it.
    pub fn judge(&mut self, used: bool, text: Option<String>) {
        self.row.state = if used { FileState::Used } else { FileState::Skipped };
        self.row.messages = self.warnings.clone();
        self.row.messages.extend(text);
    }

    /// It could not be read to its end.
    pub fn fail(&mut self, message: String) {
        self.row.state = FileState::Failed;
        self.row.messages = vec![message];
        self.content = None;
    }

    /// It belongs to checkpoints as their tokenizer, and is nothing by itself.
    pub fn serve(&mut self, kind: &str) {
        self.serves = true;
        kind.clone_into(&mut self.row.kind);
        self.row.state = FileState::Used;
    }

    /// Takes in what opening has brought; answers with what is in it, which is to be opened next.
    pub fn settle(&mut self, opened: Result<Opening, Unopened>) -> Inside {
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
                return Inside::Members(members);
            }
            // Lists that name each other would have no end.
            Ok(Opening::List(_)) if self.within.is_some() => self.fail(format!(
                "{}: a list that another list names is not read, only files and checkpoints. Name its address itself.",
                self.row.path
            )),
            Ok(Opening::List(Listing { files, notes })) => {
                "list of files".clone_into(&mut self.row.kind);
                self.row.state = if files.is_empty() { FileState::Failed } else { FileState::Used };
                self.row.messages = notes;
                return Inside::Addresses(files);
            }
            Ok(Opening::Folder { files, bytes }) => {
                self.row.bytes = bytes;
                self.row.checkpoint = true;
                "checkpoint".clone_into(&mut self.row.kind);
                self.row.step = self.step.or_else(|| named_step(&self.row.path));
                self.row.state = FileState::Waiting;
                self.door = Door::Checkpoint(files);
            }
            Ok(Opening::File { bytes, content, warnings, kind, plain }) => {
                self.row.bytes = bytes;
                self.row.kind = kind;
                self.plain = plain;
                match &content {
                    Content::Run(FileKind::Trace(trace)) => {
                        self.row.step = self.step.or(trace.info.step);
                        self.row.samples = Some(trace.info.samples.len());
                    }
                    Content::Run(FileKind::Layer(layer)) => self.row.step = self.step.or(layer.step),
                    _ => {}
                }
                if let Content::Run(FileKind::GateInputs { step }) = &content {
                    self.row.step = self.step.or(*step);
                }
                self.row.state = FileState::Skipped;
                self.warnings = warnings;
                self.row.question = match &content {
                    Content::Run(FileKind::Mappable(proposal)) => {
                        self.warnings.extend(proposal.reasons.iter().cloned());
                        Some(Question::Mapping)
                    }
                    Content::Run(FileKind::Layer(_)) => Some(Question::Experts),
                    // What the user has said can be said again.
                    Content::Run(FileKind::Trace(trace))
                        if trace.experts_are_guessed() || self.ids.experts.is_some() =>
                    {
                        Some(Question::Experts)
                    }
                    _ => None,
                };
                self.row.messages.clone_from(&self.warnings);
                if let Content::Run(
                    FileKind::Unrelated { reason } | FileKind::Config(trace::ModelConfig { reason, .. }),
                ) = &content
                {
                    self.row.messages.extend(Some(reason.clone()).filter(|text| !text.is_empty()));
                }
                self.content = Some(content);
            }
        }
        Inside::Nothing
    }
}

/// The step in a checkpoint's name.
fn named_step(path: &str) -> Option<u64> {
    trace::step_from_name(path).map(|named| named.step)
}

/// What is in a file.
pub enum Inside {
    /// No other files.
    Nothing,
    /// The files in an archive.
    Members(Members),
    /// The files of a list.
    Addresses(Vec<Listed>),
}

impl Entry {
    /// Marks it as being read, and gives what [`open`] needs; of a checkpoint only the list of its files is.
    pub fn ticket(&mut self) -> Option<Ticket> {
        let ticket = self.door_ticket()?;
        self.row.state = FileState::Reading;
        Some(ticket)
    }

    /// What [`open`] needs.
    pub fn door_ticket(&self) -> Option<Ticket> {
        Some(match &self.door {
            Door::Disk(file) => Ticket::Disk(self.row.path.clone(), file.clone(), Rc::clone(&self.read)),
            Door::Address(url) => Ticket::Address(url.clone(), Rc::clone(&self.read)),
            Door::Folder(url) => Ticket::Folder(url.clone()),
            Door::Index(url) => Ticket::Index(url.clone()),
            Door::Member(file) => Ticket::Member(Rc::clone(file), Rc::clone(&self.read)),
            Door::Checkpoint(_) => return None,
        })
    }

    /// The file or address itself, for handing on to the engine.
    pub fn handle(&self) -> Option<(String, JsValue)> {
        if let Some((name, blob)) = &self.plain {
            return Some((name.clone(), blob.clone().into()));
        }
        match &self.door {
            Door::Disk(file) => Some((self.row.path.clone(), file.clone().into())),
            Door::Address(url) => Some((self.row.path.clone(), JsValue::from_str(url))),
            Door::Checkpoint(_) | Door::Folder(_) | Door::Index(_) | Door::Member(_) => None,
        }
    }
}
