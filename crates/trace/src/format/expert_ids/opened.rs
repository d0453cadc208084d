//! Makes a trace from folded ids: number of experts, step, names and warnings.

use std::rc::Rc;

use crate::{
    error::Error,
    format::expert_ids::{
        body::{IdsBody, Places},
        fold::{Folded, most_counts},
    },
    io::source::Source,
    model::{
        GateKind, MAX_EXPERTS, SampleMeta, StepSource, TraceInfo, make_distinct, offsets_of, unnamed_samples,
    },
    open_trace::{Body, OpenTrace},
    text::step_name::{NamedStep, step_from_name},
};

/// Metadata of a file, from the file or a setting.
#[derive(Debug, Default)]
pub struct Known {
    /// Experts per layer.
    pub experts: Option<usize>,
    /// The model.
    pub model: Option<String>,
    /// Training step in the records.
    pub step: Option<u64>,
    /// Training step in the file's name, if the format has its own form of names.
    pub named: Option<u64>,
    /// Names of the samples; otherwise they are named by their index.
    pub samples: Option<Vec<SampleMeta>>,
    /// Whether these names come from the file.
    pub labelled: bool,
    /// Losses, NaN if unknown.
    pub loss: Option<Vec<f32>>,
    /// Whether `k` is known.
    pub without_k: bool,
}

/// Makes a trace.
///
/// # Errors
/// [`Error::Metadata`] when ids exceed the stated number of experts.
pub fn trace(
    source: &Source,
    format: &'static str,
    folded: Folded,
    known: Known,
    places: Places,
    warnings: &mut Vec<String>,
) -> Result<OpenTrace, Error> {
    let name = source.name();
    let least = usize::from(folded.largest) + 1;
    let experts = match known.experts {
        Some(experts) if experts >= least && experts <= MAX_EXPERTS => experts,
        Some(experts) => {
            return Err(Error::Metadata {
                name: name.to_owned(),
                field: "num_experts".to_owned(),
                found: experts.to_string(),
                expected: format!("{least} to 65535, because the ids go up to {}", folded.largest),
                advice: "Correct the number, or leave it out.",
            });
        }
        None => {
            let experts = least.next_power_of_two().min(MAX_EXPERTS);
            warnings.push(format!(
                "{name}: the number of experts per layer is not stated. The ids go up to {}, so {experts} are assumed, the next \
                 power of two. If that is wrong, write `num_experts` into the first record, or give the number \
                 (`--experts`, or beside the file on the page).",
                folded.largest
            ));
            experts
        }
    };
    let count = folded.tokens.len();
    let bytes = count.saturating_mul(folded.layers).saturating_mul(4 * experts);
    let most = most_counts(source);
    if bytes > most {
        return Err(Error::TooLarge {
            name: name.to_owned(),
            what: format!(
                "the array of counts of {count} samples, {} layers and {experts} experts",
                folded.layers
            ),
            bytes: bytes as u64,
            limit: most as u64,
            advice: "Correct the number of experts, which is too large for a file of this size.",
        });
    }
    let named = step_from_name(name);
    let in_model = known.model.as_deref().and_then(step_from_name);
    let (step, step_from) = match (known.step, known.named.or(named.map(|named| named.step)), in_model) {
        (Some(step), _, _) => (Some(step), StepSource::Metadata),
        (None, Some(step), _) => (
            Some(step),
            if known.named.is_some() {
                StepSource::FileName
            } else {
                named.map_or(StepSource::FileName, NamedStep::source)
            },
        ),
        (None, None, Some(in_model)) => (Some(in_model.step), StepSource::Metadata),
        (None, None, None) => (None, StepSource::None),
    };
    let mut samples = known.samples.unwrap_or_else(|| unnamed_samples(count));
    make_distinct(name, &mut samples, warnings);
    let has_topk = !matches!(places, Places::Nowhere);
    let offsets = has_topk.then(|| Rc::from(offsets_of(&folded.tokens)));
    let info = TraceInfo {
        name: name.to_owned(),
        format,
        model: known.model,
        step,
        step_from,
        tokens: named.or(in_model).and_then(|named| named.tokens),
        samples,
        labelled: known.labelled,
        layers: folded.layers,
        experts,
        top_k: (!known.without_k).then_some(folded.k),
        topk_ordered: !folded.by_id,
        gate_kind: GateKind::SelectionFrequency,
        half_precision: false,
        loss: known.loss,
        n_tokens: (!known.without_k).then(|| folded.tokens.clone()),
        has_topk,
        has_router: false,
        layer: None,
        bytes: source.len(),
    };
    let body = IdsBody {
        source: Rc::clone(source),
        folded: Rc::new(folded),
        experts_given: known.experts.is_some(),
        places,
        logits: None,
    };
    Ok(OpenTrace::new(info, Body::Ids(Rc::new(body)), offsets))
}

/// The error for records without ids.
pub fn no_ids(name: &str) -> Error {
    Error::Text {
        name: name.to_owned(),
        place: "the whole file".to_owned(),
        found: "no record with expert ids of a token (all lists are empty, null, -1 or zero)".to_owned(),
        expected: "ids of at least one token".to_owned(),
        advice: "Start the server with `--enable-return-routed-experts` and request the ids.",
    }
}
