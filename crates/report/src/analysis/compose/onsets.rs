//! Memorization, generalization and state of a domain.

use pathway::CausalStep;

use super::domain::DomainComposer;
use crate::{
    analysis::items::causal_items,
    model::{CausalSteps, Generalization, Memorization, Phase, State},
};

impl DomainComposer<'_> {
    pub(super) fn memorization(&self) -> Memorization {
        let plan = &self.job.plan.domains[self.index].memorization;
        let t_star = counts(plan.t_star.iter().flatten().copied(), self.checkpoints);
        let unconfirmed = t_star.last().copied().unwrap_or(0);
        let settled: usize = t_star.iter().sum();
        Memorization {
            eps: plan.eps,
            eps_set_by_user: plan.eps_set_by_user,
            memorized: settled - unconfirmed,
            never: plan.t_star.len() - settled,
            t_star,
            causal_eps: plan.causal_eps,
            causal: causal_steps(&plan.causal, self.checkpoints),
            fallen: plan.fallen,
        }
    }

    pub(super) fn generalization(&self) -> Option<Generalization> {
        let correct = self.correct();
        if correct.is_empty() {
            return None;
        }
        let steps: Vec<Option<usize>> = correct.iter().map(|item| pathway::t_sharp(item)).collect();
        Some(Generalization {
            t_sharp: counts(steps.iter().flatten().copied(), self.checkpoints),
            never: steps.iter().filter(|at| at.is_none()).count(),
            causal: causal_steps(&causal_items(&correct, self.checkpoints), self.checkpoints),
        })
    }

    /// State at each checkpoint, `[C]`; empty without losses.
    pub(super) fn states(&self) -> Vec<State> {
        let plan = &self.job.plan.domains[self.index];
        let mut fold = pathway::PhaseFold::default();
        let state = |(at, planned): (usize, &pathway::LookPlan)| {
            let look = plan.looks.iter().find(|look| look.at == at);
            let (phase, look) = fold.push(planned.enough, look.map(|look| self.job.look_change(look)));
            let change = look.and_then(|look| look.change);
            State {
                phase: match phase {
                    pathway::Phase::Learning => Phase::Learning,
                    pathway::Phase::Memorized => Phase::Memorized,
                    pathway::Phase::Structuring => Phase::Structuring,
                    pathway::Phase::Diverging => Phase::Diverging,
                },
                reference: planned.reference,
                look: look.map(|look| look.number),
                level: look.map(|look| look.level),
                change: change.map(|change| change.ratio - 1.0),
                se: change.map(|change| change.se),
                lower: look.and_then(|look| look.lower),
                upper: look.and_then(|look| look.upper),
            }
        };
        plan.memorization.looks.iter().enumerate().map(state).collect()
    }
}

fn causal_steps(steps: &[Option<CausalStep>], checkpoints: usize) -> CausalSteps {
    let known = || steps.iter().flatten();
    let first = counts(known().map(|step| step.first), checkpoints);
    CausalSteps {
        declared: counts(known().map(|step| step.declared), checkpoints),
        relapses: counts(known().filter_map(|step| step.relapse), checkpoints),
        never: steps.iter().filter(|step| step.is_none()).count(),
        half: pathway::half_by(&first),
        first,
    }
}

/// Number of members per index of a checkpoint, `[C]`.
fn counts(of: impl Iterator<Item = usize>, checkpoints: usize) -> Vec<usize> {
    let mut counts = vec![0; checkpoints];
    for at in of {
        if let Some(count) = counts.get_mut(at) {
            *count += 1;
        }
    }
    counts
}
