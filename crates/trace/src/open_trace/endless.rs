//! Rows of router logits that are one sample until a list of samples tells where each ends.

use std::rc::Rc;

use crate::{
    model::{RouterTrace, TopK, offsets_of, unnamed_samples},
    open_trace::{
        logits::RouterLogits,
        parts::{Body, Endless, OpenTrace, Rule},
    },
};

impl OpenTrace {
    /// Records that all rows are read as one sample because the file does not state where samples
    /// end.
    pub(crate) fn set_endless(&mut self, logits: Rc<dyn RouterLogits>, losses: Option<Vec<f32>>) {
        self.endless = Some(Endless { logits, losses: losses.map(Rc::from) });
    }

    /// Number of rows whose samples are not known, until [`OpenTrace::split_rows`] divides them.
    #[must_use]
    pub fn rows_without_ends(&self) -> Option<usize> {
        self.endless.as_ref().map(|endless| endless.logits.rows())
    }

    /// Splits rows into samples of these lengths, without names. Returns whether this could be
    /// done: the samples of the rows are not known, and the lengths sum to their number.
    pub fn split_rows(&mut self, counts: &[u32]) -> bool {
        let Some(Endless { logits, losses }) = &self.endless else { return false };
        let sum: u64 = counts.iter().map(|&count| u64::from(count)).sum();
        if sum != logits.rows() as u64 || counts.contains(&0) {
            return false;
        }
        self.rule = Rule::Given(logits.split(counts));
        self.info.samples = unnamed_samples(counts.len());
        self.info.labelled = false;
        self.info.n_tokens = Some(counts.to_vec());
        self.info.loss =
            losses.as_ref().filter(|losses| losses.len() == counts.len()).map(|losses| losses.to_vec());
        let offsets = offsets_of(counts);
        if let Body::Memory(trace) = &self.body {
            let offsets = offsets.iter().map(|&offset| offset as usize);
            let topk = trace.topk.as_ref().map(|topk| TopK { offsets: offsets.collect(), ..topk.clone() });
            // The gates come from the logits from now on.
            let whole = RouterTrace { gates: Vec::new(), topk, ..RouterTrace::clone(trace) };
            self.body = Body::Memory(Rc::new(whole));
        }
        if self.info.has_topk {
            self.offsets = Some(offsets.into());
        }
        self.endless = None;
        true
    }
}
