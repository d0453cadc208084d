//! Figures of causal steps and states that follow from others.

use crate::model::{CausalSteps, Domain, Report};

/// Computes the figures that follow from the counts of causal steps and from the changes of states:
/// members never declared, half, references, looks, levels and bounds.
pub fn states(report: &mut Report) {
    for domain in &mut report.domains {
        complete_steps(&mut domain.memorization.causal, domain.samples);
        if let Some(found) = &mut domain.generalization {
            complete_steps(&mut found.causal, domain.items);
        }
        complete_states(domain);
    }
}

fn complete_steps(steps: &mut CausalSteps, members: usize) {
    let known = steps.first.iter().fold(0_usize, |sum, count| sum.saturating_add(*count));
    steps.never = members.saturating_sub(known);
    steps.half = pathway::half_by(&steps.first);
}

fn complete_states(domain: &mut Domain) {
    let looks = pathway::plan_looks(&domain.memorization.causal.declared, domain.samples);
    let mut number = 0;
    for (state, plan) in domain.states.iter_mut().zip(looks) {
        state.reference = plan.reference;
        number += u64::from(plan.tested);
        state.look = plan.tested.then_some(number);
        state.level = state.look.map(pathway::Look::level_of);
        let figures = state.change.zip(state.se).zip(state.level);
        let bounds = figures
            .and_then(|((change, se), level)| pathway::one_sided(change, se, plan.declared, level))
            .unzip();
        (state.lower, state.upper) = bounds;
    }
}
