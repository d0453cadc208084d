//! Causal generalization step of benchmark items (docs/metrics.md#causal-generalization-step).

use super::CausalStep;

/// Correct results in a row that declare an item.
const IN_A_ROW: usize = 3;

/// Causal generalization of a domain's items, from their results at one checkpoint after the other.
///
/// `t°#` of an item is the earliest checkpoint from which on it is correct three times in a row; it
/// is declared at the third. A declared item relapses at a later wrong result. Checkpoints without a
/// result of the item do not count.
#[derive(Clone, Debug)]
pub struct CausalGeneralization {
    checkpoints: usize,
    items: Vec<Item>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Item {
    /// First checkpoint and length of the current row of correct results.
    first: usize,
    row: usize,
    step: Option<CausalStep>,
}

impl CausalGeneralization {
    /// Starts before the first checkpoint.
    #[must_use]
    pub fn new(items: usize) -> Self {
        Self { checkpoints: 0, items: vec![Item::default(); items] }
    }

    /// Adds the results of the next checkpoint: per item whether it is correct, or `None` without a
    /// result.
    pub fn push(&mut self, results: impl IntoIterator<Item = Option<bool>>) {
        let now = self.checkpoints;
        self.checkpoints += 1;
        for (item, result) in self.items.iter_mut().zip(results) {
            item.observe(result, now);
        }
    }

    /// Step of each item declared so far.
    pub fn steps(&self) -> impl ExactSizeIterator<Item = Option<CausalStep>> + '_ {
        self.items.iter().map(|item| item.step)
    }
}

impl Item {
    fn observe(&mut self, result: Option<bool>, now: usize) {
        match (result, &mut self.step) {
            (None, _) | (Some(true), Some(_)) => {}
            (Some(false), Some(step)) => step.relapse = step.relapse.or(Some(now)),
            (Some(false), None) => self.row = 0,
            (Some(true), None) => {
                if self.row == 0 {
                    self.first = now;
                }
                self.row += 1;
                if self.row == IN_A_ROW {
                    self.step = Some(CausalStep { first: self.first, declared: now, relapse: None });
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(results: &str) -> Option<(usize, usize, Option<usize>)> {
        let mut fold = CausalGeneralization::new(1);
        for result in results.chars() {
            fold.push([(result != '?').then_some(result == '1')]);
        }
        fold.steps().next().flatten().map(|step| (step.first, step.declared, step.relapse))
    }

    #[test]
    fn three_in_a_row_declare_the_first() {
        assert_eq!(step("110"), None);
        assert_eq!(step("0110111"), Some((4, 6, None)));
        assert_eq!(step("1?1?1"), Some((0, 4, None)));
        assert_eq!(step("?1?"), None);
    }

    #[test]
    fn the_first_relapse_is_flagged_and_nothing_undone() {
        assert_eq!(step("11101110"), Some((0, 2, Some(3))));
        assert_eq!(step("111??0"), Some((0, 2, Some(5))));
    }
}
