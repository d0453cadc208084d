//! Quantiles of Student's t distribution for 95 % intervals.

/// Two-sided 95 % quantile of Student's t (docs/metrics.md#pathway-distance): `|t|` is below it
/// with probability 0.95. `None` for 0 degrees of freedom.
///
/// Up to 200 degrees the finite series of the distribution is inverted by bisection; above, the
/// expansion in `1 / df` around the normal quantile is accurate to 1e-12
/// (Abramowitz and Stegun, 26.7.3, 26.7.4 and 26.7.5).
#[must_use]
pub fn t_quantile_95(df: u64) -> Option<f64> {
    match df {
        0 => None,
        1..=200 => {
            let (mut low, mut high) = (0.0, 16.0);
            // Bisection of 16 reaches neighbouring floats in fewer steps than this.
            for _ in 0..64 {
                let middle = 0.5 * (low + high);
                if central_probability(middle, df) < 0.95 {
                    low = middle;
                } else {
                    high = middle;
                }
            }
            Some(0.5 * (low + high))
        }
        _ => Some(expansion(df as f64)),
    }
}

/// Probability that `|T| < t` with `df` degrees of freedom.
fn central_probability(t: f64, df: u64) -> f64 {
    let ratio = t / (df as f64).sqrt();
    let cos_squared = 1.0 / (1.0 + ratio * ratio);
    let cos = cos_squared.sqrt();
    let sin = ratio * cos;
    let odd = df % 2 == 1;
    // Each term is the previous one times cos^2 and the next even over odd (or odd over even)
    // number.
    let (mut term, mut sum, mut number) = if odd { (cos, 0.0, 1) } else { (1.0, 0.0, 0) };
    while number + 2 <= df {
        sum += term;
        number += 2;
        term *= cos_squared * (number - 1) as f64 / number as f64;
    }
    if odd { core::f64::consts::FRAC_2_PI * (libm::atan(ratio) + sin * sum) } else { sin * sum }
}

/// Expansion of the quantile in inverse powers of the degrees of freedom.
fn expansion(df: f64) -> f64 {
    /// The normal distribution's two-sided 95 % quantile.
    const X: f64 = 1.959_963_984_540_054;
    const X2: f64 = X * X;
    let first = X * (X2 + 1.0) / 4.0;
    let second = X * ((5.0 * X2 + 16.0) * X2 + 3.0) / 96.0;
    let third = X * (((3.0 * X2 + 19.0) * X2 + 17.0) * X2 - 15.0) / 384.0;
    let fourth = X * ((((79.0 * X2 + 776.0) * X2 + 1482.0) * X2 - 1920.0) * X2 - 945.0) / 92_160.0;
    X + (first + (second + (third + fourth / df) / df) / df) / df
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_those_of_the_tables() {
        let table = [
            (1, 12.706_204_736_174_7),
            (2, 4.302_652_729_911_275),
            (3, 3.182_446_305_284_263),
            (4, 2.776_445_105_197_793),
            (5, 2.570_581_835_636_314),
            (9, 2.262_157_162_740_992),
            (10, 2.228_138_851_964_939),
            (23, 2.068_657_610_419_041),
            (30, 2.042_272_456_301_238),
            (100, 1.983_971_518_449_633),
            (1000, 1.962_339_080_826_409),
        ];
        for (df, expected) in table {
            let t = t_quantile_95(df).unwrap();
            assert!((t - expected).abs() < 1e-9, "df {df}: {t}");
        }
        assert_eq!(t_quantile_95(0), None);
    }

    #[test]
    fn both_ways_meet() {
        assert!((t_quantile_95(200).unwrap() - expansion(200.0)).abs() < 1e-11);
        assert!(t_quantile_95(201).unwrap() < t_quantile_95(200).unwrap());
        assert!((t_quantile_95(u64::MAX).unwrap() - 1.959_963_984_540_054).abs() < 1e-15);
    }
}
