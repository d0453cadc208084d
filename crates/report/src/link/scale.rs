//! Figures as integer multiples of a step. All courses of one metric share a step.

use super::{coder::Coder, numbers::Numbers};
use crate::{Error, metrics};

/// Largest figure that can be scaled; figures of traces are smaller.
pub(super) const MOST: f64 = 1e60;

/// Mapping of the figures of a metric to integers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Scale {
    /// All figures equal this one.
    Same(f64),
    /// Multiples of `mantissa * 10^exponent`, of the figure or of its square root.
    Steps { mantissa: u8, exponent: i8, root: bool },
    /// Shares of the `n` of the course.
    Shares,
}

fn times_ten_to(value: f64, power: i32) -> f64 {
    let ten_to = (0..power.unsigned_abs()).fold(1.0, |result, _| result * 10.0);
    if power < 0 { value / ten_to } else { value * ten_to }
}

impl Scale {
    /// Scale of figures in `least..=most` with `bits` bits; the step is at most
    /// `range / (2^bits - 1)`.
    pub(super) fn new(scale: metrics::Scale, bits: u8, least: f64, most: f64) -> Self {
        let root = scale == metrics::Scale::SquareRoot && least >= 0.0;
        let (low, high) = if root { (least.sqrt(), most.sqrt()) } else { (least, most) };
        // A smaller step would be below the rounding error of the figures.
        let finest = (low.abs().max(high.abs()) / 70_368_744_177_664.0).max(1e-70);
        let wished = (high - low) / f64::from((1_u32 << bits) - 1);
        if high <= low || wished < finest {
            return Self::Same(least);
        }
        let (mut exponent, mut mantissa) = (0_i32, wished);
        while !(10.0..100.0).contains(&mantissa) {
            exponent += if mantissa < 10.0 { -1 } else { 1 };
            mantissa = times_ten_to(wished, -exponent);
        }
        // Rounded down, so that the error bound holds.
        Self::Steps { mantissa: mantissa as u8, exponent: exponent as i8, root }
    }

    /// Codes the scale; its exponent is likely near `exponent_before`.
    pub(super) fn code(
        given: Option<Self>,
        coder: &mut Coder<'_>,
        numbers: &mut Numbers,
        exponent_before: &mut i64,
    ) -> Result<Self, Error> {
        let invalid = |place| Err(Error::LinkInvalid { place });
        let (tag, mantissa, exponent, same) = match given {
            None | Some(Self::Shares) => (0, 0, 0, 0.0),
            Some(Self::Same(figure)) => (1, 0, 0, figure),
            Some(Self::Steps { mantissa, exponent, root }) => (2 + u64::from(root), mantissa, exponent, 0.0),
        };
        match coder.plain(2, tag)? {
            0 => Ok(Self::Shares),
            1 if coder.plain(1, u64::from(same.to_bits() != 0))? == 0 => Ok(Self::Same(0.0)),
            1 => match f64::from_bits(coder.plain(64, same.to_bits())?) {
                figure if figure.abs() <= MOST => Ok(Self::Same(figure)),
                _ => invalid("a figure is out of range"),
            },
            tag => {
                let mantissa = coder.plain(7, u64::from(mantissa))? as u8;
                let change = i64::from(exponent).wrapping_sub(*exponent_before);
                let change = numbers.signed(coder, 1.5, 0, change)?;
                *exponent_before = exponent_before.wrapping_add(change);
                if !(10..100).contains(&mantissa) || !(-80..=64).contains(exponent_before) {
                    return invalid("a step is out of range");
                }
                Ok(Self::Steps { mantissa, exponent: *exponent_before as i8, root: tag == 3 })
            }
        }
    }

    /// The figure in steps, rounded.
    pub(super) fn steps(self, figure: f64, n: u64) -> i64 {
        if self == Self::Shares {
            (figure * n as f64).round() as i64
        } else {
            self.unrounded(figure).round() as i64
        }
    }

    /// The figure in steps, not rounded; 0 for shares.
    pub(super) fn unrounded(self, figure: f64) -> f64 {
        match self {
            Self::Same(_) | Self::Shares => 0.0,
            Self::Steps { mantissa, exponent, root } => {
                let figure = if root { figure.max(0.0).sqrt() } else { figure };
                times_ten_to(figure, -i32::from(exponent)) / f64::from(mantissa)
            }
        }
    }

    /// The figure of `steps` steps: a short decimal number if the scale is linear.
    pub(super) fn figure(self, steps: i64, n: u64) -> Result<f64, Error> {
        let figure = match self {
            Self::Same(figure) => figure,
            Self::Shares => steps as f64 / n.max(1) as f64,
            Self::Steps { mantissa, exponent, root } => {
                let linear = times_ten_to(steps as f64 * f64::from(mantissa), i32::from(exponent));
                if root { linear * linear } else { linear }
            }
        };
        // Must be finite.
        if figure.abs() <= 2.0 * MOST {
            Ok(figure)
        } else {
            Err(Error::LinkInvalid { place: "a figure is out of range" })
        }
    }
}
