//! The figures of the onset rule in the settings, from those of both rules.

use crate::{
    model::{Domain, Generalization, Group, Memorization, Report},
    settings::OnsetRule,
};

impl Memorization {
    /// First checkpoint by which at least half of the memorized samples have reached their step by
    /// a rule; `None` without memorized samples. Unconfirmed samples do not count.
    #[must_use]
    pub fn half(&self, rule: OnsetRule) -> Option<usize> {
        match rule {
            OnsetRule::Causal => self.causal.half,
            OnsetRule::Paper => pathway::half_by(self.t_star.split_last()?.1),
        }
    }
}

impl Generalization {
    /// First checkpoint by which at least half of the generalized items have reached their step by
    /// a rule; `None` without such items.
    #[must_use]
    pub fn half(&self, rule: OnsetRule) -> Option<usize> {
        match rule {
            OnsetRule::Causal => self.causal.half,
            // At a single checkpoint, a right answer says nothing of when it became right.
            OnsetRule::Paper if self.t_sharp.len() < 2 => None,
            OnsetRule::Paper => pathway::half_by(&self.t_sharp),
        }
    }
}

impl Report {
    /// Whether a domain's samples have a loss at any checkpoint; assumed where the report does not
    /// tell.
    #[must_use]
    pub fn has_losses(&self, domain: &Domain) -> bool {
        let loss = self.course(&domain.name, "loss", Group::All);
        loss.is_none_or(|loss| loss.values.iter().flatten().any(|value| value.is_finite()))
    }

    /// Loss threshold of the onset rule in the settings, nats.
    #[must_use]
    pub fn eps(&self, domain: &Domain) -> Option<f64> {
        match self.settings.onset_rule {
            OnsetRule::Causal => domain.memorization.causal_eps,
            OnsetRule::Paper => domain.memorization.eps,
        }
    }

    /// Samples of a domain by memorization step, `[C]`: those with `t°`, or those with `t*`
    /// including the unconfirmed ones of the last checkpoint.
    #[must_use]
    pub fn sample_steps<'a>(&self, domain: &'a Domain) -> &'a [usize] {
        match self.settings.onset_rule {
            OnsetRule::Causal => &domain.memorization.causal.first,
            OnsetRule::Paper => &domain.memorization.t_star,
        }
    }

    /// [`Report::sample_steps`] without unconfirmed samples: the group of memorized samples.
    #[must_use]
    pub fn memorized_steps<'a>(&self, domain: &'a Domain) -> &'a [usize] {
        let steps = self.sample_steps(domain);
        match self.settings.onset_rule {
            OnsetRule::Causal => steps,
            OnsetRule::Paper => steps.get(..steps.len().saturating_sub(1)).unwrap_or_default(),
        }
    }

    /// Items of a domain by generalization step, `[C]`; empty without results per item.
    #[must_use]
    pub fn item_steps<'a>(&self, domain: &'a Domain) -> &'a [usize] {
        let found = domain.generalization.as_ref();
        match self.settings.onset_rule {
            OnsetRule::Causal => found.map_or(&[], |found| &found.causal.first),
            OnsetRule::Paper => found.map_or(&[], |found| &found.t_sharp),
        }
    }

    /// Number of memorized samples of a domain, those of [`Group::Memorized`](crate::Group).
    #[must_use]
    pub fn memorized(&self, domain: &Domain) -> usize {
        match self.settings.onset_rule {
            OnsetRule::Causal => {
                domain.memorization.causal.first.iter().fold(0, |sum, count| count.saturating_add(sum))
            }
            OnsetRule::Paper => domain.memorization.memorized,
        }
    }
}

impl OnsetRule {
    /// Symbol of the memorization step.
    #[must_use]
    pub fn of_samples(self) -> &'static str {
        match self {
            Self::Causal => "t°",
            Self::Paper => "t*",
        }
    }

    /// Symbol of the generalization step.
    #[must_use]
    pub fn of_items(self) -> &'static str {
        match self {
            Self::Causal => "t°#",
            Self::Paper => "t#",
        }
    }
}
