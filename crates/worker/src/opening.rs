//! Opening a file: from any origin, packed or not, to its content.

use std::{cell::Cell, rc::Rc};

use js_sys::{Array, Uint8Array};
use protocol::Question;
use report::Report;
use trace::{BlobSource, Counted, FileKind, HttpSource, IdsSettings, Mapping, Source, listing::Listing};
use web_sys::Blob;

use crate::{
    folders::{self, Folder, Sorted},
    remote::{self, FileHandles, Found},
};

/// Maximum bytes of a Grokscope report.
const LARGEST_REPORT: u64 = 64 << 20;

/// Maximum bytes of a packed list of samples or items that is unpacked for the engine.
const LARGEST_LIST: u64 = 1 << 30;

/// The content of a file.
pub enum Content {
    /// A part of a run.
    Run(Box<FileKind>),
    /// A finished report.
    Report(Box<Report>),
}

/// Information from the user that a file lacks.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    /// Roles of its tensors.
    pub mapping: Option<Mapping>,
    /// Shape of its expert ids.
    pub ids: IdsSettings,
}

/// The result of opening a file.
pub enum Opening {
    /// A single file.
    File {
        /// Its size in bytes.
        bytes: u64,
        /// Its recognized kind.
        kind: String,
        /// Its content.
        content: Content,
        /// Warnings of the reader.
        warnings: Vec<String>,
        /// Name and unpacked bytes for the engine, if it was packed and checkpoints can be run on
        /// it.
        unpacked: Option<(String, Blob)>,
    },
    /// An archive.
    Archive {
        /// Its size in bytes.
        bytes: u64,
        /// The files inside.
        members: Members,
        /// Files that cannot be read, and why.
        notes: Vec<String>,
    },
    /// A list of files.
    List(Listing),
    /// A checkpoint's folder.
    Folder {
        /// Its files, as addresses.
        files: FileHandles,
        /// Bytes of its weights; 0 if unknown.
        bytes: u64,
    },
}

/// The files in an archive, divided into checkpoints and others.
#[derive(Default)]
pub struct Members {
    /// The path of each checkpoint, and its files as slices of the archive.
    pub checkpoints: Vec<(String, FileHandles)>,
    /// All other files, each with whether it is a tokenizer of checkpoints.
    pub others: Vec<(Source, bool)>,
    /// Files that name the commits of branches in the Hugging Face cache.
    pub references: Vec<Source>,
}

impl Members {
    /// Sorts the files of an archive. `archive` is given if it is on the user's disk. Checkpoints
    /// are read in place, so they must be uncompressed; a note is added for each one that is not.
    async fn sort(archive: Option<&Blob>, files: &[Source], notes: &mut Vec<String>) -> Self {
        let paths: Vec<String> = files.iter().map(|file| file.name().to_owned()).collect();
        let Sorted { folders, others, tokenizers, references } = folders::sort(&paths);
        let references = references.into_iter().filter_map(|at| files.get(at).cloned()).collect();
        let mut members = Self { references, ..Self::default() };
        for Folder { path, files: places } in folders {
            let own: Vec<&Source> = places.iter().filter_map(|&at| files.get(at)).collect();
            match slices(archive, &own).await {
                Ok(Some(slices)) => members.checkpoints.push((path, slices)),
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

    /// Whether the archive has no files.
    pub fn is_empty(&self) -> bool {
        self.checkpoints.is_empty() && self.others.is_empty()
    }
}

/// Files of an archive as slices of it; none if one of them is compressed.
async fn slices(archive: Option<&Blob>, files: &[&Source]) -> Result<Option<FileHandles>, trace::Error> {
    let mut slices = FileHandles::new();
    for file in files {
        let (Some(archive), Some(start)) = (archive, file.place().await?) else { return Ok(None) };
        let end = start + file.len();
        let Ok(slice) = archive.slice_with_f64_and_f64(start as f64, end as f64) else { return Ok(None) };
        slices.push((file.name().to_owned(), slice.into()));
    }
    Ok(Some(slices))
}

/// A request to open a file. It does not borrow the file table. The cells count the bytes read.
pub enum OpenRequest {
    /// A file on the user's disk, with its path.
    Disk(String, web_sys::File, Rc<Cell<u64>>),
    /// A file at a URL.
    Address(String, Rc<Cell<u64>>),
    /// A folder at a URL.
    Folder(String),
    /// A list of files at a URL.
    Index(String),
    /// A file in an archive.
    Member(Source, Rc<Cell<u64>>),
}

/// Opens a file and reads its headers and small tensors, but not its gates.
///
/// # Errors
/// A message in whole sentences: what, where, what was expected, what to do.
pub async fn open(request: OpenRequest) -> Result<Opening, Unopened> {
    open_with(request, &Overrides::default()).await.map_err(|failure| {
        let asks = matches!(&failure, Failure::Trace(error) if error.asks_for_shape());
        Unopened { message: failure.to_string(), question: asks.then_some(Question::Shape) }
    })
}

/// The reason why a file was not opened.
pub struct Unopened {
    /// The reason in whole sentences.
    pub message: String,
    /// What the user can answer to open it.
    pub question: Option<Question>,
}

/// Opens a trace that the engine computed.
///
/// # Errors
/// As [`open`].
pub async fn open_computed(name: String, blob: Blob) -> Result<FileKind, String> {
    let opened =
        trace::open(Rc::new(BlobSource::new(name, blob))).await.map_err(|error| error.to_string())?;
    Ok(opened.what)
}

/// Opens a file with information from the user.
///
/// # Errors
/// As [`open`].
pub async fn open_with(request: OpenRequest, overrides: &Overrides) -> Result<Opening, Failure> {
    let mut disk = None;
    let (source, read): (Source, _) = match request {
        OpenRequest::Disk(path, file, read) => {
            let blob = disk.insert(Blob::from(file)).clone();
            (Rc::new(BlobSource::new(path, blob)), read)
        }
        OpenRequest::Address(url, read) => (Rc::new(HttpSource::open(&url).await?), read),
        OpenRequest::Folder(url) => {
            return Ok(match remote::look(&url).await? {
                Found::Checkpoint(files, bytes) => Opening::Folder { files, bytes },
                Found::List(listing) => Opening::List(listing),
            });
        }
        OpenRequest::Index(url) => return Ok(Opening::List(remote::index(&url).await?)),
        OpenRequest::Member(file, read) => {
            return open_single(Rc::new(Counted::new(file, read)), true, overrides).await;
        }
    };
    let source: Source = Rc::new(Counted::new(source, read));
    let bytes = source.len();
    let trace::Unpacked { files, mut notes, was_packed } = trace::unpack(source).await?;
    match files.as_slice() {
        // An archive with a single file is opened as that file.
        [file] if notes.is_empty() => open_single(Rc::clone(file), was_packed, overrides).await,
        _ => {
            let members = Members::sort(disk.as_ref(), &files, &mut notes).await;
            Ok(Opening::Archive { bytes, members, notes })
        }
    }
}

/// Opens a file that is not an archive.
async fn open_single(source: Source, was_packed: bool, overrides: &Overrides) -> Result<Opening, Failure> {
    let bytes = source.len();
    if let Some(report) = grokscope_report(&source).await? {
        let content = Content::Report(Box::new(report));
        let kind = "Grokscope report".into();
        return Ok(Opening::File { bytes, kind, content, warnings: Vec::new(), unpacked: None });
    }
    let opened = match &overrides.mapping {
        Some(mapping) => trace::open_mapped(Rc::clone(&source), mapping).await?,
        None => trace::open_with(Rc::clone(&source), overrides.ids).await?,
    };
    let kind = opened.what.name().to_string();
    let is_input = matches!(opened.what, FileKind::SampleList(_) | FileKind::Items | FileKind::Text);
    let unpacked = if was_packed && is_input && bytes <= LARGEST_LIST {
        let bytes = source.read(0, bytes as usize).await?;
        let parts = Array::of1(&Uint8Array::from(bytes.as_slice()));
        Blob::new_with_u8_array_sequence(&parts).ok().map(|blob| (source.name().to_owned(), blob))
    } else {
        None
    };
    let content = Content::Run(Box::new(opened.what));
    Ok(Opening::File { bytes, kind, content, warnings: opened.warnings, unpacked })
}

/// The error of opening a file.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The file cannot be read, or not as the user described it.
    #[error(transparent)]
    Trace(#[from] trace::Error),
    /// The file is a report that cannot be read.
    #[error("{file}: {source}")]
    Report {
        /// Name of the file.
        file: String,
        /// The error.
        source: report::Error,
    },
}

/// Reads a report that this page or the command line has exported; none for other files.
async fn grokscope_report(source: &Source) -> Result<Option<Report>, Failure> {
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
