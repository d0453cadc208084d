//! Human-readable numbers: rounded digits, grouped thousands, short steps and tokens.

/// Placeholder for a missing number.
pub const MISSING: &str = "–";

/// A number with a fixed number of decimals and grouped thousands; never `-0`.
#[must_use]
pub fn fixed(value: f64, digits: usize) -> String {
    if !value.is_finite() {
        return MISSING.into();
    }
    let text = format!("{:.*}", digits.min(17), value.abs());
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let zero = text.bytes().all(|byte| byte == b'0' || byte == b'.');
    let sign = if value < 0.0 && !zero { "−" } else { "" };
    let point = if fraction.is_empty() { "" } else { "." };
    format!("{sign}{}{point}{fraction}", group(whole))
}

/// Digits after the point that leave about four significant ones: 3 for 0.123, 1 for 512.3.
#[must_use]
pub fn digits_for(value: f64) -> usize {
    match value.abs() {
        size if !size.is_finite() || size >= 1000.0 => 0,
        size if size >= 100.0 => 1,
        size if size >= 10.0 => 2,
        size if size >= 0.1 || size == 0.0 => 3,
        size if size >= 0.01 => 4,
        size if size >= 0.001 => 5,
        _ => 6,
    }
}

/// A number with about four significant digits; very small and very large ones with an exponent.
#[must_use]
pub fn plain(value: f64) -> String {
    let size = value.abs();
    if size.is_finite() && size > 0.0 && !(1e-4..1e12).contains(&size) {
        return format!("{value:.2e}").replace('-', "−");
    }
    fixed(value, digits_for(value))
}

/// A count with grouped thousands.
#[must_use]
pub fn count(value: u64) -> String {
    group(&value.to_string())
}

/// A whole number, signed, with grouped thousands.
#[must_use]
pub fn signed(value: i64) -> String {
    let sign = if value < 0 { "−" } else { "+" };
    format!("{sign}{}", count(value.unsigned_abs()))
}

/// A share in `[0, 1]` as a whole percentage; with one digit below 10 %.
#[must_use]
pub fn percent(share: f64) -> String {
    let digits = usize::from(share.abs() < 0.0995 && share != 0.0);
    format!("{} %", fixed(share * 100.0, digits))
}

/// A step in short form, exact to three digits: 500, 5k, 1.2M.
#[must_use]
pub fn step(value: u64) -> String {
    short(value)
}

/// Tokens, short: 512, 21M, 4.61T.
#[must_use]
pub fn tokens(value: u64) -> String {
    short(value)
}

/// A p value with three decimals, or `< 0.001`.
#[must_use]
pub fn p_value(p: f64) -> String {
    if !p.is_finite() {
        MISSING.into()
    } else if p < 0.001 {
        "< 0.001".into()
    } else {
        fixed(p, if p < 0.01 { 4 } else { 3 })
    }
}

/// The p value as part of a sentence: `p = 0.012`, `p < 0.001`.
pub(crate) fn p_phrase(p: f64) -> String {
    let text = p_value(p);
    if text.starts_with('<') { format!("p {text}") } else { format!("p = {text}") }
}

fn short(value: u64) -> String {
    const UNITS: [(u64, &str); 4] =
        [(1_000_000_000_000, "T"), (1_000_000_000, "B"), (1_000_000, "M"), (1_000, "k")];
    for (size, letter) in UNITS {
        if value >= size {
            let scaled = value as f64 / size as f64;
            let digits = if scaled < 10.0 { 2 } else { usize::from(scaled < 100.0) };
            let text = fixed(scaled, digits);
            let text =
                if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
            return format!("{text}{letter}");
        }
    }
    value.to_string()
}

fn group(digits: &str) -> String {
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_grouped_and_zero_has_no_sign() {
        assert_eq!(fixed(1_234_567.891, 1), "1,234,567.9");
        assert_eq!(fixed(-0.0001, 2), "0.00");
        assert_eq!(fixed(-12.5, 1), "−12.5");
        assert_eq!(fixed(f64::NAN, 1), MISSING);
        assert_eq!(count(0), "0");
        assert_eq!(count(u64::MAX), "18,446,744,073,709,551,615");
        assert_eq!(signed(-1500), "−1,500");
        assert_eq!(signed(i64::MIN), "−9,223,372,036,854,775,808");
    }

    #[test]
    fn four_digits_are_enough() {
        assert_eq!(plain(0.123_456), "0.123");
        assert_eq!(plain(512.345), "512.3");
        assert_eq!(plain(0.000_012_3), "1.23e−5");
        assert_eq!(plain(0.0), "0.000");
        assert_eq!(plain(1e300), "1.00e300");
    }

    #[test]
    fn steps_and_tokens_are_short() {
        assert_eq!(step(0), "0");
        assert_eq!(step(750), "750");
        assert_eq!(step(5_000), "5k");
        assert_eq!(step(1_500), "1.5k");
        assert_eq!(step(12_000), "12k");
        assert_eq!(step(1_100_000), "1.1M");
        assert_eq!(tokens(4_194_304), "4.19M");
        assert_eq!(tokens(4_613_734_400_000), "4.61T");
    }

    #[test]
    fn shares_and_p_values_keep_their_meaning() {
        assert_eq!(percent(0.2345), "23 %");
        assert_eq!(percent(0.0234), "2.3 %");
        assert_eq!(percent(0.0), "0 %");
        assert_eq!(percent(1.0), "100 %");
        assert_eq!(percent(0.0999), "10 %");
        assert_eq!(p_value(0.000_01), "< 0.001");
        assert_eq!(p_phrase(0.0417), "p = 0.042");
        assert_eq!(p_value(0.0083), "0.0083");
    }
}
