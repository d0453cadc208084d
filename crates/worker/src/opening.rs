//! Opening a file: from wherever it comes, packed or not, to what it holds.

use std::{cell::Cell, rc::Rc};

use js_sys::{Array, Uint8Array};
use protocol::Question;
use report::Report;
use trace::{BlobSource, Counted, FileKind, HttpSource, IdsSettings, Mapping, Source, listing::Listing};
use web_sys::Blob;

use crate::{
    folders::{self, Folder, Sorted},
    handles::Files,
    remote::{self, Found},
};

/// Files larger than this are no reports of ours.
const LARGEST_REPORT: u64 = 64 << 20;

/// Larger lists of samples or items are not unpacked for checkpoints.
const LARGEST_LIST: u64 = 1 << 30;

/// What a file holds.
pub enum Content {
    /// A part of a run.
    Run(FileKind),
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
        members: Members,
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

/// The files in an archive, sorted.
#[derive(Default)]
pub struct Members {
    /// Checkpoints: the path of each, and its files as parts of the archive.
    pub checkpoints: Vec<(String, Files)>,
    /// Everything else, and whether it serves checkpoints as their tokenizer.
    pub others: Vec<(Source, bool)>,
}

impl Members {
    /// Sorts the files of an archive, which is a `File` itself where it lies on the user's disk. A checkpoint in it is read
    /// where it is, and so must not be packed; a note says where one is.
    async fn sort(archive: Option<&Blob>, files: &[Source], notes: &mut Vec<String>) -> Self {
        let paths: Vec<String> = files.iter().map(|file| file.name().to_owned()).collect();
        let Sorted { folders, others, tokenizers } = folders::sort(&paths);
        let mut members = Self::default();
        for Folder { path, files: places } in folders {
            let own: Vec<&Source> = places.iter().filter_map(|&at| files.get(at)).collect();
            match parts(archive, &own).await {
                Ok(Some(parts)) => members.checkpoints.push((path, parts)),
                Ok(None) => notes.push(format!(
                    "{path}: a checkpoint inside an archive is read where it lies, and this one is compressed or comes from an \
                     address. Unpack the archive and drop the checkpoint's folder, or pack it without compression (tar, or \
                     zip -0)."
                )),
                Err(error) => notes.push(error.to_string()),
            }
        }
        let other = |at: usize| Some((Rc::clone(files.get(at)?), tokenizers.contains(&at)));
        members.others = others.into_iter().filter_map(other).collect();
        members
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.checkpoints.is_empty() && self.others.is_empty()
    }
}

/// Members of an archive as parts of it; none where one of them is not in it as it is.
async fn parts(archive: Option<&Blob>, files: &[&Source]) -> Result<Option<Files>, trace::Error> {
    let mut parts = Files::new();
    for file in files {
        let (Some(archive), Some(start)) = (archive, file.place().await?) else { return Ok(None) };
        let end = start + file.len();
        let Ok(part) = archive.slice_with_f64_and_f64(start as f64, end as f64) else { return Ok(None) };
        parts.push((file.name().to_owned(), part.into()));
    }
    Ok(Some(parts))
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
    pub message: String,
    /// What would help.
    pub question: Option<Question>,
}

/// Opens a trace that was made here.
///
/// # Errors
/// As [`open`].
pub async fn open_made(name: String, blob: Blob) -> Result<FileKind, String> {
    let opened =
        trace::open(Rc::new(BlobSource::new(name, blob))).await.map_err(|error| error.to_string())?;
    Ok(opened.what)
}

async fn open_source(ticket: Ticket, known: &Known) -> Result<Opening, Failure> {
    let mut disk = None;
    let (source, read): (Source, _) = match ticket {
        Ticket::Disk(path, file, read) => {
            let blob = disk.insert(Blob::from(file)).clone();
            (Rc::new(BlobSource::new(path, blob)), read)
        }
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
    let trace::Unpacked { files, mut notes, was_packed } = trace::unpack(source).await?;
    match files.as_slice() {
        // One packed file is that file, and not an archive with a row of its own.
        [file] if notes.is_empty() => open_plain(Rc::clone(file), was_packed, known).await,
        _ => {
            let members = Members::sort(disk.as_ref(), &files, &mut notes).await;
            Ok(Opening::Archive { bytes, members, notes })
        }
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
    let kind = opened.what.name().to_string();
    let asked = matches!(opened.what, FileKind::SampleList(_) | FileKind::Items | FileKind::Text);
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
