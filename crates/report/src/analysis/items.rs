//! Results of a domain's benchmark items, and their generalization steps.

use pathway::CausalStep;

use super::job::Job;
use crate::settings::OnsetRule;

impl Job<'_> {
    /// Whether each item of a domain is correct at each checkpoint, `[item][C]`.
    pub fn correct(&self, domain: usize) -> Vec<Vec<Option<bool>>> {
        let Some(results) = &self.run.results else { return Vec::new() };
        let checkpoints = self.run.checkpoints.iter();
        let columns: Vec<Option<usize>> =
            checkpoints.map(|at| results.steps.iter().position(|&step| step == at.step)).collect();
        let items = self.run.domains[domain].items.iter();
        items
            .map(|&item| {
                let correct = &results.items[item].correct;
                columns
                    .iter()
                    .map(|column| column.and_then(|at| correct.get(at).copied().flatten()))
                    .collect()
            })
            .collect()
    }

    /// Whether an item can be paired: by embeddings, or by gates that can be used.
    fn can_be_paired(&self, item: usize) -> bool {
        let gates = self.run.item_gates.as_ref().filter(|_| self.run.embeddings.is_none());
        gates.is_none_or(|gates| gates.get(item).is_some_and(Option::is_some))
    }

    /// Items of a domain that can be paired, by generalization step of the settings' rule,
    /// ascending: index of the checkpoint, and indices of items of the run.
    pub fn item_groups(&self, domain: usize) -> Vec<(usize, Vec<usize>)> {
        let correct = self.correct(domain);
        let checkpoints = self.run.checkpoints.len();
        let steps: Vec<Option<usize>> = match self.settings.onset_rule {
            OnsetRule::Causal => {
                let steps = causal_items(&correct, checkpoints);
                steps.into_iter().map(|step| Some(step?.first)).collect()
            }
            OnsetRule::Paper => correct.iter().map(|item| pathway::t_sharp(item)).collect(),
        };
        let items = &self.run.domains[domain].items;
        (0..checkpoints)
            .map(|at| {
                let of_step = items
                    .iter()
                    .zip(&steps)
                    .filter(|&(&item, &step)| step == Some(at) && self.can_be_paired(item));
                (at, of_step.map(|(&item, _)| item).collect::<Vec<usize>>())
            })
            .filter(|(_, items)| !items.is_empty())
            .collect()
    }
}

/// `t°#` of items with results `[item][C]`.
pub fn causal_items(correct: &[Vec<Option<bool>>], checkpoints: usize) -> Vec<Option<CausalStep>> {
    let mut fold = pathway::CausalGeneralization::new(correct.len());
    for at in 0..checkpoints {
        fold.push(correct.iter().map(|item| item.get(at).copied().flatten()));
    }
    fold.steps().collect()
}
