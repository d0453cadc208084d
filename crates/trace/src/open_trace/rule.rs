//! Router logits whose own file does not state by which rule they become gates.

use std::rc::Rc;

use crate::{
    error::Error,
    model::{RouterRule, RouterTrace},
    open_trace::parts::{Body, OpenTrace, Rule},
};

impl OpenTrace {
    /// Whether these are gates by softmax of logits whose file does not state a rule; [`OpenTrace::set_rule`] states it.
    #[must_use]
    pub fn rule_is_assumed(&self) -> bool {
        matches!(&self.rule, Rule::Unstated(logits) if !logits.are_probabilities())
    }

    /// Whether [`OpenTrace::set_rule`] changes anything: the file states no rule itself.
    #[must_use]
    pub fn takes_rule(&self) -> bool {
        matches!(self.rule, Rule::Unstated(_))
    }

    /// States the rule of router logits whose file does not. Selections are dropped where the rule does not give them by
    /// logits alone; the sentence to show is then returned.
    ///
    /// # Errors
    /// [`Error::Tensor`] when the values are probabilities and the rule needs logits.
    pub fn set_rule(&mut self, rule: RouterRule) -> Result<Option<String>, Error> {
        let Rule::Unstated(logits) = &self.rule else { return Ok(None) };
        logits.check(rule.kind)?;
        let same = rule.kind == self.info.gate_kind;
        self.rule = if same { Rule::Own } else { Rule::Given(Rc::clone(logits)) };
        self.info.gate_kind = rule.kind;
        if rule.by_rank || !self.info.has_topk {
            return Ok(None);
        }
        if let Body::Memory(trace) = &self.body {
            self.body = Body::Memory(Rc::new(RouterTrace { topk: None, ..RouterTrace::clone(trace) }));
        }
        self.offsets = None;
        self.info.has_topk = false;
        Ok(Some(no_selections(&self.info.name)))
    }
}

/// The sentence for logits that do not tell the selected experts.
pub fn no_selections(name: &str) -> String {
    format!(
        "{name}: the selected experts are left out, because correction biases or expert groups of the checkpoint decide \
         them too; load and saturation need them. examples/write_trace.py records them."
    )
}
