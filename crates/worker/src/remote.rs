//! Folders at addresses: their files, and byte sources for some of these.

use std::{cell::Cell, rc::Rc};

use futures::future::join3;
use protocol::addresses::{self, is_plain};
use trace::{
    BlobSource, ByteSource as _, CheckpointFiles, Counted, Error, HttpSource, Shards, Source,
    hub::{self, HubPlace},
    listing::{self, LARGEST_LIST, Listing},
};
use wasm_bindgen::{JsCast as _, JsValue};
use web_sys::Blob;

/// Files with their paths: each a `File` or `Blob`, or an address as a string.
pub type FileHandles = Vec<(String, JsValue)>;

/// The list of a checkpoint's shards.
const INDEX: &str = "model.safetensors.index.json";

/// The only shard of a checkpoint without an index.
const WHOLE: &str = "model.safetensors";

/// States the step if the folder's name does not.
const STATE: &str = "trainer_state.json";

/// The content of a folder.
pub enum Found {
    /// A checkpoint: its files, and the bytes of its weights; 0 if neither the index nor the only
    /// shard states them.
    Checkpoint(FileHandles, u64),
    /// Other files.
    List(Listing),
}

/// Finds the content of a folder, whose address ends in `/`: a checkpoint if there is a
/// `config.json`, else the files that its `index.json`, the Hub or the directory page of its server
/// lists.
///
/// # Errors
/// If none of these exists, if a server refuses, or if a checkpoint has neither index nor shard.
pub async fn look(folder: &str) -> Result<Found, Error> {
    let without_config = match HttpSource::open(&format!("{folder}config.json")).await {
        Ok(_) => return checkpoint(folder).await.map(|(files, bytes)| Found::Checkpoint(files, bytes)),
        Err(error) if is_absent(&error) => error,
        Err(error) => return Err(error),
    };
    match index(&format!("{folder}{}", addresses::INDEX)).await {
        Err(error) if is_absent(&error) => {}
        found => return found.map(Found::List),
    }
    let listing = match HubPlace::of(folder) {
        Some(place) => listing::read_hub(&place, &content(&place.list()).await?)?,
        None if hub::is_github(folder) => Listing::default(),
        None => match content(folder).await {
            Ok(page) => listing::read_page(folder, &page),
            Err(error) if is_absent(&error) => Listing::default(),
            Err(error) => return Err(error),
        },
    };
    if !listing.files.is_empty() {
        return Ok(Found::List(listing));
    }
    if matches!(without_config, Error::Refused { status: 403, .. }) {
        return Err(without_config);
    }
    Err(Error::Missing {
        folder: folder.to_owned(),
        missing:
            "`config.json` of a checkpoint in it, no `index.json`, and no list of files that could be traces"
                .to_owned(),
        advice: if hub::is_github(folder) {
            "GitHub does not list a folder to other pages: name its files by their `blob` addresses, one a line, or put an \
             `index.json` beside them, a list of their names."
        } else {
            "Check the address; or name the files themselves, one a line, or put an `index.json` beside them, a list of \
             their names."
        },
    })
}

/// Reads a list of files.
///
/// # Errors
/// An unreachable address, or a file that is not a list of files.
pub async fn index(url: &str) -> Result<Listing, Error> {
    listing::read_index(url, &content(url).await?)
}

/// Whether a file does not exist. Some servers respond with 403 if a client may not list the
/// folder.
fn is_absent(error: &Error) -> bool {
    matches!(error, Error::Refused { status: 403 | 404 | 410, .. })
}

/// The content of a list.
async fn content(url: &str) -> Result<Vec<u8>, Error> {
    let source = HttpSource::open(url).await?;
    if source.len() > LARGEST_LIST {
        return Err(Error::TooLarge {
            name: url.to_owned(),
            what: "a list of files".to_owned(),
            bytes: source.len(),
            limit: LARGEST_LIST,
            advice: "Name a folder of it, or the files themselves.",
        });
    }
    source.read(0, source.len() as usize).await
}

/// Files of a checkpoint's folder, and the bytes of its weights.
async fn checkpoint(folder: &str) -> Result<(FileHandles, u64), Error> {
    let at = |name: &str| format!("{folder}{name}");
    let open = async |name: &str| HttpSource::open(&at(name)).await;
    let (index, tokenizer, state) = join3(open(INDEX), open("tokenizer.json"), open(STATE)).await;
    let mut names = vec!["config.json".to_owned()];
    let mut bytes = 0;
    if let Ok(index) = index {
        let sources: [Source; 1] = [Rc::new(index)];
        let shards = CheckpointFiles::new(folder, &sources).shards().await?;
        names.push(INDEX.to_owned());
        if let Shards::Several { index, shard_of, bytes: total } = shards {
            bytes = total.unwrap_or(0);
            let mut shards: Vec<String> = shard_of.into_values().collect();
            shards.sort();
            shards.dedup();
            if let Some(odd) = shards.iter().find(|name| !is_plain(name)) {
                return Err(Error::Text {
                    name: index,
                    place: "`weight_map`".to_owned(),
                    found: format!("a shard called {odd:?}"),
                    expected: "the name of a file beside the index".to_owned(),
                    advice: "Nothing was asked of that address. Download the checkpoint and drop its folder.",
                });
            }
            names.extend(shards);
        }
    } else {
        bytes = open(WHOLE).await?.len();
        names.push(WHOLE.to_owned());
    }
    for (name, answer) in [("tokenizer.json", tokenizer), (STATE, state)] {
        if answer.is_ok() {
            names.push(name.to_owned());
        }
    }
    let files = names.into_iter().map(|name| {
        let address = JsValue::from_str(&at(&name));
        (at(&name), address)
    });
    Ok((files.collect(), bytes))
}

/// Byte sources for reading the routers of a checkpoint: all files on the disk, which cost nothing
/// to open, and the files at addresses that are needed. `read` counts the bytes read.
///
/// # Errors
/// An unreachable address.
pub async fn router_sources(
    folder: &str,
    files: &FileHandles,
    read: &Rc<Cell<u64>>,
) -> Result<Vec<Source>, Error> {
    let counted = |source: Source| -> Source { Rc::new(Counted::new(source, Rc::clone(read))) };
    let mut sources: Vec<Source> = Vec::new();
    let mut remote: Vec<(&str, String)> = Vec::new();
    for (path, file) in files {
        match (file.as_string(), file.dyn_ref::<Blob>()) {
            (Some(address), _) => remote.push((path.rsplit('/').next().unwrap_or(path), address)),
            (None, Some(blob)) => sources.push(counted(Rc::new(BlobSource::new(path.clone(), blob.clone())))),
            (None, None) => {}
        }
    }
    let open = async |wanted: &str| match remote.iter().find(|(name, _)| *name == wanted) {
        Some((_, address)) => HttpSource::open(address).await.map(|source| Some(counted(Rc::new(source)))),
        None => Ok(None),
    };
    let (index, whole, state) = join3(open(INDEX), open(WHOLE), open(STATE)).await;
    sources.extend([index?, whole?, state?].into_iter().flatten());
    if !remote.is_empty() {
        let shards = CheckpointFiles::new(folder, &sources).shards().await?;
        for shard in shards.with_routers() {
            sources.extend(open(shard).await?);
        }
    }
    Ok(sources)
}
