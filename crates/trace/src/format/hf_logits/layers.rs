//! Finds the layers among the tensors of a dump, and their order.

use crate::{
    container::tensors::{TensorFile, TensorInfo},
    error::Error,
    format::hf_logits::axes::{self, Arrangement, Known},
    model::MAX_EXPERTS,
};

/// Words in the names of tensors of router logits.
const WORDS: [&str; 3] = ["router_logits", "router_probs", "gate_logits"];

/// Names of a list of layers, used if no name has one of the words.
const LISTS: [&str; 3] = ["layer", "layers", "arr"];

/// One layer's logits.
#[derive(Clone)]
pub struct Layer {
    /// The tensor.
    pub tensor: TensorInfo,
    /// Index of the first value in the tensor.
    pub start: u64,
}

/// All layers of a dump, in order.
#[derive(Clone)]
pub struct Layers {
    /// One entry per sparse layer, `L`.
    pub layers: Vec<Layer>,
    /// Rows per layer, including padding.
    pub rows: usize,
    /// Experts, `E`.
    pub experts: usize,
    /// `[samples, positions]`, if the tensors have these axes.
    pub batch: Option<[usize; 2]>,
    /// Values between neighbouring rows of a sample.
    pub row_stride: usize,
    /// Number of rows in a run, which lie `row_stride` values apart, and values from the start of one run to the next.
    pub runs: (usize, usize),
    /// The number of the only layer, where each has a file of its own.
    pub only: Option<u64>,
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
            (true, Some(tensor)) => Self::unstack(file, tensor, known(file, batch.map(|(_, grid)| grid))),
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
            counts.filter(|&(rows, experts)| rows > 0 && experts > 0 && experts <= MAX_EXPERTS)
        else {
            return Err(file.wrong(
                first,
                format!("[samples * positions, experts] with at most {MAX_EXPERTS} experts"),
                ADVICE,
            ));
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
        let only = if let &[(number, _)] = numbered { Some(number) } else { None };
        Ok(Self { layers, rows, experts, batch, row_stride: experts, runs: (rows, 0), only })
    }

    /// All layers of one tensor, in the order of axes that follows from the file.
    fn unstack(file: &TensorFile, tensor: &TensorInfo, known: Known) -> Result<Self, Error> {
        let axes: Option<Vec<usize>> = tensor.shape.iter().map(|&n| usize::try_from(n).ok()).collect();
        let axes = axes.filter(|axes| tensor.dtype.is_float() && !axes.contains(&0)).unwrap_or_default();
        // Where no order agrees with the mask, the comparison with the mask reports it for this one.
        let usual = match *axes.as_slice() {
            [layers, rows, experts] => Some(axes::layers_first(layers, rows, experts, None)),
            [layers, count, positions, experts] => Some(axes::layers_first(
                layers,
                count.saturating_mul(positions),
                experts,
                Some([count, positions]),
            )),
            [rows, experts] => Some(axes::layers_first(1, rows, experts, None)),
            _ => None,
        };
        let found = axes::arrange(&axes, known).or(usual).filter(|found| found.experts <= MAX_EXPERTS);
        let Some(Arrangement { layers, rows, experts, batch, layer_stride, row_stride, runs }) = found else {
            let expected =
                format!("floats [layers, samples * positions, experts] with at most {MAX_EXPERTS} experts");
            return Err(file.wrong(tensor, expected, ADVICE));
        };
        let layers = (0..layers as u64)
            .map(|i| Layer { tensor: tensor.clone(), start: i * layer_stride as u64 })
            .collect();
        Ok(Self { layers, rows, experts, batch, row_stride, runs, only: None })
    }

    /// The first value of a row, from the layer's start.
    #[must_use]
    pub fn offset(&self, row: usize) -> u64 {
        let (run, apart) = self.runs;
        let (before, within) = (row / run.max(1), row % run.max(1));
        before as u64 * apart as u64 + within as u64 * self.row_stride as u64
    }

    /// The end of the rows that lie `row_stride` apart from a row on, at most `most` of them.
    #[must_use]
    pub fn run_end(&self, row: usize, most: usize) -> usize {
        let run = self.runs.0.max(1);
        (row + most).min((row / run + 1) * run).min(self.rows)
    }
}

/// Information in the file on the axes of a tensor with all layers.
fn known(file: &TensorFile, grid: Option<[usize; 2]>) -> Known {
    let layers = ["num_hidden_layers", "num_layers", "n_layers"].iter().find_map(|key| file.metadata(key));
    Known { grid, layers: layers.and_then(|layers| layers.trim().parse().ok()) }
}

/// The tensor with all layers whose order of axes does not follow from the file, so that the user
/// must state it.
#[must_use]
pub fn unclear(file: &TensorFile, grid: Option<[usize; 2]>) -> Option<&TensorInfo> {
    let tensor = stacked(file).filter(|_| numbered(file).is_empty())?;
    let known = known(file, grid);
    // With a mask that fits no order, the error about the mask says more than a question.
    let axes: Vec<usize> = tensor.shape.iter().filter_map(|&n| usize::try_from(n).ok()).collect();
    let several = known.grid.is_none() || axes::fitting(&axes, known) > 1;
    ((2..=4).contains(&axes.len()) && several && axes::arrange(&axes, known).is_none()).then_some(tensor)
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
