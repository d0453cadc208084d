//! What a file is: by its content first, then by its name. Each format has one row in [`READERS`]; a format to come
//! needs one more row. Files that belong to a run but are not read here, and files that are often dropped along by
//! mistake, have a row in [`crate::strangers`].

use std::fmt;

use crate::{
    asked, beside, embeddings,
    error::Error,
    flame,
    flame::TraceLayer,
    gate_inputs, hf,
    ids::{self, Settings},
    npz,
    open_trace::OpenTrace,
    own,
    proposal::{self, Proposal},
    results::{Embeddings, ItemGates, Results, SampleList, TokenGates},
    results_csv, results_json, safetensors, sample_list,
    source::{Pending, Source},
    strangers,
    tensors::TensorFile,
    zip,
};

/// How many bytes of a file are looked at to recognise it.
pub const HEAD: u64 = 4096;

/// What a file was recognised as.
#[derive(Clone, Debug)]
pub enum Recognised {
    /// One checkpoint's router trace.
    Trace(OpenTrace),
    /// One layer of a trace; see [`crate::join_layers`].
    Layer(TraceLayer),
    /// Benchmark results.
    Results(Results),
    /// Text embeddings of samples and items.
    Embeddings(Embeddings),
    /// Mean gates of the benchmark items at the last checkpoint.
    ItemGates(ItemGates),
    /// Entropies of single tokens' gates at one checkpoint.
    TokenGates(TokenGates),
    /// Names, domains and token counts of the samples.
    SampleList(SampleList),
    /// Benchmark items with their answers, to be asked of checkpoints. Whoever runs those reads the file.
    Items,
    /// What enters the routers of a checkpoint, to compute its gating layers on. Whoever does that reads the file.
    GateInputs {
        /// Training step of the checkpoint.
        step: Option<u64>,
    },
    /// Router logits that Megatron's tracer recorded beside a trace of ids ([`OpenTrace::set_logits`]).
    Logits(Sidecar),
    /// Plain text, a sample a line, for running checkpoints on.
    Text,
    /// Tensors under other names, which might be routing; see [`crate::open_mapped`].
    Mappable(Proposal),
    /// No part of a run.
    Unrelated {
        /// One or two whole sentences: what the file seems to be, or what was looked for in it.
        looked_for: String,
    },
}

/// A file that is read with another one.
#[derive(Clone)]
pub struct Sidecar {
    /// Its bytes.
    pub source: Source,
}

impl fmt::Debug for Sidecar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sidecar").field("name", &self.source.name()).finish_non_exhaustive()
    }
}

/// A file after opening.
#[derive(Clone, Debug)]
pub struct Opened {
    /// What it is.
    pub what: Recognised,
    /// What to know about it, whole sentences that begin with the file's name; the content is good all the same.
    pub warnings: Vec<String>,
}

/// A file before it is recognised: its name, its first bytes, and its directory when it is a file of tensors.
pub struct Sniff {
    /// The file.
    pub source: Source,
    /// Its first bytes, at most 4096.
    pub head: Vec<u8>,
    /// Its tensors, when it is a container of them.
    pub tensors: Option<TensorFile>,
    /// What the user knows of files of ids.
    pub settings: Settings,
    /// More of its first line, where JSON lines are longer than the first bytes.
    line: Vec<u8>,
}

impl fmt::Debug for Sniff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sniff").field("name", &self.source.name()).finish_non_exhaustive()
    }
}

impl Sniff {
    /// The file's name in small letters, without its folders and without what an address has after `?`.
    #[must_use]
    pub fn file_name(&self) -> String {
        let path = self.source.name();
        let path = path.split(['?', '#']).next().unwrap_or(path);
        path.rsplit(['/', '\\']).next().unwrap_or(path).to_ascii_lowercase()
    }

    /// Whether the file's name has this ending.
    #[must_use]
    pub fn has_ending(&self, ending: &str) -> bool {
        self.file_name().rsplit_once('.').is_some_and(|(_, last)| last == ending)
    }

    /// The first bytes as text; `None` when they are binary.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        text_of(&self.head)
    }

    /// The first line of a file of JSON lines as far as it was read, where it is longer than the first bytes.
    #[must_use]
    pub fn first_line(&self) -> Option<&str> {
        Some(text_of(&self.line)?).filter(|line| !line.is_empty())
    }

    /// Reads on where one line of JSON lines is longer than what is looked at: its fields may come in any order.
    async fn look_further(&mut self) -> Result<(), Error> {
        let named = self.has_ending("jsonl") || self.has_ending("ndjson");
        let long = self.text().is_some_and(|text| text.trim_start().starts_with('{') && !text.contains('\n'));
        if named && long && self.source.len() > HEAD {
            self.line = self.source.read(0, self.source.len().min(ids::FIRST_LINE) as usize).await?;
        }
        Ok(())
    }
}

/// Bytes as text; `None` when they are binary.
fn text_of(bytes: &[u8]) -> Option<&str> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    match std::str::from_utf8(bytes) {
        Ok(text) => Some(text).filter(|text| !text.contains('\0')),
        // A character cut in two at the end is no binary.
        Err(error) if error.error_len().is_none() => {
            std::str::from_utf8(bytes.get(..error.valid_up_to())?).ok().filter(|text| !text.contains('\0'))
        }
        Err(_) => None,
    }
}

/// Reads a file that was recognised; warnings go into the list.
type Read = for<'a> fn(&'a Sniff, &'a mut Vec<String>) -> Pending<'a, Result<Recognised, Error>>;

/// One format.
struct Reader {
    /// What a file lacks to be of this format, as the end of "looked for …"; `None` when it is of this format.
    declines: fn(&Sniff) -> Option<String>,
    /// Reads it.
    read: Read,
}

/// All formats, in the order in which they are tried.
const READERS: [Reader; 15] = [
    Reader { declines: beside::declines, read: |sniff, warnings| Box::pin(beside::open(sniff, warnings)) },
    Reader {
        declines: ids::declines_megatron,
        read: |sniff, warnings| Box::pin(ids::open_megatron(sniff, warnings)),
    },
    Reader {
        declines: ids::declines_records,
        read: |sniff, warnings| Box::pin(ids::open_records(sniff, warnings)),
    },
    Reader {
        declines: ids::declines_table,
        read: |sniff, warnings| Box::pin(ids::open_table(sniff, warnings)),
    },
    Reader {
        declines: ids::declines_logits,
        read: |sniff, _| {
            let sidecar = Sidecar { source: sniff.source.clone() };
            Box::pin(std::future::ready(Ok(Recognised::Logits(sidecar))))
        },
    },
    Reader {
        declines: |sniff| declines_tensors(sniff, own::declines),
        read: |sniff, warnings| {
            Box::pin(async move {
                Ok(Recognised::Trace(
                    own::open(sniff.tensors.clone().ok_or_else(|| lost(sniff))?, warnings).await?,
                ))
            })
        },
    },
    Reader {
        declines: |sniff| declines_tensors(sniff, hf::declines),
        read: |sniff, warnings| {
            Box::pin(async move {
                Ok(Recognised::Trace(
                    hf::open(sniff.tensors.clone().ok_or_else(|| lost(sniff))?, warnings).await?,
                ))
            })
        },
    },
    Reader {
        declines: |sniff| declines_tensors(sniff, embeddings::declines),
        read: |sniff, _| {
            Box::pin(async move {
                let file = sniff.tensors.as_ref().ok_or_else(|| lost(sniff))?;
                Ok(Recognised::Embeddings(embeddings::open(file).await?))
            })
        },
    },
    Reader { declines: flame::declines, read: |sniff, _| Box::pin(flame::open(sniff)) },
    Reader {
        declines: |sniff| declines_tensors(sniff, gate_inputs::declines),
        read: |sniff, warnings| {
            Box::pin(async move {
                let file = sniff.tensors.as_ref().ok_or_else(|| lost(sniff))?;
                Ok(Recognised::GateInputs { step: gate_inputs::step(file, warnings) })
            })
        },
    },
    Reader {
        declines: asked::declines_items,
        read: |_, _| Box::pin(std::future::ready(Ok(Recognised::Items))),
    },
    Reader {
        declines: asked::declines_text,
        read: |_, _| Box::pin(std::future::ready(Ok(Recognised::Text))),
    },
    Reader {
        declines: sample_list::declines,
        read: |sniff, warnings| Box::pin(sample_list::open(sniff, warnings)),
    },
    Reader {
        declines: results_json::declines,
        read: |sniff, warnings| Box::pin(results_json::open(sniff, warnings)),
    },
    Reader {
        declines: results_csv::declines,
        read: |sniff, warnings| Box::pin(results_csv::open(sniff, warnings)),
    },
];

fn declines_tensors(sniff: &Sniff, declines: fn(&TensorFile) -> Option<String>) -> Option<String> {
    match &sniff.tensors {
        Some(file) => declines(file),
        None => Some("a safetensors or npz file".to_owned()),
    }
}

/// Cannot happen: a reader of tensors is only asked when there are tensors.
fn lost(sniff: &Sniff) -> Error {
    Error::Format {
        name: sniff.source.name().to_owned(),
        part: "content".to_owned(),
        found: "no tensors".to_owned(),
        expected: "a safetensors or npz file".to_owned(),
        advice: "This is a fault of the program; please report it.",
    }
}

/// Opens a file, whatever it is.
///
/// An unknown file is [`Recognised::Unrelated`], not an error; of it only a few KiB are read.
///
/// # Errors
/// When the file is of a known format but damaged, or cannot be read.
pub async fn open(source: Source) -> Result<Opened, Error> {
    open_with(source, Settings::default()).await
}

/// Opens a file, with what the user knows of it where it is a file of ids.
///
/// # Errors
/// As [`open`].
pub async fn open_with(source: Source, settings: Settings) -> Result<Opened, Error> {
    let len = source.len();
    if len == 0 {
        return Err(Error::Empty { name: source.name().to_owned() });
    }
    let head = source.read(0, len.min(HEAD) as usize).await?;
    let mut sniff = Sniff { source, head, tensors: None, settings, line: Vec::new() };
    if let Some(looked_for) = strangers::by_head(&sniff) {
        return Ok(Opened { what: Recognised::Unrelated { looked_for }, warnings: Vec::new() });
    }
    sniff.tensors = container(&sniff).await?;
    if let Some(looked_for) = strangers::by_content(&sniff) {
        return Ok(Opened { what: Recognised::Unrelated { looked_for }, warnings: Vec::new() });
    }
    sniff.look_further().await?;
    let mut warnings = Vec::new();
    let mut reasons: Vec<String> = Vec::new();
    for reader in &READERS {
        match (reader.declines)(&sniff) {
            None => {
                let what = (reader.read)(&sniff, &mut warnings).await?;
                return Ok(Opened { what, warnings });
            }
            Some(reason) if reasons.contains(&reason) => {}
            Some(reason) => reasons.push(reason),
        }
    }
    if let Some(file) = &sniff.tensors
        && let Some(proposal) = proposal::of_file(file).await?
    {
        return Ok(Opened { what: Recognised::Mappable(proposal), warnings });
    }
    let last = reasons.pop().unwrap_or_default();
    let looked_for = format!(
        "{}: no part of a run that this version knows. Looked for {}, or {last}.",
        sniff.source.name(),
        reasons.join(", ")
    );
    Ok(Opened { what: Recognised::Unrelated { looked_for }, warnings })
}

/// Opens a file of named tensors, safetensors or npz, whatever the tensors are.
///
/// # Errors
/// [`Error::Format`] for what is no such file, and what the container's reader answers.
pub async fn open_tensors(source: Source) -> Result<TensorFile, Error> {
    if source.is_empty() {
        return Err(Error::Empty { name: source.name().to_owned() });
    }
    let head = source.read(0, source.len().min(HEAD) as usize).await?;
    let sniff = Sniff { source, head, tensors: None, settings: Settings::default(), line: Vec::new() };
    container(&sniff).await?.ok_or_else(|| Error::Format {
        name: sniff.source.name().to_owned(),
        part: "first bytes".to_owned(),
        found: "no file of tensors".to_owned(),
        expected: "safetensors or npz".to_owned(),
        advice: "Write the tensors with safetensors' save_file or numpy.savez.",
    })
}

/// The file's tensors, when it is a container of them. A file that calls itself one and is none is an error.
async fn container(sniff: &Sniff) -> Result<Option<TensorFile>, Error> {
    let source = sniff.source.clone();
    if sniff.has_ending("safetensors") || safetensors::looks_like(&sniff.head, source.len()) {
        return safetensors::open(source).await.map(Some);
    }
    if sniff.head.starts_with(b"\x93NUMPY") {
        return npz::single(source).await.map(Some);
    }
    if sniff.has_ending("npz") || zip::looks_like(&sniff.head) {
        if !zip::looks_like(&sniff.head) {
            return Err(Error::Format {
                name: source.name().to_owned(),
                part: "first bytes".to_owned(),
                found: "no zip archive".to_owned(),
                expected: "an archive of arrays, as numpy.savez writes".to_owned(),
                advice: "The file is damaged or has another's name; write it again.",
            });
        }
        let members = zip::members(&source).await?;
        if members.iter().any(zip::Member::is_array) {
            return npz::from_members(source, members).await.map(Some);
        }
    }
    Ok(None)
}
