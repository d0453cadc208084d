//! The routers in a file: their weights, or the products of them that consistency needs
//! (`docs/metrics.md#pathway-consistency`).

use crate::{
    container::tensors::{TensorFile, TensorInfo, shape_text},
    error::Error,
    model::Router,
};

/// The tensor with the routers.
#[derive(Clone, Debug)]
pub enum RouterTensor {
    /// Weights, `[L,E,d]`.
    Weights(TensorInfo),
    /// Products, `[2L-1,E,E]`.
    Gram(TensorInfo),
}

/// The tensor with the routers of these layers, if there is one.
///
/// # Errors
/// [`Error::Tensor`] when it has another shape or type.
pub fn find(file: &TensorFile, layers: usize, experts: usize) -> Result<Option<RouterTensor>, Error> {
    let (l, e) = (layers as u64, experts as u64);
    if let Some(tensor) = file.get("router_weight") {
        let fits = matches!(*tensor.shape, [a, b, width] if a == l && b == e && width > 0);
        if !fits || !tensor.dtype.is_float() {
            return Err(file.wrong(
                tensor,
                format!("floats [{l},{e},hidden size], one router matrix per layer of `gates`"),
                "Stack the router weights of the same layers, or leave the tensor out.",
            ));
        }
        return Ok(Some(RouterTensor::Weights(tensor.clone())));
    }
    let Some(tensor) = file.get("router_gram") else { return Ok(None) };
    if tensor.shape != [2 * l - 1, e, e] || !tensor.dtype.is_float() {
        return Err(file.wrong(
            tensor,
            format!("floats {}: the products of each layer's router with itself and with the next", shape_text(&[2 * l - 1, e, e])),
            "Write the L products W_l W_l^T first, then the L-1 products W_l W_(l+1)^T, or leave the tensor out.",
        ));
    }
    Ok(Some(RouterTensor::Gram(tensor.clone())))
}

/// Reads the routers.
///
/// # Errors
/// [`Error::Tensor`] for values that are not finite, and errors of the source.
pub async fn read(
    file: &TensorFile,
    tensor: &RouterTensor,
    layers: usize,
    experts: usize,
) -> Result<Router, Error> {
    let (info, finite, router) = match tensor {
        RouterTensor::Weights(info) => {
            let width = info.shape.last().copied().unwrap_or(0) as usize;
            let values = file.floats(info, 0..info.values()).await?;
            let finite = values.iter().all(|value| value.is_finite());
            (info, finite, Router::Weights { layers, experts, width, values })
        }
        RouterTensor::Gram(info) => {
            let values = file.doubles(info, 0..info.values()).await?;
            let finite = values.iter().all(|value| value.is_finite());
            (info, finite, Router::Gram { layers, experts, values })
        }
    };
    if finite {
        return Ok(router);
    }
    Err(Error::Tensor {
        name: file.name().to_owned(),
        tensor: info.name.clone(),
        found: "a value that is NaN or infinite".to_owned(),
        expected: "finite numbers".to_owned(),
        advice: "Write the router weights of this checkpoint again, or leave the tensor out.",
    })
}
