//! The clock: a course that follows training time alone (docs/metrics.md#does-it-follow-accuracy).

use crate::correlation::coefficient;

/// Clock of checkpoints from their training steps, `[C]`: `log(step + s0)`, where `s0` is the
/// smallest positive gap between two steps (docs/metrics.md#does-it-follow-accuracy).
///
/// `None` without two different steps. Steps ascend.
#[must_use]
pub fn clock(steps: &[u64]) -> Option<Vec<f64>> {
    let gaps = steps.windows(2).filter_map(|pair| pair[1].checked_sub(pair[0]));
    let s0 = gaps.filter(|&gap| gap > 0).min()? as f64;
    Some(steps.iter().map(|&step| libm::log(step as f64 + s0)).collect())
}

/// Pearson's r of two courses over the checkpoints at which both are defined
/// (docs/metrics.md#does-it-follow-accuracy). `None` below three such checkpoints and for a
/// constant course.
#[must_use]
pub fn pearson(x: &[Option<f64>], y: &[Option<f64>]) -> Option<f64> {
    let (x, y) = both(x, y);
    if x.len() < 3 { None } else { coefficient(&x, &y) }
}

/// Values of two courses at the checkpoints at which both are defined and finite, in order.
pub(crate) fn both(x: &[Option<f64>], y: &[Option<f64>]) -> (Vec<f64>, Vec<f64>) {
    let finite = |value: &Option<f64>| value.filter(|value| value.is_finite());
    x.iter().zip(y).filter_map(|(x, y)| finite(x).zip(finite(y))).unzip()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smallest_positive_gap_is_added() {
        let found = clock(&[0, 500, 1_000, 3_000]).unwrap();
        assert_eq!(found.len(), 4);
        assert!((found[0] - libm::log(500.0)).abs() < 1e-14 && (found[3] - libm::log(3_500.0)).abs() < 1e-14);
        assert!((clock(&[7, 7, 10]).unwrap()[0] - libm::log(10.0)).abs() < 1e-14);
        assert_eq!((clock(&[]), clock(&[5]), clock(&[5, 5])), (None, None, None));
    }

    #[test]
    fn gaps_are_left_out_of_a_coefficient() {
        let x = [Some(1.0), None, Some(2.0), Some(f64::NAN), Some(4.0)];
        let y = [Some(2.0), Some(9.0), Some(4.0), Some(0.0), Some(8.0)];
        assert!((pearson(&x, &y).unwrap() - 1.0).abs() < 1e-15);
        assert_eq!(pearson(&x[..4], &y[..4]), None);
        assert_eq!(pearson(&[Some(1.0); 5], &y), None);
    }
}
