//! The files of a run as the analyst knows them: a row of the table each, and their content once opened.

use std::{cell::Cell, rc::Rc};

use report::{Part, Report};
use trace::{BlobSource, Counted, HttpSource, Recognised, Source};

use crate::protocol::{FileRow, FileState};

/// Files larger than this are no reports of ours.
const LARGEST_REPORT: u64 = 64 << 20;

/// Where a file comes from.
pub enum Door {
    /// The user's disk.
    Disk(web_sys::File),
    /// An address.
    Address(String),
}

/// What a file holds.
pub enum Content {
    /// A part of a run.
    Run(Recognised),
    /// A finished report.
    Report(Box<Report>),
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
    /// What the reader warned of.
    warnings: Vec<String>,
    /// Bytes read of it.
    read: Rc<Cell<u64>>,
}

impl Entry {
    /// A file that is only known by name.
    pub fn new(id: usize, path: String, door: Door) -> Self {
        let bytes = match &door {
            Door::Disk(file) => file.size() as u64,
            Door::Address(_) => 0,
        };
        let row = FileRow {
            id,
            path,
            kind: String::new(),
            step: None,
            samples: None,
            bytes_read: 0,
            bytes,
            state: FileState::Waiting,
            messages: Vec::new(),
        };
        Self { row, door, content: None, step: None, warnings: Vec::new(), read: Rc::default() }
    }

    /// Its line in the table as it is now.
    pub fn row(&self) -> FileRow {
        FileRow { bytes_read: self.read.get().min(self.row.bytes.max(self.read.get())), ..self.row.clone() }
    }

    /// Whether it has still to be opened.
    pub fn is_waiting(&self) -> bool {
        matches!(self.row.state, FileState::Waiting | FileState::Reading)
    }

    /// The content as a part of a run.
    pub fn part(&self) -> Option<Part> {
        let Some(Content::Run(what)) = &self.content else { return None };
        let mut what = what.clone();
        if let (Recognised::Trace(trace), Some(step)) = (&mut what, self.step) {
            trace.info.step = Some(step);
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

    /// Takes in what opening has brought.
    pub fn settle(&mut self, opened: Result<Opening, String>) {
        match opened {
            Err(message) => self.fail(message),
            Ok(Opening { bytes, content, warnings, kind }) => {
                self.row.bytes = bytes;
                self.row.kind = kind;
                if let Content::Run(Recognised::Trace(trace)) = &content {
                    self.row.step = self.step.or(trace.info.step);
                    self.row.samples = Some(trace.info.samples.len());
                }
                self.row.state = FileState::Left;
                self.row.messages.clone_from(&warnings);
                self.warnings = warnings;
                self.content = Some(content);
            }
        }
    }
}

/// What opening a file has brought.
pub struct Opening {
    bytes: u64,
    kind: String,
    content: Content,
    warnings: Vec<String>,
}

/// What is needed to open a file while the table stays free.
pub enum Ticket {
    /// The user's disk.
    Disk(String, web_sys::File, Rc<Cell<u64>>),
    /// An address.
    Address(String, Rc<Cell<u64>>),
}

impl Entry {
    /// Marks it as being read, and gives what [`open`] needs.
    pub fn ticket(&mut self) -> Ticket {
        self.row.state = FileState::Reading;
        match &self.door {
            Door::Disk(file) => Ticket::Disk(self.row.path.clone(), file.clone(), Rc::clone(&self.read)),
            Door::Address(url) => Ticket::Address(url.clone(), Rc::clone(&self.read)),
        }
    }
}

/// Opens a file: its headers and small tensors are read, its gates are not.
///
/// # Errors
/// In whole sentences: what, where, what was expected, what to do.
pub async fn open(ticket: Ticket) -> Result<Opening, String> {
    open_source(ticket).await.map_err(|error| error.to_string())
}

async fn open_source(ticket: Ticket) -> Result<Opening, Failure> {
    let (source, read): (Source, _) = match ticket {
        Ticket::Disk(path, file, read) => (Rc::new(BlobSource::new(path, file.into())), read),
        Ticket::Address(url, read) => (Rc::new(HttpSource::open(&url).await?), read),
    };
    let source: Source = Rc::new(Counted::new(source, read));
    let bytes = source.len();
    if let Some(report) = our_report(&source).await? {
        let content = Content::Report(Box::new(report));
        return Ok(Opening { bytes, kind: "Grokscope report".into(), content, warnings: Vec::new() });
    }
    let opened = trace::open(source).await?;
    let kind = kind(&opened.what).to_string();
    Ok(Opening { bytes, kind, content: Content::Run(opened.what), warnings: opened.warnings })
}

/// What a file was recognised as, in the words of the table.
fn kind(what: &Recognised) -> &'static str {
    match what {
        Recognised::Trace(trace) => trace.info.format,
        Recognised::Results(_) => "benchmark results",
        Recognised::Embeddings(_) => "text embeddings",
        Recognised::ItemGates(_) => "gates of benchmark items",
        Recognised::TokenGates(_) => "gates of single tokens",
        Recognised::SampleList(_) => "list of samples",
        Recognised::Unrelated { .. } => "not part of a run",
    }
}

/// Why a file could not be opened.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Trace(#[from] trace::Error),
    #[error("{file}: {source}")]
    Report { file: String, source: report::Error },
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
