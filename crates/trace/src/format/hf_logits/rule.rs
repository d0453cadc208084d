//! The rule by which a dump's logits become gates: as its metadata states it, or by another file later.

use std::{cell::RefCell, fmt, rc::Rc};

use crate::{
    container::tensors::TensorFile,
    error::Error,
    format::{
        hf_logits::{fold, fold::Batch, layers::Layers},
        metadata,
    },
    io::source::Pending,
    model::{GateKind, RouterRule},
    open_trace::logits::{FoldedGates, RouterLogits},
    text::shorten,
};

/// The rule that the metadata states: `gate_kind`, or else the family in `model_type`.
///
/// # Errors
/// [`Error::Metadata`] for a `gate_kind` that is not a rule for logits.
pub fn stated(file: &TensorFile, warnings: &mut Vec<String>) -> Result<Option<RouterRule>, Error> {
    let kind = metadata::gate_kind(file, &GateKind::RULES)?;
    let model_type = file.metadata("model_type").map(str::trim).filter(|text| !text.is_empty());
    let family = model_type.and_then(RouterRule::of_family);
    let shown = shorten(model_type.unwrap_or_default());
    match (kind, family) {
        (Some(kind), family) => {
            if let Some(family) = family.filter(|family| family.kind != kind) {
                warnings.push(format!(
                    "{}: metadata `gate_kind` is \"{}\", but routers of `{shown}` make gates by {}. `gate_kind` is used.",
                    file.name(),
                    kind.name(),
                    family.kind.name()
                ));
            }
            let by_rank = family.map_or(kind == GateKind::SoftmaxMean, |family| family.by_rank);
            Ok(Some(RouterRule { kind, by_rank }))
        }
        (None, Some(family)) => Ok(Some(family)),
        (None, None) => {
            if model_type.is_some() {
                warnings.push(format!(
                    "{}: metadata `model_type` is \"{shown}\", whose routing is not known here. Write `gate_kind` \
                     ({}) beside it.",
                    file.name(),
                    GateKind::names(&GateKind::RULES)
                ));
            }
            Ok(None)
        }
    }
}

/// A dump after its first reading.
pub struct Dump {
    /// The file.
    pub file: TensorFile,
    /// Its layers.
    pub layers: Layers,
    /// Its rows.
    pub batch: Batch,
    /// Whether every row is a distribution.
    pub probabilities: bool,
    /// Gates by the rule that was asked for last.
    pub folded: RefCell<Option<(GateKind, FoldedGates)>>,
}

impl fmt::Debug for Dump {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dump").field("name", &self.file.name()).finish_non_exhaustive()
    }
}

impl RouterLogits for Dump {
    fn gates(&self, kind: GateKind) -> Pending<'_, Result<FoldedGates, Error>> {
        Box::pin(async move {
            if let Some((_, known)) = self.folded.borrow().as_ref().filter(|(folded, _)| *folded == kind) {
                return Ok(known.clone());
            }
            let (gates, bad) = fold::fold_again(&self.file, &self.layers, &self.batch, kind).await?;
            let found = FoldedGates { gates: gates.into(), bad: bad.into() };
            *self.folded.borrow_mut() = Some((kind, found.clone()));
            Ok(found)
        })
    }

    fn rows(&self) -> usize {
        self.layers.rows
    }

    fn split(&self, counts: &[u32]) -> Rc<dyn RouterLogits> {
        let (file, layers) = (self.file.clone(), self.layers.clone());
        let (batch, folded) = (Batch::of_lengths(counts), RefCell::default());
        Rc::new(Self { file, layers, batch, probabilities: self.probabilities, folded })
    }

    fn check(&self, kind: GateKind) -> Result<(), Error> {
        check(&self.file, &self.layers, self.probabilities, kind)
    }

    fn are_probabilities(&self) -> bool {
        self.probabilities
    }
}

/// Whether a rule that only the family states fits the values.
///
/// # Errors
/// [`Error::Tensor`] for probabilities where the family scores by sigmoid.
pub fn check(file: &TensorFile, layers: &Layers, probabilities: bool, kind: GateKind) -> Result<(), Error> {
    if !probabilities || kind == GateKind::SoftmaxMean {
        return Ok(());
    }
    Err(Error::Tensor {
        name: file.name().to_owned(),
        tensor: layers.layers.first().map(|layer| layer.tensor.name.clone()).unwrap_or_default(),
        found: "probabilities (every row sums to 1)".to_owned(),
        expected: "router logits of a model that scores by sigmoid".to_owned(),
        advice: "Write the logits, or state in the metadata `gate_kind` how the probabilities were made.",
    })
}
