//! Checkpoint folders: `config.json`, shards and, for several shards, their index. Opening reads
//! and checks headers, not weights.

use std::{collections::BTreeMap, rc::Rc};

use trace::{
    CheckpointFiles, Shards, Source, TensorFile, TensorInfo, open_safetensors, shape_text, unwrapped,
};

use crate::{
    config::{Config, USE_MATCHING_CONFIG},
    error::Error,
    family::{ExpertMatrix, Projection},
};

/// A checkpoint whose tensors can be read by name and range.
#[derive(Clone, Debug)]
pub struct Checkpoint {
    /// Name of the folder, for messages.
    pub folder: String,
    /// Configuration of the model.
    pub config: Config,
    /// Training step, from the folder's name or `trainer_state.json`.
    pub step: Option<u64>,
    /// Training tokens, from the folder's name.
    pub tokens: Option<u64>,
    shards: Vec<Rc<TensorFile>>,
    /// Index into `shards` of each tensor, and its name there; by the name without what wrappers add.
    shard_of: BTreeMap<String, (usize, String)>,
    /// Note on the files of the checkpoint, for the user.
    pub note: Option<String>,
}

impl Checkpoint {
    /// Opens a checkpoint from the files of its folder. Other files in the folder are ignored.
    ///
    /// # Errors
    /// [`Error::File`] for files that are missing or cannot be read, [`Error::Text`] and
    /// [`Error::Unsupported`] for the config, [`Error::Tensor`] for a tensor that is absent or does
    /// not match the config.
    pub async fn open(folder: &str, files: &[Source]) -> Result<Self, Error> {
        let here = CheckpointFiles::new(folder, files);
        let file = here.find("config.json").ok_or_else(|| {
            here.missing("config.json", "Add the whole folder that `save_pretrained` wrote.")
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
                        shard_of.insert(unwrapped(tensor).into_owned(), (shard, tensor.clone()));
                    }
                }
            }
            Shards::One(shard) => {
                let shard = open_safetensors(shard).await?;
                let names = shard.names().map(|name| (unwrapped(name).into_owned(), (0, name.to_owned())));
                shard_of.extend(names);
                shards.push(Rc::new(shard));
            }
        }
        let (step, tokens) = here.step().await?;
        let note = here.note();
        let checkpoint = Self { folder: folder.to_owned(), config, step, tokens, shards, shard_of, note };
        checkpoint.check()?;
        Ok(checkpoint)
    }

    /// Finds a tensor of floats of the given shape, and its shard.
    ///
    /// # Errors
    /// [`Error::Tensor`] if it is absent, has another shape or is not of floats.
    pub(crate) fn tensor(&self, name: &str, shape: &[usize]) -> Result<(&TensorFile, &TensorInfo), Error> {
        let expected: Vec<u64> = shape.iter().map(|&size| size as u64).collect();
        let wrong = |found: String, advice| Error::Tensor {
            folder: self.folder.clone(),
            tensor: name.to_owned(),
            found,
            expected: format!("floats {}", shape_text(&expected)),
            advice,
        };
        let place =
            self.shard_of.get(name).and_then(|(shard, stored)| Some((self.shards.get(*shard)?, stored)));
        let (shard, stored) =
            place.ok_or_else(|| wrong("not in the checkpoint".to_owned(), USE_MATCHING_CONFIG))?;
        let info = shard.get(stored).ok_or_else(|| {
            wrong(
                format!("not in {}, to which the index assigns it", shard.name()),
                "Use an index and shards of the same checkpoint.",
            )
        })?;
        if info.shape != expected || !info.dtype.is_float() {
            let found = format!("{} {}", info.dtype, info.shape_text());
            return Err(wrong(found, USE_MATCHING_CONFIG));
        }
        Ok((shard, info))
    }

    /// Whether the checkpoint has a tensor of this name.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.shard_of.contains_key(name)
    }

    /// Checks that all tensors of the forward pass exist with their shapes. Biases are checked when
    /// they are read.
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
            for projection in Projection::ALL {
                let [out, input] = self.projection_shape(projection);
                self.tensor(&family.projection(layer, projection), &[out, input])?;
                if let Some(norm) = family.projection_norm(layer, projection) {
                    self.tensor(&norm, &[out])?;
                }
            }
            if self.has(&family.fused_experts(layer, ExpertMatrix::Gate)) {
                self.tensor(
                    &family.fused_experts(layer, ExpertMatrix::Gate),
                    &[experts, 2 * intermediate, hidden],
                )?;
                self.tensor(
                    &family.fused_experts(layer, ExpertMatrix::Down),
                    &[experts, hidden, intermediate],
                )?;
                continue;
            }
            for expert in 0..experts {
                self.tensor(&family.expert(layer, expert, ExpertMatrix::Gate), &[intermediate, hidden])?;
                self.tensor(&family.expert(layer, expert, ExpertMatrix::Up), &[intermediate, hidden])?;
                self.tensor(&family.expert(layer, expert, ExpertMatrix::Down), &[hidden, intermediate])?;
            }
        }
        Ok(())
    }

    /// Shape `[out,in]` of a projection of the attention.
    pub(crate) fn projection_shape(&self, projection: Projection) -> [usize; 2] {
        let Config { hidden, heads, kv_heads, head_width, .. } = self.config;
        match projection {
            Projection::Q => [heads * head_width, hidden],
            Projection::K | Projection::V => [kv_heads * head_width, hidden],
            Projection::O => [hidden, heads * head_width],
        }
    }
}
