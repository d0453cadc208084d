//! A folder of `config.json`, shards and, with several shards, their index. Headers are read and checked, weights are not.

use std::{collections::BTreeMap, rc::Rc};

use trace::{CheckpointFiles, Shards, Source, TensorFile, TensorInfo, open_safetensors, shape_text};

use crate::{
    config::Config,
    error::Error,
    family::{Part, Projection},
};

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

impl Checkpoint {
    /// Opens a checkpoint from the files of its folder, which may have others beside them.
    ///
    /// # Errors
    /// What is missing, damaged, or not as the config says; see [`Error`].
    pub async fn open(folder: &str, files: &[Source]) -> Result<Self, Error> {
        let here = CheckpointFiles::new(folder, files);
        let file = here.find("config.json").ok_or_else(|| {
            here.missing("config.json", "Give the whole folder that `save_pretrained` wrote.")
        })?;
        let config = Config::parse(file.name(), &here.json(file).await?)?;
        let mut shards = Vec::new();
        let mut shard_of = BTreeMap::new();
        match here.shards().await? {
            Shards::Several { shard_of: map, .. } => {
                let mut names: Vec<&String> = map.values().collect();
                names.sort();
                names.dedup();
                for name in &names {
                    shards.push(Rc::new(open_safetensors(Rc::clone(here.shard(name)?)).await?));
                }
                for (tensor, name) in &map {
                    if let Ok(shard) = names.binary_search(&name) {
                        shard_of.insert(tensor.clone(), shard);
                    }
                }
            }
            Shards::One(shard) => {
                let shard = open_safetensors(shard).await?;
                shard_of.extend(shard.names().map(|name| (name.to_owned(), 0)));
                shards.push(Rc::new(shard));
            }
        }
        let (step, tokens) = here.step().await?;
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
