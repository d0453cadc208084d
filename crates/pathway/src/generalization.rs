//! Generalization step of benchmark items (docs/metrics.md#generalization-step; paper, section 3).

/// Computes the generalization step t# of one item from its results over the checkpoints `[C]`
/// (docs/metrics.md#generalization-step).
///
/// It is the earliest checkpoint with a correct answer from which on more than 80 % of the answers
/// are correct (`5 * right > 4 * n`), with at most one error. An error is thus tolerable only with
/// six or more results left. Checkpoints without a result do not count. A step at the last
/// checkpoint with a result rests on one observation.
#[must_use]
pub fn t_sharp(correct: &[Option<bool>]) -> Option<usize> {
    let (mut right, mut wrong) = (0_usize, 0_usize);
    let mut earliest = None;
    for (checkpoint, result) in correct.iter().enumerate().rev() {
        match result {
            None => {}
            Some(false) => wrong += 1,
            Some(true) => {
                right += 1;
                if wrong <= 1 && 5 * right > 4 * (right + wrong) {
                    earliest = Some(checkpoint);
                }
            }
        }
    }
    earliest
}

/// Share of correct answers at one checkpoint, over the items with a result
/// (docs/metrics.md#accuracy); `None` without results.
#[must_use]
pub fn accuracy(correct: &[Option<bool>]) -> Option<f64> {
    let known = correct.iter().flatten().count();
    let right = correct.iter().flatten().filter(|right| **right).count();
    (known > 0).then(|| right as f64 / known as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(results: &str) -> Option<usize> {
        let results: Vec<Option<bool>> = results
            .chars()
            .map(|c| match c {
                '1' => Some(true),
                '0' => Some(false),
                _ => None,
            })
            .collect();
        t_sharp(&results)
    }

    #[test]
    fn one_error_needs_six_checkpoints() {
        assert_eq!(step("111101"), Some(0));
        assert_eq!(step("11101"), Some(4));
        assert_eq!(step("0111011"), Some(1));
        assert_eq!(step("11111110"), Some(0));
        assert_eq!(step("1111110"), Some(0));
        assert_eq!(step("111110"), Some(0));
        assert_eq!(step("11110"), None);
        assert_eq!(step("1111111010"), None);
        assert_eq!(step("11111110101"), Some(10));
    }

    #[test]
    fn missing_results_do_not_count() {
        assert_eq!(step("11?11"), Some(0));
        assert_eq!(step("01?1?"), Some(1));
        assert_eq!(step("11?0?11"), Some(5));
        assert_eq!(step("11?01?111"), Some(0));
        assert_eq!(step("??"), None);
        assert_eq!(step(""), None);
        assert_eq!(step("000"), None);
    }

    #[test]
    fn accuracy_is_over_known_results() {
        assert_eq!(accuracy(&[Some(true), None, Some(false), Some(true), Some(true)]), Some(0.75));
        assert_eq!(accuracy(&[None]), None);
    }
}
