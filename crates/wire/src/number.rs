//! Exact conversion between numbers and text. In Rust this takes 14 KB of tables, which every
//! browser already has.

#[cfg(target_arch = "wasm32")]
mod browser {
    use wasm_bindgen::prelude::wasm_bindgen;

    #[wasm_bindgen]
    extern "C" {
        /// The number nearest to a decimal text; NaN if the text is not a number.
        #[wasm_bindgen(js_name = Number)]
        pub fn parse(text: &str) -> f64;

        /// The shortest digits that give the same number.
        #[wasm_bindgen(js_name = String)]
        pub fn text(number: f64) -> String;
    }
}

/// Parses a finite decimal number with optional point, sign and exponent.
#[must_use]
pub fn parse(text: &str) -> Option<f64> {
    // The parsers accept more: words, empty text and other bases.
    let plain = text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-'));
    if text.is_empty() || !plain {
        return None;
    }
    #[cfg(target_arch = "wasm32")]
    let number = browser::parse(text);
    #[cfg(not(target_arch = "wasm32"))]
    let number = text.parse().unwrap_or(f64::NAN);
    number.is_finite().then_some(number)
}

/// Formats a finite number as JSON with the shortest digits that give the same number. Browsers
/// omit the sign of zero.
#[must_use]
pub fn text(number: f64) -> String {
    #[cfg(target_arch = "wasm32")]
    let text = browser::text(number);
    #[cfg(not(target_arch = "wasm32"))]
    let text = number.to_string();
    text
}

#[cfg(test)]
mod tests {
    use super::{parse, text};

    #[test]
    fn numbers_are_told_from_words() {
        for (text, number) in
            [("1", 1.0), ("-0.5", -0.5), ("1e3", 1000.0), ("5e-324", 5e-324), ("1.", 1.0), (".5", 0.5)]
        {
            assert_eq!(parse(text), Some(number), "{text}");
        }
        for text in ["", " ", "1 ", "inf", "NaN", "0x10", "1e", "1e999", "-", ".", "1-2", "--1"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn digits_are_enough_and_no_more() {
        for (number, digits) in [(0.1, "0.1"), (0.1 + 0.2, "0.30000000000000004"), (2.0, "2"), (-1.5, "-1.5")]
        {
            assert_eq!(text(number), digits);
            assert_eq!(parse(digits).map(f64::to_bits), Some(number.to_bits()));
        }
    }
}
