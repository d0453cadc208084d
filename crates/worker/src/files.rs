//! The files of a run as the analyst knows them: a row of the table each, and their content once opened.

use std::{cell::Cell, rc::Rc};

use js_sys::{Array, Uint8Array};
use report::{Part, Report};
use trace::{
    BlobSource, Counted, HttpSource, IdsSettings, Mapping, Proposal, Recognised, Source,
    listing::{Listed, Listing},
};
use wasm_bindgen::{JsCast as _, JsValue};
use web_sys::Blob;

use crate::{
    engine_protocol::MadeInfo,
    protocol::{FileRow, FileState, Question},
    remote::{self, Found},
};

/// Files larger than this are no reports of ours.
const LARGEST_REPORT: u64 = 64 << 20;

/// Larger lists of samples or items are not unpacked for checkpoints.
const LARGEST_LIST: u64 = 1 << 30;

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

/// Files with their paths: each a `File`, or an address as a string.
pub type Files = Vec<(String, JsValue)>;

/// What the engine made of a checkpoint.
pub struct Made {
    /// How, and what the items came to.
    pub info: MadeInfo,
    /// The trace's file.
    pub blob: Blob,
    /// The files of samples and items, or of its routers' inputs, that it was run on.
    pub inputs: Vec<usize>,
}

/// What a file holds.
pub enum Content {
    /// A part of a run.
    Run(Recognised),
    /// A finished report.
    Report(Box<Report>),
}

/// What the user knows of a file that does not say it.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// What its tensors are.
    pub mapping: Option<Mapping>,
    /// What its expert ids are of.
    pub ids: IdsSettings,
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
    pub fn what(&self) -> Option<&Recognised> {
        match &self.content {
            Some(Content::Run(what)) => Some(what),
            _ => None,
        }
    }

    /// What its tensors might be, where somebody has to say so.
    pub fn proposal(&self) -> Option<&Proposal> {
        match self.what() {
            Some(Recognised::Mappable(proposal)) => Some(proposal),
            _ => None,
        }
    }

    /// Whether checkpoints can be run on it.
    pub fn is_samples(&self) -> bool {
        match self.what() {
            Some(Recognised::SampleList(list)) => list.runnable,
            Some(Recognised::Text) => true,
            _ => false,
        }
    }

    /// Whether it has what enters the routers of a checkpoint.
    pub fn is_gate_inputs(&self) -> bool {
        matches!(self.what(), Some(Recognised::GateInputs { .. }))
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
    pub fn make(&mut self, made: Made, trace: Recognised, note: String) {
        if let Recognised::Trace(trace) = &trace {
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
            (Recognised::Trace(trace), Some(step)) => trace.info.step = Some(step),
            (Recognised::Layer(layer), Some(step)) => layer.set_step(step),
            _ => {}
        }
        Some(Part { id: self.row.id, path: self.row.path.clone(), what })
    }

    /// What the run made of it.
    pub fn judge(&mut self, used: bool, text: Option<String>) {
        self.row.state = if used { FileState::Used } else { FileState::Left };
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
            Ok(Opening::Archive { bytes, files, notes }) => {
                self.row.bytes = bytes;
                "archive".clone_into(&mut self.row.kind);
                self.row.state = if files.is_empty() { FileState::Failed } else { FileState::Used };
                self.row.messages = notes;
                return Inside::Members(files);
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
                    Content::Run(Recognised::Trace(trace)) => {
                        self.row.step = self.step.or(trace.info.step);
                        self.row.samples = Some(trace.info.samples.len());
                    }
                    Content::Run(Recognised::Layer(layer)) => self.row.step = self.step.or(layer.step),
                    _ => {}
                }
                if let Content::Run(Recognised::GateInputs { step }) = &content {
                    self.row.step = self.step.or(*step);
                }
                self.row.state = FileState::Left;
                self.row.question = None;
                self.warnings = warnings;
                if let Content::Run(Recognised::Mappable(proposal)) = &content {
                    self.row.question = Some(Question::Mapping);
                    self.warnings.extend(proposal.reasons.iter().cloned());
                }
                self.row.messages.clone_from(&self.warnings);
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
    Members(Vec<Source>),
    /// The files of a list.
    Addresses(Vec<Listed>),
}

/// What opening has brought.
pub enum Opening {
    /// A file's content.
    File {
        /// Bytes of it.
        bytes: u64,
        /// What it was recognised as.
        kind: String,
        /// What it holds.
        content: Content,
        /// What to know about it.
        warnings: Vec<String>,
        /// Name and bytes for the engine, of what checkpoints are run on and was packed.
        plain: Option<(String, Blob)>,
    },
    /// The files in an archive.
    Archive {
        /// Bytes of the archive.
        bytes: u64,
        /// Them.
        files: Vec<Source>,
        /// Which could not be had, and why.
        notes: Vec<String>,
    },
    /// A list of files.
    List(Listing),
    /// The files of a checkpoint's folder.
    Folder {
        /// Them, as addresses.
        files: Files,
        /// Bytes of its weights, as far as is known.
        bytes: u64,
    },
}

/// What is needed to open a file while the table stays free.
pub enum Ticket {
    /// The user's disk.
    Disk(String, web_sys::File, Rc<Cell<u64>>),
    /// An address.
    Address(String, Rc<Cell<u64>>),
    /// The address of a folder.
    Folder(String),
    /// The address of a list of files.
    Index(String),
    /// A file in an archive.
    Member(Source, Rc<Cell<u64>>),
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

/// Opens a file: its headers and small tensors are read, its gates are not.
///
/// # Errors
/// In whole sentences: what, where, what was expected, what to do.
pub async fn open(ticket: Ticket) -> Result<Opening, Unopened> {
    open_known(ticket, &Known::default()).await.map_err(|failure| {
        let asks = matches!(&failure, Failure::Trace(error) if error.asks_for_shape());
        Unopened { message: failure.to_string(), question: asks.then_some(Question::Shape) }
    })
}

/// Opens a file of which the user knows something.
///
/// # Errors
/// As [`open`].
pub async fn open_known(ticket: Ticket, known: &Known) -> Result<Opening, Failure> {
    open_source(ticket, known).await
}

/// Why a file was not opened.
pub struct Unopened {
    /// In whole sentences.
    message: String,
    /// What would help.
    question: Option<Question>,
}

/// Opens a trace that was made here.
///
/// # Errors
/// As [`open`].
pub async fn open_made(name: String, blob: Blob) -> Result<Recognised, String> {
    let opened =
        trace::open(Rc::new(BlobSource::new(name, blob))).await.map_err(|error| error.to_string())?;
    Ok(opened.what)
}

async fn open_source(ticket: Ticket, known: &Known) -> Result<Opening, Failure> {
    let (source, read): (Source, _) = match ticket {
        Ticket::Disk(path, file, read) => (Rc::new(BlobSource::new(path, file.into())), read),
        Ticket::Address(url, read) => (Rc::new(HttpSource::open(&url).await?), read),
        Ticket::Folder(url) => {
            return Ok(match remote::look(&url).await? {
                Found::Checkpoint(files, bytes) => Opening::Folder { files, bytes },
                Found::List(listing) => Opening::List(listing),
            });
        }
        Ticket::Index(url) => return Ok(Opening::List(remote::index(&url).await?)),
        Ticket::Member(file, read) => {
            return open_plain(Rc::new(Counted::new(file, read)), true, known).await;
        }
    };
    let source: Source = Rc::new(Counted::new(source, read));
    let bytes = source.len();
    let trace::Unpacked { files, notes, was_packed } = trace::unpack(source).await?;
    match files.as_slice() {
        // One packed file is that file, and not an archive with a row of its own.
        [file] if notes.is_empty() => open_plain(Rc::clone(file), was_packed, known).await,
        _ => Ok(Opening::Archive { bytes, files, notes }),
    }
}

/// Opens a file that is no archive.
async fn open_plain(source: Source, was_packed: bool, known: &Known) -> Result<Opening, Failure> {
    let bytes = source.len();
    if let Some(report) = our_report(&source).await? {
        let content = Content::Report(Box::new(report));
        let kind = "Grokscope report".into();
        return Ok(Opening::File { bytes, kind, content, warnings: Vec::new(), plain: None });
    }
    let opened = match &known.mapping {
        Some(mapping) => trace::open_mapped(Rc::clone(&source), mapping).await?,
        None => trace::open_with(Rc::clone(&source), known.ids).await?,
    };
    let kind = kind(&opened.what).to_string();
    let asked = matches!(opened.what, Recognised::SampleList(_) | Recognised::Items | Recognised::Text);
    let plain = if was_packed && asked && bytes <= LARGEST_LIST {
        let bytes = source.read(0, bytes as usize).await?;
        let parts = Array::of1(&Uint8Array::from(bytes.as_slice()));
        Blob::new_with_u8_array_sequence(&parts).ok().map(|blob| (source.name().to_owned(), blob))
    } else {
        None
    };
    let content = Content::Run(opened.what);
    Ok(Opening::File { bytes, kind, content, warnings: opened.warnings, plain })
}

/// What a file was recognised as, in the words of the table.
fn kind(what: &Recognised) -> &'static str {
    match what {
        Recognised::Trace(trace) => trace.info.format,
        Recognised::Layer(layer) => layer.format,
        Recognised::Results(_) => "benchmark results",
        Recognised::Embeddings(_) => "text embeddings",
        Recognised::ItemGates(_) => "gates of benchmark items",
        Recognised::TokenGates(_) => "gates of single tokens",
        Recognised::SampleList(_) => "list of samples",
        Recognised::GateInputs { .. } => "inputs of routers",
        Recognised::Logits(_) => "router logits",
        Recognised::Items => "benchmark items",
        Recognised::Text => "text, a sample a line",
        Recognised::Mappable(_) => "tensors under other names",
        Recognised::Unrelated { .. } => "not part of a run",
    }
}

/// Why a file could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// It is damaged, or not what it was said to be.
    #[error(transparent)]
    Trace(#[from] trace::Error),
    /// It is a report that cannot be read.
    #[error("{file}: {source}")]
    Report {
        /// Its name.
        file: String,
        /// Why.
        source: report::Error,
    },
}

/// A report that was downloaded from this page or written by the command line tool.
async fn our_report(source: &Source) -> Result<Option<Report>, Failure> {
    let len = source.len();
    let name = source.name().split(['?', '#']).next().unwrap_or_default().to_ascii_lowercase();
    let is_json = name.rsplit('.').next() == Some("json");
    if !is_json || !(2..=LARGEST_REPORT).contains(&len) {
        return Ok(None);
    }
    let start = source.read(0, len.min(512) as usize).await?;
    if !String::from_utf8_lossy(&start).contains(report::FORMAT) {
        return Ok(None);
    }
    let bytes = source.read(0, len as usize).await?;
    match report::export::parse_json(&String::from_utf8_lossy(&bytes)) {
        Ok(report) => Ok(Some(report)),
        Err(error) => Err(Failure::Report { file: source.name().into(), source: error }),
    }
}
