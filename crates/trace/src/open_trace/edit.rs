//! Completes an open trace with data from the user or other files: step, names, token counts,
//! experts, logits.

use std::rc::Rc;

use crate::{
    error::Error,
    io::source::Source,
    model::{MAX_EXPERTS, SampleMeta, StepSource, first_duplicate, offsets_of},
    open_trace::parts::{Body, OpenTrace},
};

impl OpenTrace {
    /// Sets the training step.
    pub fn set_step(&mut self, step: u64) {
        self.info.step = Some(step);
        self.info.step_from = StepSource::User;
    }

    /// Names the samples.
    ///
    /// # Errors
    /// [`Error::Mismatch`] when their number is not the trace's, or an id is repeated.
    pub fn set_samples(&mut self, samples: Vec<SampleMeta>) -> Result<(), Error> {
        self.same_count("names", samples.len())?;
        if let Some(twice) = first_duplicate(&samples) {
            return Err(Error::Mismatch {
                name: self.info.name.clone(),
                given: format!("a list of samples with the id `{twice}` twice was given"),
                has: format!("{} samples, each of which needs an id of its own", samples.len()),
                advice: "Give every sample its own id.",
            });
        }
        self.info.samples = samples;
        self.info.labelled = true;
        Ok(())
    }

    /// Sets the number of real tokens of each sample, which also assigns the selections in the file
    /// to samples.
    ///
    /// # Errors
    /// [`Error::Mismatch`] when the number of samples or the sum of tokens is not the trace's.
    pub fn set_token_counts(&mut self, counts: &[u32]) -> Result<(), Error> {
        self.same_count("token counts", counts.len())?;
        let topk_tokens = match &self.body {
            Body::File(body) => body.topk.as_ref().and_then(|topk| topk.shape.first().copied()),
            Body::Memory(trace) => trace.topk.as_ref().and_then(|t| t.offsets.last().map(|&o| o as u64)),
            Body::Ids(_) | Body::Joined(_) => {
                self.offsets.as_ref().and_then(|offsets| offsets.last().copied())
            }
        };
        if let Some(tokens) = topk_tokens {
            let offsets = offsets_of(counts);
            let sum = offsets.last().copied().unwrap_or(0);
            if sum != tokens {
                return Err(Error::Mismatch {
                    name: self.info.name.clone(),
                    given: format!("the samples' token counts sum to {sum}"),
                    has: format!("selections of {tokens} tokens"),
                    advice: "Check that results and trace are of the same samples, or write `offsets` into the trace.",
                });
            }
            self.offsets = Some(offsets.into());
            self.info.has_topk = true;
        }
        self.info.n_tokens = Some(counts.to_vec());
        Ok(())
    }

    /// Whether the number of experts is only a guess from the ids that occur;
    /// [`OpenTrace::set_experts`] corrects it.
    #[must_use]
    pub fn experts_are_guessed(&self) -> bool {
        match &self.body {
            Body::Ids(body) => !body.experts_given(),
            Body::Joined(pieces) => pieces.iter().all(|piece| piece.trace.experts_are_guessed()),
            Body::File(_) | Body::Memory(_) => false,
        }
    }

    /// Sets the number of experts per layer, if the file does not state it; experts that do not
    /// occur get no selections.
    ///
    /// # Errors
    /// [`Error::Mismatch`] when the trace states another number, or an id is larger.
    pub fn set_experts(&mut self, experts: usize) -> Result<(), Error> {
        let wrong = |has: String| not_so_many(&self.info.name, experts, has);
        if experts == self.info.experts {
            return Ok(());
        }
        match &self.body {
            Body::Ids(body) if !body.experts_given() => {
                let largest = usize::from(body.largest());
                if experts <= largest || experts > MAX_EXPERTS {
                    return Err(wrong(format!("ids up to {largest}")));
                }
            }
            Body::Joined(pieces) => {
                let mut pieces = pieces.to_vec();
                for piece in &mut pieces {
                    piece.trace.set_experts(experts)?;
                }
                self.body = Body::Joined(pieces.into());
            }
            _ => return Err(wrong(format!("{}", self.info.experts))),
        }
        self.info.experts = experts;
        Ok(())
    }

    /// Whether a file of router logits of this name was recorded beside this trace (Megatron's
    /// tracer).
    #[must_use]
    pub fn takes_logits(&self, name: &str) -> bool {
        matches!(&self.body, Body::Ids(ids) if ids.takes_logits(&self.info.name, name))
    }

    /// Adds the router logits that were recorded beside the trace's ids. Its gates are then mean
    /// routing weights, and the recorded ids remain the selections.
    ///
    /// # Errors
    /// [`Error::Mismatch`] or [`Error::Truncated`] when the logits do not belong to this trace.
    pub fn set_logits(&mut self, logits: &Source) -> Result<(), Error> {
        let Body::Ids(body) = &self.body else {
            return Err(Error::Mismatch {
                name: self.info.name.clone(),
                given: "a file of router logits was given".to_owned(),
                has: "no place for one".to_owned(),
                advice: "Only Megatron's router trace has its logits in a second file.",
            });
        };
        let body = Rc::clone(body);
        self.body = Body::Ids(body.with_logits(&mut self.info, logits)?);
        Ok(())
    }

    fn same_count(&self, what: &str, given: usize) -> Result<(), Error> {
        let count = self.info.samples.len();
        if given == count {
            return Ok(());
        }
        Err(Error::Mismatch {
            name: self.info.name.clone(),
            given: format!("{what} of {given} samples were given"),
            has: format!("{count} samples"),
            advice: "Give those of the trace's samples, in its order.",
        })
    }
}

/// The error for a number of experts from the user that does not fit the file.
pub(crate) fn not_so_many(name: &str, experts: usize, has: String) -> Error {
    Error::Mismatch {
        name: name.to_owned(),
        given: format!("{experts} experts per layer were given"),
        has,
        advice: "Give the number that the model's config.json has.",
    }
}
