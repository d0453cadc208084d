//! Scores of benchmark items.

use crate::{head::Predictions, inputs::Item, plan::ItemQueries};

/// Score of an item.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Score {
    /// Whether greedy decoding gives exactly the answer; `None` without an answer.
    pub greedy: Option<bool>,
    /// Whether the gold choice has the highest log-likelihood (`acc` of lm-evaluation-harness);
    /// `None` without choices.
    pub choice: Option<bool>,
    /// Whether the gold choice has the highest log-likelihood per character of its text (`acc_norm`
    /// of lm-evaluation-harness); `None` if the text of a choice is unknown.
    pub choice_norm: Option<bool>,
}

impl Score {
    /// Whether the item counts as correct: by its answer if it has one, else by its choices.
    pub fn correct(self) -> Option<bool> {
        self.greedy.or(self.choice)
    }
}

/// Scores an item by the predictions of its queries.
pub fn score(queries: &ItemQueries, item: &Item, predictions: &Predictions) -> Score {
    let gold = item.choices.as_ref().map(|(_, gold)| *gold);
    let greedy = queries
        .greedy
        .as_ref()
        .map(|answer| answer.iter().all(|&(row, token)| predictions.greedy[row] == token));
    let likelihood =
        |queries: &Vec<usize>| queries.iter().map(|&query| predictions.log_likelihood[query]).sum::<f64>();
    let all: Vec<f64> = queries.choices.iter().map(likelihood).collect();
    let norm = item.choice_lengths.as_ref().map(|lengths| {
        all.iter().zip(lengths).map(|(sum, &length)| sum / length as f64).collect::<Vec<f64>>()
    });
    Score {
        greedy,
        choice: gold.map(|gold| argmax(&all) == gold),
        choice_norm: gold.zip(norm).map(|(gold, norm)| argmax(&norm) == gold),
    }
}

/// Index of the highest value; the first of equal ones, as in numpy's argmax.
fn argmax(values: &[f64]) -> usize {
    (0..values.len()).fold(0, |best, at| if values[at] > values[best] { at } else { best })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn acc_norm_divides_by_characters() {
        // The first choice has one token and three characters, the second two tokens and nine.
        let queries = ItemQueries { greedy: None, choices: vec![vec![0], vec![1, 2]] };
        let predictions = Predictions { greedy: Vec::new(), log_likelihood: vec![-3.0, -2.0, -2.5] };
        let item = |gold, choice_lengths| Item {
            id: "i".to_owned(),
            domain: "d".to_owned(),
            prompt: vec![1],
            answer: None,
            choices: Some((vec![vec![1], vec![2, 3]], gold)),
            choice_lengths,
        };
        let scored = |gold, lengths| {
            let Score { greedy, choice, choice_norm } = score(&queries, &item(gold, lengths), &predictions);
            assert_eq!(greedy, None);
            (choice, choice_norm)
        };
        assert_eq!(scored(0, Some(vec![3, 9])), (Some(true), Some(false)));
        assert_eq!(scored(1, Some(vec![3, 9])), (Some(false), Some(true)));
        assert_eq!(scored(0, None), (Some(true), None));
        // Equal likelihoods per character: the first choice wins.
        assert_eq!(scored(0, Some(vec![2, 3])), (Some(true), Some(true)));
    }
}
