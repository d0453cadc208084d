//! The quantities that traces call gates.

/// The rule by which routing becomes gates (docs/metrics.md#mean-gates).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum GateKind {
    /// Softmax of the router logits over all experts, averaged over a sample's real tokens.
    SoftmaxMean,
    /// Sigmoid of the router logits over its sum over all experts, averaged over a sample's real tokens.
    SigmoidNormalizedMean,
    /// How often an expert was among the selected: `count / (k * tokens)`.
    SelectionFrequency,
}

impl GateKind {
    /// All kinds, the usual one first.
    pub const ALL: [Self; 3] = [Self::SoftmaxMean, Self::SigmoidNormalizedMean, Self::SelectionFrequency];

    /// The rules that make gates of router logits.
    pub const RULES: [Self; 2] = [Self::SoftmaxMean, Self::SigmoidNormalizedMean];

    /// Name in the metadata `gate_kind` of trace files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::SoftmaxMean => "softmax-mean",
            Self::SigmoidNormalizedMean => "sigmoid-normalized-mean",
            Self::SelectionFrequency => "selection-frequency",
        }
    }

    /// The kind of a name in metadata.
    #[must_use]
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// Names in quotes, separated by "or", for messages.
    #[must_use]
    pub(crate) fn names(kinds: &[Self]) -> String {
        let mut names: Vec<String> = kinds.iter().map(|kind| format!("\"{}\"", kind.name())).collect();
        let last = names.pop().unwrap_or_default();
        if names.is_empty() { last } else { format!("{} or {last}", names.join(", ")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_back_to_their_kinds() {
        for kind in GateKind::ALL {
            assert_eq!(GateKind::of_name(kind.name()), Some(kind));
        }
        assert_eq!(GateKind::of_name("logits"), None);
        assert_eq!(
            GateKind::names(&GateKind::ALL),
            "\"softmax-mean\", \"sigmoid-normalized-mean\" or \"selection-frequency\""
        );
    }
}
