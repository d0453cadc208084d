//! JSON as Python writes it: `NaN`, `Infinity` and `-Infinity`, which JSON does not have, become
//! `null`.

use std::borrow::Cow;

/// What Python writes for floats that JSON does not have; the sign comes first.
const NOT_FINITE: [&[u8]; 3] = [b"-Infinity", b"Infinity", b"NaN"];

/// The text with absent values for floats that are not finite. Text inside quotes stays as it is.
pub fn without_nan(text: &[u8]) -> Cow<'_, [u8]> {
    let mut out: Vec<u8> = Vec::new();
    let mut copied = 0;
    let mut at = 0;
    let mut quoted = false;
    while let Some(&byte) = text.get(at) {
        match byte {
            b'\\' if quoted => at += 1,
            b'"' => quoted = !quoted,
            b'-' | b'I' | b'N' if !quoted => {
                let rest = text.get(at..).unwrap_or_default();
                if let Some(word) = NOT_FINITE.iter().find(|&&word| rest.starts_with(word)) {
                    out.extend_from_slice(text.get(copied..at).unwrap_or_default());
                    out.extend_from_slice(b"null");
                    copied = at + word.len();
                    at = copied;
                    continue;
                }
            }
            _ => {}
        }
        at += 1;
    }
    if copied == 0 {
        return Cow::Borrowed(text);
    }
    out.extend_from_slice(text.get(copied..).unwrap_or_default());
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_that_are_not_finite_are_absent() {
        let text = br#"{"a": [NaN, -Infinity, Infinity, -1.5], "NaN": "NaN \" Infinity"}"#;
        let expected = br#"{"a": [null, null, null, -1.5], "NaN": "NaN \" Infinity"}"#;
        assert_eq!(without_nan(text).as_ref(), expected);
    }

    #[test]
    fn other_text_is_not_copied() {
        assert!(matches!(without_nan(br#"{"a\\": "NaN", "b": -1}"#), Cow::Borrowed(_)));
        assert!(matches!(without_nan(b"\"\\"), Cow::Borrowed(_)));
        assert!(matches!(without_nan(b""), Cow::Borrowed(_)));
    }
}
