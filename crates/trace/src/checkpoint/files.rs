//! The files of a checkpoint's folder: the shard of each tensor, and the training step. No weights
//! are read here.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use crate::{
    checkpoint::names::{correction_layer, router_layer},
    error::Error,
    io::source::Source,
    text::{json_words, python_json::without_nan, step_name::step_from_name},
};

/// The largest JSON file that is read, in bytes.
const MOST_JSON: u64 = 64 << 20;

/// The file that lists the shards of a checkpoint.
const INDEX: &str = "model.safetensors.index.json";

/// The only shard of a checkpoint without an index.
const WHOLE: &str = "model.safetensors";

/// Whether a file with this name contains a model's weights or lists their shards.
#[must_use]
pub fn is_weights(name: &str) -> bool {
    let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending);
    name.ends_with(".safetensors.index.json")
        || (name.starts_with("model") && ending == "safetensors")
        || (name.starts_with("pytorch_model") && matches!(ending, "bin" | "pt"))
}

/// Whether a file with this name in a checkpoint's folder belongs to the run and not to the
/// checkpoint.
#[must_use]
pub fn belongs_to_run(name: &str) -> bool {
    let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending);
    match ending {
        "txt" => !["merges.txt", "vocab.txt"].contains(&name),
        "json" => name == "run.json",
        "safetensors" => !name.starts_with("model"),
        // Pickled weights.
        "bin" => false,
        _ => crate::format::has_known_ending(name),
    }
}

/// The files of one checkpoint's folder, which may contain others too.
#[derive(Clone, Copy)]
pub struct CheckpointFiles<'a> {
    folder: &'a str,
    files: &'a [Source],
}

/// The location of a checkpoint's tensors.
#[derive(Clone)]
pub enum Shards {
    /// All in one file, whose header lists them.
    One(Source),
    /// In several files, listed in the index.
    Several {
        /// The index, for messages.
        index: String,
        /// The name of each tensor's shard.
        shard_of: BTreeMap<String, String>,
        /// Bytes of all tensors, if the index states them.
        bytes: Option<u64>,
    },
}

impl Shards {
    /// The names of the shards with routers or their correction biases, ascending; empty without an
    /// index.
    #[must_use]
    pub fn with_routers(&self) -> Vec<&str> {
        let Self::Several { shard_of, .. } = self else { return Vec::new() };
        let of_router = |tensor: &str| router_layer(tensor).or_else(|| correction_layer(tensor)).is_some();
        let routers = shard_of.iter().filter(|(tensor, _)| of_router(tensor));
        let names: BTreeSet<&str> = routers.map(|(_, shard)| shard.as_str()).collect();
        names.into_iter().collect()
    }
}

#[derive(Deserialize)]
struct Index {
    weight_map: BTreeMap<String, String>,
    #[serde(default)]
    metadata: Metadata,
}

#[derive(Default, Deserialize)]
struct Metadata {
    total_size: Option<f64>,
}

#[derive(Deserialize)]
struct TrainerState {
    global_step: Option<u64>,
}

impl<'a> CheckpointFiles<'a> {
    /// The files of a folder; `folder` is its name, which is used in messages and to find the step.
    #[must_use]
    pub fn new(folder: &'a str, files: &'a [Source]) -> Self {
        Self { folder, files }
    }

    /// The file of this name.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&'a Source> {
        self.files.iter().find(|file| last_part(file.name()) == name)
    }

    /// The error for a missing file.
    #[must_use]
    pub fn missing(&self, missing: &str, advice: &'static str) -> Error {
        Error::Missing { folder: self.folder.to_owned(), missing: missing.to_owned(), advice }
    }

    /// Reads a JSON file of the checkpoint.
    ///
    /// # Errors
    /// [`Error::TooLarge`] beyond 64 MiB, and errors of the source.
    pub async fn json(&self, file: &Source) -> Result<Vec<u8>, Error> {
        if file.len() > MOST_JSON {
            return Err(Error::TooLarge {
                name: file.name().to_owned(),
                what: "the whole file".to_owned(),
                bytes: file.len(),
                limit: MOST_JSON,
                advice: "Check that it is a file of a checkpoint.",
            });
        }
        file.read(0, file.len() as usize).await
    }

    /// Finds the shards.
    ///
    /// # Errors
    /// [`Error::Missing`] without an index or a single shard, [`Error::Text`] for a malformed
    /// index.
    pub async fn shards(&self) -> Result<Shards, Error> {
        // As transformers does where both are there.
        let whole = self.find(WHOLE);
        let Some(index) = self.find(INDEX).filter(|_| whole.is_none()) else {
            return self.whole().cloned().map(Shards::One);
        };
        let bytes = self.json(index).await?;
        let Index { weight_map, metadata } = serde_json::from_slice(&bytes).map_err(|error| Error::Text {
            name: index.name().to_owned(),
            place: format!("line {}", error.line()),
            found: json_words(&bytes, &error),
            expected: "an object with a `weight_map`".to_owned(),
            advice: "Copy or download it again.",
        })?;
        // A float because some writers write one; it is only displayed.
        let bytes =
            metadata.total_size.filter(|size| size.is_finite() && *size >= 0.0).map(|size| size as u64);
        Ok(Shards::Several { index: index.name().to_owned(), shard_of: weight_map, bytes })
    }

    /// What to know about the files of weights: that one of them is not used.
    #[must_use]
    pub fn note(&self) -> Option<String> {
        let (whole, index) = (self.find(WHOLE)?, self.find(INDEX)?);
        Some(format!(
            "{}: {} is there too. Weights are read from {}, as transformers does; remove one of the two.",
            self.folder,
            last_part(index.name()),
            last_part(whole.name())
        ))
    }

    /// A shard that the index names.
    ///
    /// # Errors
    /// [`Error::Missing`] when it is not among the files.
    pub fn shard(&self, name: &str) -> Result<&'a Source, Error> {
        self.find(name).ok_or_else(|| {
            self.missing(&format!("shard {name}, which {INDEX} names"), "Download the missing shard.")
        })
    }

    fn whole(&self) -> Result<&'a Source, Error> {
        self.find(WHOLE).ok_or_else(|| {
            let pickled = self.files.iter().any(|file| {
                let name = last_part(file.name()).to_ascii_lowercase();
                let ending = name.rsplit_once('.').map(|(_, ending)| ending);
                matches!(ending, Some("bin" | "pt" | "pth"))
            });
            if pickled {
                self.missing(
                    "safetensors file (only pickled weights, which can run code and are never read)",
                    "Load it with transformers and call save_pretrained, which writes safetensors.",
                )
            } else {
                self.missing(
                    "model.safetensors and no model.safetensors.index.json",
                    "Give the whole folder that `save_pretrained` wrote.",
                )
            }
        })
    }

    /// Training step, from the folder's name or `trainer_state.json`, and training tokens, from the
    /// folder's name.
    ///
    /// # Errors
    /// Errors of the source; a `trainer_state.json` without a step is ignored.
    pub async fn step(&self) -> Result<(Option<u64>, Option<u64>), Error> {
        let named = step_from_name(self.folder);
        let state = match self.find("trainer_state.json") {
            Some(file) if named.is_none() => {
                serde_json::from_slice::<TrainerState>(&without_nan(&self.json(file).await?)).ok()
            }
            _ => None,
        };
        let step = named.map(|named| named.step).or(state.and_then(|state| state.global_step));
        Ok((step, named.and_then(|named| named.tokens)))
    }
}

/// The last part of a path or URL, without a URL's query.
fn last_part(path: &str) -> &str {
    let path = path.split(['?', '#']).next().unwrap_or(path);
    path.rsplit(['/', '\\']).next().unwrap_or(path)
}
