//! A folder of `config.json`, shards and, with several shards, their index. Headers are read and checked, weights are not.

use std::{collections::BTreeMap, rc::Rc};

use serde::Deserialize;
use trace::{Source, TensorFile, TensorInfo, open_safetensors, shape_text, step_from_name};

use crate::{
    config::Config,
    error::Error,
    family::{Part, Projection},
};

/// Larger JSON files belong to no checkpoint.
const MOST_JSON: u64 = 64 << 20;

const INDEX: &str = "model.safetensors.index.json";

/// A checkpoint whose tensors can be read by name and range.
#[derive(Clone, Debug)]
pub struct Checkpoint {
    /// The folder, for messages.
    pub folder: String,
    /// The shape of the model.
    pub config: Config,
    /// Training step, from the folder's name or `trainer_state.json`.
    pub step: Option<u64>,
    /// Training tokens, from the folder's name.
    pub tokens: Option<u64>,
    shards: Vec<Rc<TensorFile>>,
    /// For each tensor the shard that has it.
    shard_of: BTreeMap<String, usize>,
}

#[derive(Deserialize)]
struct Index {
    weight_map: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct TrainerState {
    global_step: Option<u64>,
}

fn last_part(path: &str) -> &str {
    path.rsplit(['/', '\\']).next().unwrap_or(path)
}

impl Checkpoint {
    /// Opens a checkpoint from the files of its folder, which may have others beside them.
    ///
    /// # Errors
    /// What is missing, damaged, or not as the config says; see [`Error`].
    pub async fn open(folder: &str, files: &[Source]) -> Result<Self, Error> {
        let find = |name: &str| files.iter().find(|file| last_part(file.name()) == name);
        let missing = |missing: &str, advice| Error::Missing {
            folder: folder.to_owned(),
            missing: missing.to_owned(),
            advice,
        };
        let file = find("config.json")
            .ok_or_else(|| missing("config.json", "Give the whole folder that `save_pretrained` wrote."))?;
        let config = Config::parse(file.name(), &json(file).await?)?;
        let mut shards = Vec::new();
        let mut shard_of = BTreeMap::new();
        if let Some(index) = find(INDEX) {
            let bytes = json(index).await?;
            let Index { weight_map } = serde_json::from_slice(&bytes).map_err(|error| Error::Text {
                name: index.name().to_owned(),
                place: format!("line {}", error.line()),
                found: error.to_string(),
                expected: "an object with a `weight_map`".to_owned(),
                advice: "Copy or download it again.",
            })?;
            let mut names: Vec<&String> = weight_map.values().collect();
            names.sort();
            names.dedup();
            for name in &names {
                let shard = find(name).ok_or_else(|| {
                    missing(&format!("shard {name}, which {INDEX} names"), "Download the missing shard.")
                })?;
                shards.push(Rc::new(open_safetensors(Rc::clone(shard)).await?));
            }
            for (tensor, name) in &weight_map {
                if let Ok(shard) = names.binary_search(&name) {
                    shard_of.insert(tensor.clone(), shard);
                }
            }
        } else {
            let shard = find("model.safetensors").ok_or_else(|| {
                let pickled = files.iter().any(|file| {
                    let name = last_part(file.name()).to_ascii_lowercase();
                    let ending = name.rsplit_once('.').map(|(_, ending)| ending);
                    matches!(ending, Some("bin" | "pt" | "pth"))
                });
                if pickled {
                    missing(
                        "safetensors file (only pickled weights, which can run code and are never read)",
                        "Load it with transformers and call save_pretrained, which writes safetensors.",
                    )
                } else {
                    missing(
                        "model.safetensors and no model.safetensors.index.json",
                        "Give the whole folder that `save_pretrained` wrote.",
                    )
                }
            })?;
            let shard = open_safetensors(Rc::clone(shard)).await?;
            shard_of.extend(shard.names().map(|name| (name.to_owned(), 0)));
            shards.push(Rc::new(shard));
        }
        let named = step_from_name(folder);
        let state = match find("trainer_state.json") {
            Some(file) => serde_json::from_slice::<TrainerState>(&json(file).await?).ok(),
            None => None,
        };
        let step = named.map(|named| named.step).or(state.and_then(|state| state.global_step));
        let tokens = named.and_then(|named| named.tokens);
        let checkpoint = Self { folder: folder.to_owned(), config, step, tokens, shards, shard_of };
        checkpoint.check()?;
        Ok(checkpoint)
    }

    /// A tensor and the shard that has it; its shape must be `shape`.
    ///
    /// # Errors
    /// [`Error::Tensor`] where it is not there, or has another shape or no floats.
    pub(crate) fn tensor(&self, name: &str, shape: &[usize]) -> Result<(&TensorFile, &TensorInfo), Error> {
        let expected: Vec<u64> = shape.iter().map(|&size| size as u64).collect();
        let wrong = |found: String, advice| Error::Tensor {
            folder: self.folder.clone(),
            tensor: name.to_owned(),
            found,
            expected: format!("floats {}", shape_text(&expected)),
            advice,
        };
        let shard = self.shard_of.get(name).and_then(|&shard| self.shards.get(shard));
        let shard = shard.ok_or_else(|| {
            wrong("not in the checkpoint".to_owned(), "Take the config that belongs to the weights.")
        })?;
        let info = shard.get(name).ok_or_else(|| {
            wrong(
                format!("not in {}, where the index says it is", shard.name()),
                "Download index and shards again.",
            )
        })?;
        if info.shape != expected || !info.dtype.is_float() {
            let found = format!("{} {}", info.dtype, info.shape_text());
            return Err(wrong(found, "Take the config that belongs to the weights."));
        }
        Ok((shard, info))
    }

    /// Whether a tensor is there.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.shard_of.contains_key(name)
    }

    /// Everything that the forward pass will read is there and has its shape.
    fn check(&self) -> Result<(), Error> {
        let Config { family, hidden, intermediate, experts, vocabulary, .. } = self.config;
        self.tensor(&family.embedding(), &[vocabulary, hidden])?;
        self.tensor(&family.final_norm(), &[hidden])?;
        if !self.config.tied {
            self.tensor(&family.head(), &[vocabulary, hidden])?;
        }
        for layer in 0..self.config.layers {
            self.tensor(&family.attention_norm(layer), &[hidden])?;
            self.tensor(&family.expert_norm(layer), &[hidden])?;
            self.tensor(&family.router(layer), &[experts, hidden])?;
            for projection in [Projection::Q, Projection::K, Projection::V, Projection::O] {
                let [out, input] = self.projection_shape(projection);
                self.tensor(&family.projection(layer, projection), &[out, input])?;
                if let Some(norm) = family.projection_norm(layer, projection) {
                    self.tensor(&norm, &[out])?;
                }
            }
            if self.has(&family.fused_experts(layer, Part::Gate)) {
                self.tensor(&family.fused_experts(layer, Part::Gate), &[experts, 2 * intermediate, hidden])?;
                self.tensor(&family.fused_experts(layer, Part::Down), &[experts, hidden, intermediate])?;
                continue;
            }
            for expert in 0..experts {
                self.tensor(&family.expert(layer, expert, Part::Gate), &[intermediate, hidden])?;
                self.tensor(&family.expert(layer, expert, Part::Up), &[intermediate, hidden])?;
                self.tensor(&family.expert(layer, expert, Part::Down), &[hidden, intermediate])?;
            }
        }
        Ok(())
    }

    /// `[out,in]` of a projection of the attention.
    pub(crate) fn projection_shape(&self, projection: Projection) -> [usize; 2] {
        let Config { hidden, heads, kv_heads, head_width, .. } = self.config;
        match projection {
            Projection::Q => [heads * head_width, hidden],
            Projection::K | Projection::V => [kv_heads * head_width, hidden],
            Projection::O => [hidden, heads * head_width],
        }
    }
}

async fn json(file: &Source) -> Result<Vec<u8>, Error> {
    if file.len() > MOST_JSON {
        return Err(Error::Text {
            name: file.name().to_owned(),
            place: "the whole file".to_owned(),
            found: format!("{} bytes", file.len()),
            expected: format!("at most {MOST_JSON}"),
            advice: "This is no file of a checkpoint.",
        });
    }
    Ok(file.read(0, file.len() as usize).await?)
}
