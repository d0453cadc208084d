//! Reads only the routers of a checkpoint: headers and a few small matrices from gigabytes of
//! shards.
//!
//! Routers are found by their tensors' names, which differ between families of models. No
//! configuration is needed, as the shapes of the tensors give layers, experts and width.

use std::collections::BTreeMap;

use futures::future::try_join_all;

use crate::{
    checkpoint::{
        files::{CheckpointFiles, Shards},
        names::{ROUTERS, correction_layer, router_layer},
    },
    container::{
        safetensors,
        tensors::{TensorFile, TensorInfo, shape_text},
    },
    error::Error,
    io::source::Source,
    model::Router,
    text::shorten,
};

/// The routers of one checkpoint.
#[derive(Clone, Debug, PartialEq)]
pub struct CheckpointRouters {
    /// The folder, for messages.
    pub folder: String,
    /// Training step, from the folder's name or `trainer_state.json`.
    pub step: Option<u64>,
    /// Training tokens, from the folder's name.
    pub tokens: Option<u64>,
    /// The indices in the model of the layers with routers, ascending, `[L]`; dense layers have
    /// none.
    pub layers: Vec<usize>,
    /// Experts per layer, `E`.
    pub experts: usize,
    /// Hidden size, `d`.
    pub width: usize,
    /// The matrices, `[L,E,d]`.
    pub values: Vec<f32>,
    /// Correction biases, `[L,E]`; `None` unless every layer has them.
    pub biases: Option<Vec<f32>>,
}

impl CheckpointRouters {
    /// The matrix `[E,d]` of the layer at this index of `layers`; empty for an index out of range.
    #[must_use]
    pub fn layer(&self, place: usize) -> &[f32] {
        let size = self.experts * self.width;
        let start = place.saturating_mul(size);
        self.values.get(start..start.saturating_add(size)).unwrap_or_default()
    }

    /// The correction biases `[E]` of the layer at this index of `layers`; empty without biases.
    #[must_use]
    pub fn layer_biases(&self, place: usize) -> &[f32] {
        let start = place.saturating_mul(self.experts);
        let all = self.biases.as_deref().unwrap_or_default();
        all.get(start..start.saturating_add(self.experts)).unwrap_or_default()
    }

    /// The matrices in the form of a trace.
    #[must_use]
    pub fn into_router(self) -> Router {
        let Self { layers, experts, width, values, .. } = self;
        Router::Weights { layers: layers.len(), experts, width, values }
    }
}

/// Reads the routers from the files of a checkpoint's folder. Only shards with routers are opened;
/// others may be missing.
///
/// # Errors
/// [`Error::Missing`] for a missing file, [`Error::Tensor`] for routers of different shapes or
/// values that are not finite, and errors of the files.
pub async fn read_routers(folder: &str, files: &[Source]) -> Result<CheckpointRouters, Error> {
    let folder_files = CheckpointFiles::new(folder, files);
    let (mut found, mut biases) = (Found::new(), Found::new());
    match folder_files.shards().await? {
        Shards::One(source) => {
            let shard = safetensors::open(source).await?;
            collect(&shard, &mut found, router_layer)?;
            collect(&shard, &mut biases, correction_layer)?;
        }
        Shards::Several { index, shard_of, .. } => {
            let mut wanted: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
            let of_router =
                |tensor: &str| router_layer(tensor).or_else(|| correction_layer(tensor)).is_some();
            for (tensor, shard) in shard_of.iter().filter(|(tensor, _)| of_router(tensor)) {
                wanted.entry(shard).or_default().push(tensor);
            }
            for (shard, tensors) in wanted {
                let shard = safetensors::open(folder_files.shard(shard)?.clone()).await?;
                if let Some(absent) = tensors.into_iter().find(|tensor| shard.get(tensor).is_none()) {
                    return Err(Error::Tensor {
                        name: shard.name().to_owned(),
                        tensor: shorten(absent),
                        found: "not in this shard".to_owned(),
                        expected: format!("the tensor, as {index} says"),
                        advice: "Download index and shards again.",
                    });
                }
                collect(&shard, &mut found, router_layer)?;
                collect(&shard, &mut biases, correction_layer)?;
            }
        }
    }
    let Some((file, first)) = found.values().next() else {
        let names: Vec<String> = ROUTERS.iter().map(|name| format!("`model.layers.0.{name}`")).collect();
        return Err(folder_files.missing(
            &format!("router among its tensors (looked for {})", names.join(", ")),
            "Give a checkpoint of a mixture-of-experts model as transformers saves it.",
        ));
    };
    let (experts, width) = match *first.shape {
        [experts, width] if (2..=1 << 16).contains(&experts) && width > 0 => (experts, width),
        _ => {
            let expected = "a matrix [experts, hidden size] of at least two experts";
            return Err(file.wrong(first, expected, "Give a checkpoint of a mixture-of-experts model."));
        }
    };
    // Concurrently, because of the latency of a network.
    let reading = found.values().map(|(file, tensor)| read_one(file, tensor, [experts, width]));
    let values = try_join_all(reading).await?.concat();
    let biases = read_biases(&found, &biases, experts).await?;
    let (step, tokens) = folder_files.step().await?;
    Ok(CheckpointRouters {
        folder: folder.to_owned(),
        step,
        tokens,
        layers: found.keys().copied().collect(),
        experts: experts as usize,
        width: width as usize,
        values,
        biases,
    })
}

/// Correction biases `[L,E]` of the layers with routers; `None` unless all have them.
async fn read_biases(routers: &Found, biases: &Found, experts: u64) -> Result<Option<Vec<f32>>, Error> {
    let of_layers: Option<Vec<&(TensorFile, TensorInfo)>> =
        routers.keys().map(|layer| biases.get(layer)).collect();
    let Some(of_layers) = of_layers else { return Ok(None) };
    let reading = of_layers.into_iter().map(|(file, tensor)| async move {
        if tensor.values() != experts || !tensor.dtype.is_float() {
            let expected = format!("floats [{experts}], one per expert");
            return Err(file.wrong(tensor, expected, "Give unquantised weights of one model."));
        }
        read_finite(file, tensor, 1).await
    });
    Ok(Some(try_join_all(reading).await?.concat()))
}

/// One router `[E,d]`, as f32.
async fn read_one(file: &TensorFile, tensor: &TensorInfo, shape: [u64; 2]) -> Result<Vec<f32>, Error> {
    if tensor.shape != shape || !tensor.dtype.is_float() {
        let expected = format!("floats {}, as in the first layer with a router", shape_text(&shape));
        return Err(file.wrong(tensor, expected, "Give unquantised weights of one model."));
    }
    let [_, width] = shape;
    read_finite(file, tensor, width).await
}

/// All values of a tensor with `width` values per expert, as f32.
async fn read_finite(file: &TensorFile, tensor: &TensorInfo, width: u64) -> Result<Vec<f32>, Error> {
    let read = file.floats(tensor, 0..tensor.values()).await?;
    match read.iter().position(|value| !value.is_finite()) {
        None => Ok(read),
        Some(at) => Err(Error::Tensor {
            name: file.name().to_owned(),
            tensor: shorten(&tensor.name),
            found: format!("a value of expert {} that is NaN or infinite", at as u64 / width),
            expected: "finite numbers".to_owned(),
            advice: "Check how the checkpoint was saved, or download it again.",
        }),
    }
}

/// Tensors by layer, each with its file.
type Found = BTreeMap<usize, (TensorFile, TensorInfo)>;

/// Adds the tensors of a shard whose names have a layer.
fn collect(shard: &TensorFile, found: &mut Found, layer_of: fn(&str) -> Option<usize>) -> Result<(), Error> {
    let tensors: Vec<TensorInfo> = shard
        .names()
        .filter(|name| layer_of(name).is_some())
        .filter_map(|name| shard.get(name))
        .cloned()
        .collect();
    for tensor in tensors {
        let Some(layer) = layer_of(&tensor.name) else { continue };
        if let Some((_, other)) = found.get(&layer) {
            let expected =
                format!("one such tensor in layer {layer}, where there is `{}` too", shorten(&other.name));
            return Err(shard.wrong(&tensor, expected, "Give the shards of one model only."));
        }
        found.insert(layer, (shard.clone(), tensor));
    }
    Ok(())
}
