//! Text in files and messages: ids that may be numbers, places of JSON errors, and shortened
//! quotations.

pub mod python_json;
pub mod step_name;

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{Error as _, Visitor},
};

/// The most characters that a message quotes from a file.
const SHOWN: usize = 60;

/// A quotation from a file, shortened for a message.
#[must_use]
pub fn shorten(text: &str) -> String {
    shorten_to(text, SHOWN)
}

/// Text shortened to the given number of characters.
#[must_use]
pub fn shorten_to(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

/// The file's name in lower case, without folders and without a URL's query and fragment.
#[must_use]
pub fn file_name(path: &str) -> String {
    let path = path.split(['?', '#']).next().unwrap_or(path);
    path.rsplit(['/', '\\']).next().unwrap_or(path).to_ascii_lowercase()
}

/// Whether a file's name ends with `.{ending}`; `ending` is lower case.
#[must_use]
pub fn has_ending(path: &str, ending: &str) -> bool {
    file_name(path).rsplit_once('.').is_some_and(|(_, last)| last == ending)
}

/// An id: text, or a number as text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdText(pub String);

impl<'de> Deserialize<'de> for IdText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Id;
        impl Visitor<'_> for Id {
            type Value = IdText;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an id: text or a whole number")
            }

            fn visit_str<E>(self, value: &str) -> Result<IdText, E> {
                Ok(IdText(value.to_owned()))
            }

            fn visit_u64<E>(self, value: u64) -> Result<IdText, E> {
                Ok(IdText(value.to_string()))
            }

            fn visit_i64<E>(self, value: i64) -> Result<IdText, E> {
                Ok(IdText(value.to_string()))
            }
        }
        deserializer.deserialize_any(Id)
    }
}

/// Whether an answer is correct, `None` if unknown: `true`, `1`, `1.0`, `false`, `0`, `0.0`,
/// `null`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict(pub Option<bool>);

impl<'de> Deserialize<'de> for Verdict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Correct;
        impl Visitor<'_> for Correct {
            type Value = Verdict;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("0, 1, true, false or null")
            }

            fn visit_bool<E>(self, value: bool) -> Result<Verdict, E> {
                Ok(Verdict(Some(value)))
            }

            fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<Verdict, E> {
                match value {
                    0 => Ok(Verdict(Some(false))),
                    1 => Ok(Verdict(Some(true))),
                    _ => Err(E::invalid_value(serde::de::Unexpected::Unsigned(value), &self)),
                }
            }

            fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Verdict, E> {
                if value.to_bits() == 1.0_f64.to_bits() {
                    Ok(Verdict(Some(true)))
                } else if value.abs().to_bits() == 0 {
                    Ok(Verdict(Some(false)))
                } else {
                    Err(E::custom(format!("invalid value: {value}, expected 0, 1, true, false or null")))
                }
            }

            fn visit_unit<E>(self) -> Result<Verdict, E> {
                Ok(Verdict(None))
            }
        }
        deserializer.deserialize_any(Correct)
    }
}

/// A step: a whole number, which may be written as `1000.0`.
pub fn step<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    let number = serde_json::Number::deserialize(deserializer)?;
    whole(&number)
        .ok_or_else(|| D::Error::custom(format!("{number} is no training step (a whole number from 0)")))
}

fn whole(number: &serde_json::Number) -> Option<u64> {
    if let Some(value) = number.as_u64() {
        return Some(value);
    }
    let value = number.as_f64()?;
    // Whole numbers up to 2^53 are exact in f64.
    let is_whole = (0.0..=9_007_199_254_740_992.0).contains(&value) && (value - value.trunc()).abs() <= 0.0;
    is_whole.then_some(value as u64)
}

/// A JSON error and the text before it.
#[must_use]
pub fn json_words(text: &[u8], error: &serde_json::Error) -> String {
    let line = text.split(|&b| b == b'\n').nth(error.line().saturating_sub(1)).unwrap_or_default();
    let end = error.column().min(line.len());
    let near =
        String::from_utf8_lossy(line.get(end.saturating_sub(24)..end).unwrap_or_default()).into_owned();
    // The error quotes the input without a limit.
    let words = shorten_to(&error.to_string(), 200);
    if near.is_empty() { words } else { format!("{words}, after `{near}`") }
}
