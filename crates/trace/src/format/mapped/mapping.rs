//! The meaning of tensors with unknown names: a [`Mapping`] states which of a file's tensors are
//! gates, logits, ids and so on, and what their axes are. It is stored as JSON, so that the user
//! can correct it and apply it to every checkpoint of a run.
//!
//! ```json
//! {"tensors": [{"name": "moe/probs", "role": "probabilities", "axes": ["layers", "rows", "experts"]},
//!              {"name": "pad", "role": "mask", "axes": ["samples", "tokens"]}]}
//! ```

use serde::{Deserialize, Serialize};

use crate::{
    container::tensors::{TensorFile, TensorInfo},
    error::Error,
    text::shorten,
};

/// The meaning of a tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Mean gates of samples (`docs/metrics.md#mean-gates`).
    Gates,
    /// Router logits of single tokens.
    Logits,
    /// Routing weights of single tokens, after the softmax over all experts.
    Probabilities,
    /// The selected experts of single tokens.
    Ids,
    /// Losses of samples or of tokens.
    Loss,
    /// 1 for real tokens, 0 for padding.
    Mask,
    /// Number of real tokens of each sample.
    TokenCounts,
}

/// The meaning of an axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Axis {
    /// Samples.
    Samples,
    /// Positions of a sample, including padding.
    Tokens,
    /// Positions of all samples, concatenated.
    Rows,
    /// MoE layers.
    Layers,
    /// Experts.
    Experts,
    /// The selected experts of one token, ordered by weight if known, largest first.
    Rank,
    /// No meaning: the axis has one entry.
    Single,
}

impl Axis {
    /// Its name in messages and in JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Samples => "samples",
            Self::Tokens => "tokens",
            Self::Rows => "rows",
            Self::Layers => "layers",
            Self::Experts => "experts",
            Self::Rank => "rank",
            Self::Single => "single",
        }
    }
}

impl Role {
    /// Its name in messages and in JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Gates => "gates",
            Self::Logits => "logits",
            Self::Probabilities => "probabilities",
            Self::Ids => "ids",
            Self::Loss => "loss",
            Self::Mask => "mask",
            Self::TokenCounts => "token-counts",
        }
    }

    /// Whether a trace can be made from it. Other roles only accompany routing.
    #[must_use]
    pub fn is_routing(self) -> bool {
        matches!(self, Self::Gates | Self::Logits | Self::Probabilities | Self::Ids)
    }

    /// The axes that a tensor of this role may have, and whether each is required.
    fn axes(self) -> (&'static [Axis], Option<Axis>) {
        use Axis::{Experts, Layers, Rank, Rows, Samples, Tokens};
        match self {
            Self::Gates => (&[Samples, Layers, Experts], Some(Experts)),
            Self::Logits | Self::Probabilities => (&[Samples, Tokens, Rows, Layers, Experts], Some(Experts)),
            Self::Ids => (&[Samples, Tokens, Rows, Layers, Rank], Some(Rank)),
            Self::Loss | Self::Mask => (&[Samples, Tokens, Rows], None),
            Self::TokenCounts => (&[Samples], Some(Samples)),
        }
    }
}

/// One tensor of a file, with its meaning.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MappedTensor {
    /// Its name in the file.
    pub name: String,
    /// Its meaning.
    pub role: Role,
    /// The meaning of each axis, in the tensor's order.
    pub axes: Vec<Axis>,
    /// The layer's number, if each layer has its own tensor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layer: Option<u64>,
}

/// The meaning of a file's tensors. Other tensors are ignored.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mapping {
    /// The tensors with a meaning.
    pub tensors: Vec<MappedTensor>,
    /// Experts per layer, of which ids only give a lower bound.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub experts: Option<usize>,
}

/// A mapped tensor with its description in the file.
pub type Found<'a> = (&'a MappedTensor, &'a TensorInfo);

const ADVICE: &str = "Correct the mapping.";

impl Mapping {
    /// The tensors of this role.
    pub fn of_role(&self, role: Role) -> impl Iterator<Item = &MappedTensor> {
        self.tensors.iter().filter(move |tensor| tensor.role == role)
    }

    /// The mapping as JSON, on one line.
    #[must_use]
    pub fn json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Reads a mapping from JSON; `name` is its name in messages.
    ///
    /// # Errors
    /// [`Error::Text`] with the place of the error.
    pub fn parse(name: &str, json: &str) -> Result<Self, Error> {
        serde_json::from_str(json).map_err(|error| Error::Text {
            name: name.to_owned(),
            place: format!("line {}, column {}", error.line(), error.column()),
            found: crate::text::json_words(json.as_bytes(), &error),
            expected: "a mapping: `tensors`, each with `name`, `role` and `axes`".to_owned(),
            advice: "Write roles (gates, logits, probabilities, ids, loss, mask, token-counts) and axes (samples, tokens, \
                     rows, layers, experts, rank, single) as they are called here.",
        })
    }

    /// Checks the mapping against a file and returns the tensors of the routing: one, or one per
    /// layer in order.
    ///
    /// # Errors
    /// [`Error::Mismatch`] or [`Error::Tensor`] with the first contradiction.
    pub(crate) fn check<'a>(&'a self, file: &'a TensorFile) -> Result<Vec<Found<'a>>, Error> {
        let mut routing: Vec<Found<'a>> = Vec::new();
        for mapped in &self.tensors {
            let tensor = Self::tensor(file, mapped)?;
            if mapped.role.is_routing() {
                routing.push((mapped, tensor));
            }
        }
        for role in [Role::Loss, Role::Mask, Role::TokenCounts] {
            if let Some(second) = self.of_role(role).nth(1) {
                return Err(mismatch(
                    file,
                    format!("`{}` as a second {}", shorten(&second.name), role.name()),
                    "one",
                ));
            }
        }
        routing.sort_by_key(|(mapped, _)| mapped.layer);
        let Some(&(first, first_tensor)) = routing.first() else {
            return Err(mismatch(file, "no tensor".to_owned(), "gates, logits, probabilities or ids"));
        };
        for pair in routing.windows(2) {
            let [(before, _), (mapped, tensor)] = pair else { continue };
            if mapped.layer.is_none() || mapped.layer == before.layer {
                let given = format!(
                    "`{}` and `{}`, both with the routing",
                    shorten(&before.name),
                    shorten(&mapped.name)
                );
                return Err(mismatch(file, given, "one tensor, or one per layer with its number"));
            }
            if mapped.role != first.role || mapped.axes != first.axes || tensor.shape != first_tensor.shape {
                let expected =
                    format!("{} {}, as `{}` is", first.role.name(), first_tensor.shape_text(), first.name);
                return Err(file.wrong(tensor, expected, ADVICE));
            }
        }
        if first.layer.is_some() && first.axes.contains(&Axis::Layers) {
            return Err(file.wrong(first_tensor, "no axis of layers in a tensor of one layer", ADVICE));
        }
        Ok(routing)
    }

    fn tensor<'a>(file: &'a TensorFile, mapped: &MappedTensor) -> Result<&'a TensorInfo, Error> {
        let Some(tensor) = file.get(&mapped.name) else {
            let names: Vec<String> = file.names().take(8).map(shorten).collect();
            let given = format!("a tensor `{}`", shorten(&mapped.name));
            return Err(mismatch(file, given, &format!("`{}`", names.join("`, `"))));
        };
        let (may, must) = mapped.role.axes();
        let twice = mapped.axes.iter().enumerate().find(|&(at, axis)| {
            *axis != Axis::Single && mapped.axes.iter().skip(at + 1).any(|other| other == axis)
        });
        let unsupported = mapped.axes.iter().find(|axis| **axis != Axis::Single && !may.contains(axis));
        let both = mapped.axes.contains(&Axis::Rows)
            && (mapped.axes.contains(&Axis::Samples) || mapped.axes.contains(&Axis::Tokens));
        let expected = if mapped.axes.len() != tensor.shape.len() {
            format!("{} axes, as the mapping names", mapped.axes.len())
        } else if let Some((_, axis)) = twice {
            format!("the axis {} once", axis.name())
        } else if let Some(axis) = unsupported {
            format!("{} without an axis of {}", mapped.role.name(), axis.name())
        } else if both {
            "either rows, or samples and tokens".to_owned()
        } else if let Some(axis) = must.filter(|axis| !mapped.axes.contains(axis)) {
            format!("{} with an axis of {}", mapped.role.name(), axis.name())
        } else if mapped
            .axes
            .iter()
            .zip(&tensor.shape)
            .any(|(axis, &n)| n == 0 || (*axis == Axis::Single && n != 1))
        {
            "at least one entry on every axis, and one where the mapping says single".to_owned()
        } else {
            let fits = match mapped.role {
                Role::Ids | Role::TokenCounts => tensor.dtype.is_integer(),
                Role::Mask => tensor.dtype.size().is_some(),
                _ => tensor.dtype.is_float(),
            };
            if fits {
                return Ok(tensor);
            }
            format!("{} of a type that {} can have", tensor.shape_text(), mapped.role.name())
        };
        Err(file.wrong(tensor, expected, ADVICE))
    }
}

fn mismatch(file: &TensorFile, given: String, has: &str) -> Error {
    Error::Mapping { name: file.name().to_owned(), given, has: has.to_owned() }
}

/// The size of an axis of a tensor.
pub fn size_of((mapped, tensor): Found<'_>, axis: Axis) -> Option<usize> {
    let at = mapped.axes.iter().position(|&other| other == axis)?;
    tensor.shape.get(at).and_then(|&n| usize::try_from(n).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mapping_is_stored_as_json() {
        let json = r#"{"tensors":[{"name":"p.1","role":"probabilities","axes":["rows","experts"],"layer":1},{"name":"pad","role":"mask","axes":["samples","tokens"]}]}"#;
        let mapping = Mapping::parse("map.json", json).expect("a mapping");
        assert_eq!((mapping.tensors.len(), mapping.tensors[0].layer), (2, Some(1)));
        assert_eq!(mapping.json(), json);
        let wrong =
            Mapping::parse("map.json", &json.replace("rows", "row")).expect_err("no axis").to_string();
        assert!(wrong.contains("map.json: line 1") && wrong.contains("unknown variant `row`"), "{wrong}");
    }
}
