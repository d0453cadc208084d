//! Checks that the parts of a trace in memory fit together.

use crate::{
    error::Error,
    model::{MAX_EXPERTS, Router, RouterTrace, first_duplicate},
};

impl RouterTrace {
    /// Checks that all parts fit together.
    ///
    /// # Errors
    /// [`Error::Mismatch`] with the first part that does not; `name` is the trace's name in the
    /// message.
    pub fn check(&self, name: &str) -> Result<(), Error> {
        let wrong = |given: String, has: String| {
            let advice = "Give one entry per sample, in the order of the gates.";
            Err(Error::Mismatch { name: name.to_owned(), given, has, advice })
        };
        let (samples, layers, experts) = (self.len(), self.layers, self.experts);
        let width = layers * experts;
        if width == 0 || experts > MAX_EXPERTS || self.gates.len() != samples * width || samples == 0 {
            return wrong(
                format!("{} gates were given", self.gates.len()),
                format!("{layers} layers of {experts} experts"),
            );
        }
        let lists = [
            ("names", self.samples.as_ref().map(Vec::len)),
            ("losses", self.loss.as_ref().map(Vec::len)),
            ("token counts", self.n_tokens.as_ref().map(Vec::len)),
        ];
        for (what, len) in lists {
            if let Some(len) = len
                && len != samples
            {
                return wrong(format!("{len} {what} were given"), format!("{samples} samples"));
            }
        }
        if let Some(twice) = self.samples.as_deref().and_then(first_duplicate) {
            return wrong(
                format!("the id `{twice}` was given twice"),
                format!("{samples} samples with ids of their own"),
            );
        }
        let router = match &self.router {
            None => true,
            Some(Router::Weights { layers: l, experts: e, width, values }) => {
                (*l, *e) == (layers, experts) && values.len() == l * e * width
            }
            Some(Router::Gram { layers: l, experts: e, values }) => {
                (*l, *e) == (layers, experts) && values.len() == (2 * l - 1) * e * e
            }
        };
        if !router {
            return wrong(
                "router matrices of another shape were given".to_owned(),
                format!("{layers} layers of {experts} experts"),
            );
        }
        if let Some(topk) = &self.topk {
            let tokens = topk.offsets.last().copied().unwrap_or(0);
            let fits = topk.layers == layers
                && (1..=experts).contains(&topk.k)
                && topk.offsets.len() == samples + 1
                && topk.offsets.first() == Some(&0)
                && topk.offsets.is_sorted()
                && topk.ids.len() == tokens * layers * topk.k
                && topk.ids.iter().all(|&id| usize::from(id) < experts);
            if !fits {
                return wrong(
                    "selections that do not fit were given".to_owned(),
                    format!("{samples} samples, {layers} layers and {experts} experts"),
                );
            }
        }
        Ok(())
    }
}
