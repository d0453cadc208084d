//! Mean gates from router logits (docs/metrics.md#mean-gates).

use crate::error::{Error, check_len, check_router};

/// Computes the routing weights of one row of router logits `[E]` by softmax
/// (docs/metrics.md#mean-gates).
///
/// Exponentials and their sum are f64 (`libm`); each weight is rounded to f32 once, which is within
/// one unit in the last place of the f32 softmax in models. The largest logit is subtracted first,
/// so finite logits never overflow. A row with NaN or `+inf`, or with only `-inf`, becomes NaN.
///
/// # Panics
///
/// The lengths differ.
pub fn softmax_row(logits: &[f32], out: &mut [f32]) {
    assert_eq!(logits.len(), out.len(), "weights and logits have the same length");
    let largest = f64::from(logits.iter().copied().fold(f32::NEG_INFINITY, f32::max));
    let exponential = |logit: f32| libm::exp(f64::from(logit) - largest);
    let mut sum = 0.0;
    // The exponentials are rounded to f32 only after the division, so they are computed in blocks
    // that stay f64.
    if let Some(block) = out.len().checked_sub(1).filter(|last| *last < STACK) {
        let mut wide = [0.0; STACK];
        for (value, &logit) in wide.iter_mut().zip(logits) {
            *value = exponential(logit);
            sum += *value;
        }
        for (weight, value) in out.iter_mut().zip(&wide[..=block]) {
            *weight = (value / sum) as f32;
        }
    } else {
        for &logit in logits {
            sum += exponential(logit);
        }
        for (weight, &logit) in out.iter_mut().zip(logits) {
            *weight = (exponential(logit) / sum) as f32;
        }
    }
}

/// Rows up to this long keep their exponentials on the stack; longer ones compute them twice.
const STACK: usize = 256;

/// Running mean of the gates `[L, E]` of one sample's tokens (docs/metrics.md#mean-gates): summed
/// in f64, returned in f32.
#[derive(Clone, Debug, PartialEq)]
pub struct MeanGates {
    experts: usize,
    sums: Vec<f64>,
    row: Vec<f32>,
    tokens: u64,
}

impl MeanGates {
    /// Creates an empty mean.
    ///
    /// # Errors
    ///
    /// Layers or experts are 0, or there are more than 65,535 experts.
    pub fn new(layers: usize, experts: usize) -> Result<Self, Error> {
        let values = check_router(layers, experts)?;
        Ok(Self { experts, sums: vec![0.0; values], row: vec![0.0; experts], tokens: 0 })
    }

    /// Adds one token's gates `[L, E]`.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`] unless the slice is `[L, E]`.
    pub fn push_gates(&mut self, gates: &[f32]) -> Result<(), Error> {
        check_len("gates of one token [L, E]", self.sums.len(), gates.len())?;
        for (sum, &gate) in self.sums.iter_mut().zip(gates) {
            *sum += f64::from(gate);
        }
        self.tokens += 1;
        Ok(())
    }

    /// Adds one token's router logits `[L, E]`, through [`softmax_row`].
    ///
    /// # Errors
    ///
    /// [`Error::Shape`] unless the slice is `[L, E]`.
    pub fn push_logits(&mut self, logits: &[f32]) -> Result<(), Error> {
        check_len("router logits of one token [L, E]", self.sums.len(), logits.len())?;
        for (sums, logits) in self.sums.chunks_exact_mut(self.experts).zip(logits.chunks_exact(self.experts))
        {
            softmax_row(logits, &mut self.row);
            for (sum, &gate) in sums.iter_mut().zip(&self.row) {
                *sum += f64::from(gate);
            }
        }
        self.tokens += 1;
        Ok(())
    }

    /// Number of tokens added since the last [`Self::finish`].
    #[must_use]
    pub fn tokens(&self) -> u64 {
        self.tokens
    }

    /// Returns the mean gates `[L, E]` and resets for the next sample; `None` if no token was
    /// added.
    pub fn finish(&mut self) -> Option<Vec<f32>> {
        if self.tokens == 0 {
            return None;
        }
        let tokens = self.tokens as f64;
        let mean = self.sums.iter().map(|sum| (sum / tokens) as f32).collect();
        self.sums.fill(0.0);
        self.tokens = 0;
        Some(mean)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn softmax_sums_to_one_and_keeps_order() {
        let logits: Vec<f32> = (0..64_u8).map(|i| f32::from(i) * 0.37 - 700.0).collect();
        let mut gates = vec![0.0; 64];
        softmax_row(&logits, &mut gates);
        let sum: f64 = gates.iter().map(|&gate| f64::from(gate)).sum();
        assert!((sum - 1.0).abs() < 1e-6);
        assert!(gates.is_sorted());
    }

    #[test]
    fn softmax_of_long_rows_equals_that_of_short_ones() {
        // 300 logits, of which all after the first 200 weigh nothing.
        let mut logits: Vec<f32> = (0..300_u16).map(|i| f32::from(i % 17) * 0.5).collect();
        logits[200..].fill(f32::NEG_INFINITY);
        let (mut long, mut short) = (vec![0.0; 300], vec![0.0; 200]);
        softmax_row(&logits, &mut long);
        softmax_row(&logits[..200], &mut short);
        assert_eq!(long[..200], short);
        assert!(long[200..].iter().all(|&gate| gate == 0.0));
    }

    #[test]
    fn softmax_of_equal_logits_is_even() {
        let mut gates = [0.0; 8];
        softmax_row(&[3.5; 8], &mut gates);
        assert!(gates.iter().all(|gate| (gate - 0.125).abs() < f32::EPSILON));
    }

    #[test]
    fn softmax_without_a_finite_logit_is_nan() {
        let mut gates = [0.0; 2];
        softmax_row(&[f32::NEG_INFINITY; 2], &mut gates);
        assert!(gates.iter().all(|gate| gate.is_nan()));
        softmax_row(&[f32::NAN, 1.0], &mut gates);
        assert!(gates.iter().all(|gate| gate.is_nan()));
    }

    #[test]
    fn mean_gates_start_afresh() {
        let mut mean = MeanGates::new(1, 2).unwrap();
        assert_eq!(mean.finish(), None);
        mean.push_gates(&[1.0, 0.0]).unwrap();
        mean.push_gates(&[0.5, 0.5]).unwrap();
        mean.push_logits(&[0.0, f32::NEG_INFINITY]).unwrap();
        mean.push_logits(&[0.0, 0.0]).unwrap();
        assert_eq!(mean.tokens(), 4);
        assert_eq!(mean.finish(), Some(vec![0.75, 0.25]));
        mean.push_gates(&[0.25, 0.75]).unwrap();
        assert_eq!(mean.finish(), Some(vec![0.25, 0.75]));
        assert!(mean.push_gates(&[1.0]).is_err());
    }
}
