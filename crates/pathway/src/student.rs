//! Quantiles of Student's t distribution.

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
        _ => Some(expansion(NORMAL_95, df as f64)),
    }
}

/// Two-sided 95 % quantile of the normal distribution.
const NORMAL_95: f64 = 1.959_963_984_540_054;

/// Upper quantile of Student's t (docs/metrics.md#state-of-a-domain): the value that is exceeded
/// with probability `tail`. `None` for 0 degrees of freedom or a tail outside of 0 to 0.5.
///
/// Up to 500 degrees of freedom, the finite series of the distribution is inverted by bisection;
/// above, the expansion around the normal quantile is used. Down to tails of 1e-6 the relative
/// error is below 1e-9.
#[must_use]
pub fn t_quantile(df: u64, tail: f64) -> Option<f64> {
    if df == 0 || !(tail > 0.0 && tail <= 0.5) {
        return None;
    }
    if df > 500 {
        let normal = invert(|x| 0.5 * libm::erfc(x * core::f64::consts::FRAC_1_SQRT_2) > tail)?;
        return Some(expansion(normal, df as f64));
    }
    invert(|t| 1.0 - central_probability(t, df) > 2.0 * tail)
}

/// The largest number at which `below` holds, which it does from 0 up to some number; `None` if
/// that is not finite.
fn invert(below: impl Fn(f64) -> bool) -> Option<f64> {
    let (mut low, mut high) = (0.0, 1.0);
    while below(high) {
        (low, high) = (high, 2.0 * high);
        if !high.is_finite() {
            return None;
        }
    }
    loop {
        let middle = 0.5 * (low + high);
        if middle <= low || middle >= high {
            return Some(low);
        }
        if below(middle) {
            low = middle;
        } else {
            high = middle;
        }
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

/// Expansion of a quantile in inverse powers of the degrees of freedom, from the normal quantile.
fn expansion(x: f64, df: f64) -> f64 {
    let x2 = x * x;
    let first = x * (x2 + 1.0) / 4.0;
    let second = x * ((5.0 * x2 + 16.0) * x2 + 3.0) / 96.0;
    let third = x * (((3.0 * x2 + 19.0) * x2 + 17.0) * x2 - 15.0) / 384.0;
    let fourth = x * ((((79.0 * x2 + 776.0) * x2 + 1482.0) * x2 - 1920.0) * x2 - 945.0) / 92_160.0;
    x + (first + (second + (third + fourth / df) / df) / df) / df
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
    fn upper_quantiles_are_those_of_scipy() {
        let table = [
            (1, 0.03, 10.578_894_993_405_637),
            (2, 5e-7, 999.999_249_999_843_8),
            (2, 0.0304, 3.868_209_532_679_079),
            (9, 1e-3, 4.296_805_662_729_919),
            (37, 0.05, 1.687_093_619_596_263_6),
            (155, 2.8e-5, 4.143_864_362_475_896),
            (199, 0.0304, 1.885_642_972_092_242_3),
            (500, 1e-4, 3.746_778_899_057_755),
            (501, 1e-4, 3.746_723_116_912_739),
            (9999, 1e-5, 4.266_937_870_560_943),
        ];
        for (df, tail, expected) in table {
            let t = t_quantile(df, tail).unwrap();
            assert!((t / expected - 1.0).abs() < 1e-9, "df {df}, tail {tail}: {t}");
        }
        assert_eq!(t_quantile(5, 0.5), Some(0.0));
        for (df, tail) in [(0, 0.1), (5, 0.0), (5, 0.6), (5, f64::NAN)] {
            assert_eq!(t_quantile(df, tail), None);
        }
    }

    #[test]
    fn both_ways_meet() {
        assert!((t_quantile_95(200).unwrap() - expansion(NORMAL_95, 200.0)).abs() < 1e-11);
        assert!(t_quantile_95(201).unwrap() < t_quantile_95(200).unwrap());
        assert!((t_quantile_95(u64::MAX).unwrap() - 1.959_963_984_540_054).abs() < 1e-15);
    }
}
