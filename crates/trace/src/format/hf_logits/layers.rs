//! Finds the layers among the tensors of a dump, and their order.

use crate::{
    container::tensors::{TensorFile, TensorInfo},
    error::Error,
};

/// Words in the names of tensors of router logits.
const WORDS: [&str; 3] = ["router_logits", "router_probs", "gate_logits"];

/// Names of a list of layers, used if no name has one of the words.
const LISTS: [&str; 3] = ["layer", "layers", "arr"];

/// One layer's logits.
pub struct Layer {
    /// The tensor.
    pub tensor: TensorInfo,
    /// Index of the first value in the tensor.
    pub start: u64,
}

/// All layers of a dump, in order.
pub struct Layers {
    /// One entry per sparse layer, `L`.
    pub layers: Vec<Layer>,
    /// Rows per layer, including padding.
    pub rows: usize,
    /// Experts, `E`.
    pub experts: usize,
    /// `[samples, positions]`, if the tensors have these axes.
    pub batch: Option<[usize; 2]>,
}

/// The only number in a name that has one of the words.
fn layer_by_word(name: &str) -> Option<u64> {
    WORDS.iter().find(|word| name.contains(*word))?;
    let mut numbers = name.split(|c: char| !c.is_ascii_digit()).filter(|part| !part.is_empty());
    let number = numbers.next()?.parse().ok()?;
    numbers.next().is_none().then_some(number)
}

/// The number of a name like `layer_3`.
fn layer_by_list(name: &str) -> Option<u64> {
    let stem = name.trim_end_matches(|c: char| c.is_ascii_digit());
    let word = stem.trim_end_matches(['.', '_', '/', '-']);
    let number = name.get(stem.len()..)?.parse().ok()?;
    LISTS.contains(&word).then_some(number)
}

/// The tensors of layers, by number.
fn numbered(file: &TensorFile) -> Vec<(u64, &TensorInfo)> {
    let by = |layer_of: fn(&str) -> Option<u64>| {
        let mut found: Vec<(u64, &TensorInfo)> =
            file.tensors.values().filter_map(|tensor| Some((layer_of(&tensor.name)?, tensor))).collect();
        found.sort_by_key(|&(number, _)| number);
        found
    };
    let words = by(layer_by_word);
    if !words.is_empty() {
        return words;
    }
    let lists = by(layer_by_list);
    let alike = lists.windows(2).all(|pair| matches!(pair, [(_, a), (_, b)] if a.shape == b.shape));
    let logits = |tensor: &TensorInfo| {
        tensor.dtype.is_float() && matches!(*tensor.shape, [rows, experts] if rows > 0 && experts > 1)
    };
    if lists.len() > 1 && alike && lists.iter().all(|(_, tensor)| logits(tensor)) {
        lists
    } else {
        Vec::new()
    }
}

/// All layers in one tensor.
fn stacked(file: &TensorFile) -> Option<&TensorInfo> {
    WORDS.iter().find_map(|word| file.get(word))
}

/// Whether the file has tensors with names of layers of router logits.
pub fn names_layers(file: &TensorFile) -> bool {
    stacked(file).is_some() || !numbered(file).is_empty()
}

const ADVICE: &str = "Write one tensor per layer, as in `router_logits` of the model's output.";

impl Layers {
    /// Finds the layers and checks that they have one type and shape.
    ///
    /// # Errors
    /// [`Error::Tensor`] at the first that has another.
    pub fn find(file: &TensorFile, batch: Option<(&TensorInfo, [usize; 2])>) -> Result<Self, Error> {
        let numbered = numbered(file);
        match (numbered.is_empty(), stacked(file)) {
            (true, Some(tensor)) => Self::unstack(file, tensor, batch.map(|(_, shape)| shape)),
            _ => Self::alike(file, &numbered),
        }
    }

    fn alike(file: &TensorFile, numbered: &[(u64, &TensorInfo)]) -> Result<Self, Error> {
        let Some((_, first)) = numbered.first() else {
            return Err(Error::Format {
                name: file.name().to_owned(),
                part: format!("{} header", file.container),
                found: "no layers".to_owned(),
                expected: "router logits of each layer".to_owned(),
                advice: ADVICE,
            });
        };
        let (rows, experts, batch) = match *first.shape {
            [rows, experts] => (Some(rows), experts, None),
            [count, positions, experts] => (count.checked_mul(positions), experts, Some([count, positions])),
            _ => (None, 0, None),
        };
        let counts = rows.and_then(|rows| usize::try_from(rows).ok()).zip(usize::try_from(experts).ok());
        let Some((rows, experts)) =
            counts.filter(|&(rows, experts)| rows > 0 && experts > 0 && experts <= 1 << 16)
        else {
            return Err(file.wrong(first, "[samples * positions, experts]", ADVICE));
        };
        let mut layers = Vec::with_capacity(numbered.len());
        let mut before = None;
        for &(number, tensor) in numbered {
            if tensor.shape != first.shape || !tensor.dtype.is_float() {
                return Err(file.wrong(
                    tensor,
                    format!("floats {}, as `{}` is", first.shape_text(), first.name),
                    ADVICE,
                ));
            }
            if before == Some(number) {
                return Err(file.wrong(tensor, format!("one tensor for layer {number}"), ADVICE));
            }
            before = Some(number);
            layers.push(Layer { tensor: tensor.clone(), start: 0 });
        }
        let batch = batch.map(|axes| axes.map(|n| n as usize));
        Ok(Self { layers, rows, experts, batch })
    }

    /// `[L, rows, E]`, `[L, samples, positions, E]`, or the layers concatenated, `[L * rows, E]`.
    fn unstack(file: &TensorFile, tensor: &TensorInfo, known: Option<[usize; 2]>) -> Result<Self, Error> {
        let axes: Option<Vec<usize>> = tensor.shape.iter().map(|&n| usize::try_from(n).ok()).collect();
        let known_rows = known.and_then(|[count, positions]| count.checked_mul(positions));
        let shape = match axes.as_deref() {
            Some(&[layers, rows, experts]) => Some((layers, rows, experts, None)),
            Some(&[layers, count, positions, experts]) => {
                count.checked_mul(positions).map(|rows| (layers, rows, experts, Some([count, positions])))
            }
            Some(&[all, experts]) => match known_rows {
                Some(rows) if rows > 0 && all % rows == 0 => Some((all / rows, rows, experts, None)),
                _ => Some((1, all, experts, None)),
            },
            _ => None,
        };
        let whole = shape.filter(|&(layers, rows, experts, _)| {
            layers > 0 && rows > 0 && experts > 0 && experts <= 1 << 16 && tensor.dtype.is_float()
        });
        let Some((count, rows, experts, batch)) = whole else {
            return Err(file.wrong(tensor, "floats [layers, samples * positions, experts]", ADVICE));
        };
        let size = (rows * experts) as u64;
        let layers = (0..count as u64).map(|i| Layer { tensor: tensor.clone(), start: i * size }).collect();
        Ok(Self { layers, rows, experts, batch })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_common_forms() {
        for name in [
            "router_logits.3",
            "router_logits_3",
            "router_logits/3",
            "router_logits[3]",
            "layers.3.router_logits",
            "model.layers.3.mlp.router_logits",
            "gate_logits_03",
        ] {
            assert_eq!(layer_by_word(name), Some(3), "{name}");
        }
        for name in ["router_logits", "router_logits.1.2", "attention_mask", "layer_3"] {
            assert_eq!(layer_by_word(name), None, "{name}");
        }
        for name in ["layer_3", "layer.3", "layers/3", "arr_3", "layer3"] {
            assert_eq!(layer_by_list(name), Some(3), "{name}");
        }
        assert_eq!(layer_by_list("player_3"), None);
    }
}
