//! Memorization of a domain's samples, from their losses alone.

use pathway::{CausalMemorization, CausalStep, LookPlan};

use crate::settings::{OnsetRule, Settings};

/// Memorization of a domain's samples by both rules; steps are indices of checkpoints.
#[derive(Debug)]
pub struct MemorizationPlan {
    /// Threshold of `t*`, nats.
    pub eps: Option<f64>,
    /// Whether the user set the threshold of both rules.
    pub eps_set_by_user: bool,
    /// `t*` of each sample.
    pub t_star: Vec<Option<usize>>,
    /// Threshold of `t°`, nats.
    pub causal_eps: Option<f64>,
    /// `t°` of each sample.
    pub causal: Vec<Option<CausalStep>>,
    /// Samples whose loss has fallen by half until their `t°`.
    pub fallen: usize,
    /// Look at the domain at each checkpoint; empty without losses.
    pub looks: Vec<LookPlan>,
    /// Step of each sample by the rule of the settings.
    pub steps: Vec<Option<usize>>,
    /// Whether each sample is memorized by the rule of the settings.
    pub memorized: Vec<bool>,
}

impl MemorizationPlan {
    /// Computes the steps from losses `[C][S]`.
    pub fn new(losses: &[Vec<f32>], samples: usize, user_eps: Option<f64>, settings: &Settings) -> Self {
        let delta = settings.delta;
        let eps = user_eps.or_else(|| pathway::search_eps(losses, delta).eps);
        let t_star = pathway::t_stars(losses, eps, delta);
        let mut fold = CausalMemorization::new(samples, user_eps, delta);
        for losses in losses {
            fold.push(losses);
        }
        let mut declared_at = vec![0; losses.len()];
        for step in fold.steps().iter().flatten() {
            declared_at[step.declared] += 1;
        }
        if losses.iter().flatten().all(|loss| !loss.is_finite()) {
            declared_at.clear();
        }
        let looks = pathway::plan_looks(&declared_at, samples);
        let last = losses.len().saturating_sub(1);
        let steps: Vec<Option<usize>> = match settings.onset_rule {
            OnsetRule::Causal => fold.steps().iter().map(|step| Some((*step)?.first)).collect(),
            OnsetRule::Paper => t_star.clone(),
        };
        Self {
            eps,
            eps_set_by_user: user_eps.is_some(),
            t_star,
            causal_eps: fold.eps(),
            fallen: pathway::fallen(losses, fold.steps()),
            causal: fold.steps().to_vec(),
            looks,
            // A causal step is at least two checkpoints before the last.
            memorized: steps.iter().map(|step| step.is_some_and(|at| at < last)).collect(),
            steps,
        }
    }
}
