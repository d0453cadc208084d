//! Joins several files of one checkpoint into one trace.

use crate::{
    error::Error,
    model::{SampleMeta, TraceInfo, make_distinct, offsets_of},
    open_trace::{Body, OpenTrace},
};

impl OpenTrace {
    /// Joins several files of one checkpoint into one trace by concatenating their samples.
    ///
    /// # Errors
    /// [`Error::Mismatch`] when layers, experts or the kinds of gates differ.
    pub fn join(mut parts: Vec<Self>) -> Result<Self, Error> {
        let experts = parts.iter().map(|part| part.info.experts).max().unwrap_or(0);
        for part in &mut parts {
            if part.experts_are_guessed() {
                part.set_experts(experts)?;
            }
        }
        let Some(first) = parts.first().map(|part| part.info.clone()) else {
            return Err(Error::Empty { name: "no file".to_owned() });
        };
        let alike = |info: &TraceInfo| {
            (info.layers, info.experts, info.top_k, info.gate_kind)
                == (first.layers, first.experts, first.top_k, first.gate_kind)
        };
        if let Some(other) = parts.iter().find(|part| !alike(&part.info)) {
            let words = |info: &TraceInfo| {
                format!(
                    "{} layers of {} experts, {} of them per token",
                    info.layers,
                    info.experts,
                    info.top_k.unwrap_or(0)
                )
            };
            return Err(Error::Mismatch {
                name: first.name.clone(),
                given: format!("{} of the same checkpoint has {}", other.info.name, words(&other.info)),
                has: words(&first),
                advice: "Keep files of one model in a folder.",
            });
        }
        let infos = || parts.iter().map(|part| &part.info);
        let labelled = infos().all(|info| info.labelled);
        let mut samples: Vec<SampleMeta> = infos().flat_map(|info| info.samples.iter().cloned()).collect();
        // Every file numbers its unnamed samples from 0.
        for (i, sample) in samples.iter_mut().enumerate() {
            if sample.id.bytes().all(|byte| byte.is_ascii_digit()) && !labelled {
                sample.id = i.to_string();
            }
        }
        let mut twice = Vec::new();
        make_distinct(&first.name, &mut samples, &mut twice);
        let all = |list: fn(&TraceInfo) -> Option<&[u32]>| {
            infos().map(list).collect::<Option<Vec<_>>>().map(|lists| lists.concat())
        };
        let n_tokens = all(|info| info.n_tokens.as_deref());
        let lost = |info: &TraceInfo| vec![f32::NAN; info.samples.len()];
        let losses = || infos().flat_map(|info| info.loss.clone().unwrap_or_else(|| lost(info)));
        let has_topk = infos().all(|info| info.has_topk);
        let offsets = n_tokens.as_ref().filter(|_| has_topk).map(|counts| offsets_of(counts).into());
        let info = TraceInfo {
            name: format!("{} and {} more", first.name, parts.len() - 1),
            labelled,
            samples,
            loss: infos().any(|info| info.loss.is_some()).then(|| losses().collect()),
            n_tokens,
            has_topk,
            topk_ordered: infos().all(|info| info.topk_ordered),
            half_precision: infos().any(|info| info.half_precision),
            bytes: infos().map(|info| info.bytes).sum(),
            ..first
        };
        let trace = Self::new(info, Body::Joined(parts.into()), offsets);
        *trace.notices.borrow_mut() = twice;
        Ok(trace)
    }
}
