//! Exact conversion of numbers to text. In Rust this takes tables, which every browser already has.

#[cfg(target_arch = "wasm32")]
mod browser {
    use wasm_bindgen::prelude::wasm_bindgen;

    #[wasm_bindgen]
    extern "C" {
        /// The shortest digits that give the same number.
        #[wasm_bindgen(js_name = String)]
        pub fn text(number: f64) -> String;
    }
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
    use super::text;

    #[test]
    fn digits_are_enough_and_no_more() {
        for (number, digits) in [(0.1, "0.1"), (0.1 + 0.2, "0.30000000000000004"), (2.0, "2"), (-1.5, "-1.5")]
        {
            assert_eq!(text(number), digits);
            assert_eq!(digits.parse::<f64>().map(f64::to_bits), Ok(number.to_bits()));
        }
    }
}
