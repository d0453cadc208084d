//! Figures as whole numbers of steps: one step for every kind of figure, shared by all domains.

use super::{numbers::Numbers, range::Bits};
use crate::Error;

/// What a figure is, as far as its rounding goes. Figures of one kind share one step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Loss,
    Accuracy,
    Distance,
    OtherDistance,
    LayerDistance,
    DistanceError,
    Normalised,
    NormalisedError,
    Structure,
    Consistency,
    Quartile,
    ConsistencyMean,
    ConsistencyFlipped,
    Smoothness,
    Share,
    Dimension,
    Entropy,
    Evenness,
    Saturation,
    Probability,
    Cosine,
    Total,
    Coefficient,
    Significance,
}

impl Kind {
    pub(super) const ALL: [Self; 24] = [
        Self::Loss,
        Self::Accuracy,
        Self::Distance,
        Self::OtherDistance,
        Self::LayerDistance,
        Self::DistanceError,
        Self::Normalised,
        Self::NormalisedError,
        Self::Structure,
        Self::Consistency,
        Self::Quartile,
        Self::ConsistencyMean,
        Self::ConsistencyFlipped,
        Self::Smoothness,
        Self::Share,
        Self::Dimension,
        Self::Entropy,
        Self::Evenness,
        Self::Saturation,
        Self::Probability,
        Self::Cosine,
        Self::Total,
        Self::Coefficient,
        Self::Significance,
    ];

    /// Losses and p values span decades, and the small ones matter: their square roots are rounded.
    fn by_root(self) -> bool {
        matches!(self, Self::Loss | Self::Significance)
    }

    /// Bits for a figure of this kind where the main ones have `bits`: two fewer for what accompanies a main
    /// figure, five fewer for the error of a figure, of which two digits are read at most.
    pub(super) fn bits(self, bits: u8) -> u8 {
        let fewer = match self {
            Self::DistanceError | Self::NormalisedError => 5,
            Self::Significance | Self::Cosine | Self::Share => 4,
            Self::OtherDistance
            | Self::LayerDistance
            | Self::Normalised
            | Self::Quartile
            | Self::ConsistencyMean
            | Self::ConsistencyFlipped
            | Self::Dimension
            | Self::Saturation
            | Self::Probability => 2,
            _ => 0,
        };
        bits.saturating_sub(fewer).max(3)
    }
}

/// Smallest and largest figure of a kind.
#[derive(Clone, Copy, Debug)]
pub(super) struct Extent {
    pub(super) least: f64,
    pub(super) most: f64,
}

impl Extent {
    pub(super) const NONE: Self = Self { least: f64::INFINITY, most: f64::NEG_INFINITY };

    pub(super) fn include(&mut self, figure: f64) {
        self.least = self.least.min(figure);
        self.most = self.most.max(figure);
    }
}

/// Largest figure that can be scaled; a report of traces has none beyond.
pub(super) const MOST: f64 = 1e60;

/// How figures of one kind become whole numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Scale {
    /// Every figure of the kind is this one.
    Same(f64),
    /// Multiples of `mantissa * 10^exponent`, of the figure or of its square root.
    Steps { mantissa: u8, exponent: i8, root: bool },
}

fn ten_to(power: i32) -> f64 {
    let mut result = 1.0;
    for _ in 0..power {
        result *= 10.0;
    }
    result
}

fn times_ten_to(value: f64, power: i32) -> f64 {
    if power < 0 { value / ten_to(-power) } else { value * ten_to(power) }
}

impl Scale {
    /// The scale of a kind whose figures lie in `extent`, or `None` where there are no figures.
    ///
    /// The step is at most `range / (2^bits - 1)`, so a figure is off by at most half of that.
    pub(super) fn new(kind: Kind, bits: u8, extent: Extent) -> Option<Self> {
        let Extent { least, most } = extent;
        if least > most {
            return None;
        }
        let root = kind.by_root() && least >= 0.0;
        let (low, high) = if root { (least.sqrt(), most.sqrt()) } else { (least, most) };
        let largest = low.abs().max(high.abs());
        // Below this the step could not be told from the rounding of the figures themselves.
        let finest = (largest / 70_368_744_177_664.0).max(1e-70);
        let wished = (high - low) / f64::from((1_u32 << kind.bits(bits)) - 1);
        if high <= low || wished < finest {
            return Some(Self::Same(least));
        }
        let mut exponent = 0_i32;
        let mut mantissa = wished;
        while mantissa >= 100.0 {
            exponent += 1;
            mantissa = times_ten_to(wished, -exponent);
        }
        while mantissa < 10.0 {
            exponent -= 1;
            mantissa = times_ten_to(wished, -exponent);
        }
        // Rounded down, so that the promised bound holds.
        Some(Self::Steps { mantissa: (mantissa as u8).clamp(10, 99), exponent: exponent as i8, root })
    }

    /// Writes or reads the scale itself; its exponent is likely to be near `exponent_before`.
    pub(super) fn code<B: Bits>(
        bits: &mut B,
        numbers: &mut Numbers,
        exponent_before: &mut i64,
        scale: Option<Self>,
    ) -> Result<Option<Self>, Error> {
        let tag = match scale {
            None => 0,
            Some(Self::Same(_)) => 1,
            Some(Self::Steps { root: false, .. }) => 2,
            Some(Self::Steps { root: true, .. }) => 3,
        };
        match bits.plain(2, tag)? {
            0 => Ok(None),
            1 => {
                let given = if let Some(Self::Same(figure)) = scale { figure } else { 0.0 };
                let zero = bits.plain(1, u64::from(given.to_bits() != 0))? == 0;
                let figure = if zero { 0.0 } else { f64::from_bits(bits.plain(64, given.to_bits())?) };
                if figure.is_finite() && figure.abs() <= MOST {
                    Ok(Some(Self::Same(figure)))
                } else {
                    Err(Error::LinkDamaged { place: "a figure is not a number" })
                }
            }
            tag => {
                let (mantissa, exponent) = match scale {
                    Some(Self::Steps { mantissa, exponent, .. }) => (mantissa, exponent),
                    _ => (0, 0),
                };
                let mantissa = bits.plain(7, u64::from(mantissa))? as u8;
                let change = i64::from(exponent) - *exponent_before;
                let change = numbers.signed(bits, 1.5, 0, change)?;
                let exponent = exponent_before.wrapping_add(change);
                if !(10..100).contains(&mantissa) || !(-80..=64).contains(&exponent) {
                    return Err(Error::LinkDamaged { place: "a step of its figures is out of range" });
                }
                *exponent_before = exponent;
                let exponent = exponent as i8;
                Ok(Some(Self::Steps { mantissa, exponent, root: tag == 3 }))
            }
        }
    }

    /// The figure in steps.
    pub(super) fn steps(self, figure: f64) -> i64 {
        self.unrounded(figure).round() as i64
    }

    /// The figure in steps and parts of a step.
    pub(super) fn unrounded(self, figure: f64) -> f64 {
        match self {
            Self::Same(_) => 0.0,
            Self::Steps { mantissa, exponent, root } => {
                let figure = if root { figure.max(0.0).sqrt() } else { figure };
                times_ten_to(figure, -i32::from(exponent)) / f64::from(mantissa)
            }
        }
    }

    /// The figure of so many steps: a short decimal number where it is linear.
    pub(super) fn figure(self, steps: i64) -> Result<f64, Error> {
        match self {
            Self::Same(figure) => Ok(figure),
            Self::Steps { mantissa, exponent, root } => {
                let linear = times_ten_to(steps as f64 * f64::from(mantissa), i32::from(exponent));
                let figure = if root { linear * linear } else { linear };
                if figure.abs() <= 2.0 * MOST {
                    Ok(figure)
                } else {
                    Err(Error::LinkDamaged { place: "a figure is out of range" })
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_figure_is_within_half_a_step() {
        for (least, most) in
            [(0.0, 1.0), (480.0, 610.0), (-19.0, 15.0), (1e-9, 3e-9), (1e6, 1e6 + 1e-3), (0.0, 1e50)]
        {
            let scale = Scale::new(Kind::Distance, 12, Extent { least, most }).unwrap();
            let bound = (most - least) / 8_190.0 * (1.0 + 1e-9);
            for part in 0..=1_000 {
                let figure = least + (most - least) * f64::from(part) / 1_000.0;
                let back = scale.figure(scale.steps(figure)).unwrap();
                assert!((back - figure).abs() <= bound, "{figure} became {back}");
            }
        }
    }

    #[test]
    fn small_losses_keep_their_digits() {
        let scale = Scale::new(Kind::Loss, 12, Extent { least: 0.001, most: 11.0 }).unwrap();
        let back = scale.figure(scale.steps(0.001)).unwrap();
        assert!((back - 0.001).abs() < 3e-5, "{back}");
    }

    #[test]
    fn linear_figures_are_short_decimals() {
        let scale = Scale::new(Kind::Distance, 12, Extent { least: 480.0, most: 610.0 }).unwrap();
        assert!(scale.figure(scale.steps(512.345_678)).unwrap().to_string().len() <= 7);
    }
}
