//! Checkpoints at addresses: which files their folders have, and sources for those that are needed.

use std::{cell::Cell, rc::Rc};

use futures::future::{join, join3};
use trace::{BlobSource, ByteSource as _, CheckpointFiles, Counted, Error, HttpSource, Shards, Source};
use wasm_bindgen::{JsCast as _, JsValue};
use web_sys::Blob;

use crate::{addresses::is_plain, files::Files};

/// What lists the shards of a checkpoint.
const INDEX: &str = "model.safetensors.index.json";

/// The only shard of a checkpoint without a list.
const WHOLE: &str = "model.safetensors";

/// Tells the step where the folder's name does not.
const STATE: &str = "trainer_state.json";

/// Asks a folder, whose address ends in `/`, for the files of a checkpoint. Gives them with the bytes of its weights, as
/// far as the index or the only shard tells.
///
/// # Errors
/// Where there is no `config.json`, or neither index nor shard, and where the index names what does not lie beside it.
pub async fn list(folder: &str) -> Result<(Files, u64), Error> {
    let at = |name: &str| format!("{folder}{name}");
    let open = async |name: &str| HttpSource::open(&at(name)).await;
    let ((config, index), (tokenizer, state)) =
        join(join(open("config.json"), open(INDEX)), join(open("tokenizer.json"), open(STATE))).await;
    let mut names = vec!["config.json".to_owned()];
    config?;
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

/// Sources for the files that tell of a checkpoint's routers: all of those on the disk, which cost nothing to open, and of
/// those at addresses the ones that are read. Every byte read of them is added to `read`.
///
/// # Errors
/// An address that does not answer.
pub async fn router_sources(folder: &str, files: &Files, read: &Rc<Cell<u64>>) -> Result<Vec<Source>, Error> {
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
