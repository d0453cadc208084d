//! Text embeddings for the pairing: `samples` `[S,d]` and `items` `[N,d]`, of which one may be
//! missing (`docs/metrics.md#pairing-and-delay`).

use crate::{
    container::tensors::{TensorFile, TensorInfo},
    error::Error,
    format::{
        kind::{Entry, FileKind, Format, Match, Opened},
        probe::Probe,
    },
    model::results::Embeddings,
};

/// Files of embeddings.
pub const FORMAT: Format = Format {
    endings: &["safetensors", "npz"],
    in_tensors: true,
    content: "embeddings `samples` [samples, d] and `items` [items, d]",
    entry: Some(Entry {
        place: 70,
        name: "Text embeddings",
        form: "`.safetensors`, to match samples with benchmark items",
    }),
    probe,
};

fn probe(probe: &Probe) -> Option<Match<'_>> {
    let file = probe.tensors.as_ref()?;
    let two_axes = |tensor: &str| file.get(tensor).is_some_and(|info| info.shape.len() == 2);
    if !two_axes("samples") && !two_axes("items") {
        return None;
    }
    Some(Box::pin(async move { Ok(Opened::plain(FileKind::Embeddings(open(file).await?))) }))
}

/// Reads embeddings.
///
/// # Errors
/// [`Error::Tensor`] for other types, different widths and values that are not finite.
async fn open(file: &TensorFile) -> Result<Embeddings, Error> {
    let mut width = None;
    let mut found = [Vec::new(), Vec::new()];
    for (rows, name) in found.iter_mut().zip(["samples", "items"]) {
        if let Some(tensor) = file.get(name) {
            *rows = read(file, tensor, &mut width).await?;
        }
    }
    let [samples, items] = found;
    Ok(Embeddings { samples, items })
}

async fn read(
    file: &TensorFile,
    tensor: &TensorInfo,
    width: &mut Option<u64>,
) -> Result<Vec<Vec<f32>>, Error> {
    let fits = matches!(*tensor.shape, [_, d] if d > 0 && width.is_none_or(|width| width == d));
    if !fits || !tensor.dtype.is_float() {
        let expected = match width {
            Some(width) => format!("floats [rows,{width}], as wide as the other tensor"),
            None => "floats [rows, d]".to_owned(),
        };
        return Err(file.wrong(tensor, expected, "Write both from the same embedding model."));
    }
    let d = tensor.shape.last().copied().unwrap_or(1);
    *width = Some(d);
    let values = file.floats(tensor, 0..tensor.values()).await?;
    if let Some(at) = values.iter().position(|value| !value.is_finite()) {
        return Err(Error::Tensor {
            name: file.name().to_owned(),
            tensor: tensor.name.clone(),
            found: format!("a value in row {} that is NaN or infinite", at as u64 / d),
            expected: "finite numbers".to_owned(),
            advice: "Check what the embedding model was given.",
        });
    }
    Ok(values.chunks_exact(d as usize).map(<[f32]>::to_vec).collect())
}
