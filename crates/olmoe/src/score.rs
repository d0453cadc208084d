//! Whether items are answered right.

use crate::{head::Predictions, inputs::Item, plan::ItemQueries};

/// How an item was answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Score {
    /// Whether greedy decoding gives exactly the answer; `None` where the item has none.
    pub greedy: Option<bool>,
    /// Whether the right choice has the highest log-likelihood (`acc` of lm-evaluation-harness); `None` without choices.
    pub choice: Option<bool>,
}

impl Score {
    /// Whether the item counts as right: by its answer where it has one, else by its choices.
    pub fn correct(self) -> Option<bool> {
        self.greedy.or(self.choice)
    }
}

/// Scores an item by what was predicted.
pub fn score(queries: &ItemQueries, item: &Item, predictions: &Predictions) -> Score {
    let gold = item.choices.as_ref().map(|(_, gold)| *gold);
    let greedy = queries
        .greedy
        .as_ref()
        .map(|answer| answer.iter().all(|&(row, token)| predictions.greedy[row] == token));
    let likelihood =
        |queries: &Vec<usize>| queries.iter().map(|&query| predictions.log_likelihood[query]).sum::<f64>();
    let choice = gold.map(|gold| {
        let all: Vec<f64> = queries.choices.iter().map(likelihood).collect();
        // Of equal ones the first counts, as in numpy's argmax.
        let best = (0..all.len()).fold(0, |best, at| if all[at] > all[best] { at } else { best });
        best == gold
    });
    Score { greedy, choice }
}

