//! How many memorized samples have learned: a loss can be low from the start.

use super::CausalStep;

/// Number of samples whose loss at their causal step is at most half of their first finite loss, and
/// less than it (docs/metrics.md#claims). `losses` are `[C][S]`; `steps` has one entry per sample.
#[must_use]
pub fn fallen(losses: &[Vec<f32>], steps: &[Option<CausalStep>]) -> usize {
    let loss = |sample: usize, at: usize| losses.get(at)?.get(sample).map(|&loss| f64::from(loss));
    let has_fallen = |(sample, step): (usize, &Option<CausalStep>)| {
        let now = loss(sample, step.as_ref()?.first)?;
        let first = (0..losses.len()).filter_map(|at| loss(sample, at)).find(|loss| loss.is_finite())?;
        (2.0 * now <= first && now < first).then_some(())
    };
    steps.iter().enumerate().filter_map(has_fallen).count()
}

#[cfg(test)]
mod tests {
    use super::fallen;
    use crate::CausalStep;

    #[test]
    fn losses_that_were_low_from_the_start_have_not_fallen() {
        let at = |first: usize| Some(CausalStep { first, declared: first + 2, relapse: None });
        let samples = [
            (vec![0.3, 0.3, 0.3], at(0)),
            (vec![0.3, 0.16, 0.16], at(1)),
            (vec![0.3, 0.15, 0.15], at(1)),
            (vec![f32::NAN, 0.3, 0.15], at(2)),
            (vec![0.0, 0.0, 0.0], at(0)),
            (vec![2.0, 0.1, 0.1], None),
            (vec![f32::NAN; 3], at(0)),
        ];
        let losses: Vec<Vec<f32>> =
            (0..3).map(|c| samples.iter().map(|(course, _)| course[c]).collect()).collect();
        let steps: Vec<_> = samples.iter().map(|(_, step)| *step).collect();
        assert_eq!(fallen(&losses, &steps), 2);
        assert_eq!(fallen(&[], &steps), 0);
    }
}
