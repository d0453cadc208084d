//! A scanner for the JSON of one record. It skips unneeded values at memory speed and reads large
//! nested lists of small integers without building a tree. Small values (names, counts) are passed
//! to `serde_json` as slices.

use crate::{error::Error, text::shorten_to};

/// The deepest nesting of a skipped value.
const MAX_DEPTH: usize = 128;

/// An error in a record, before file and line are known.
#[derive(Debug)]
pub struct Fault {
    /// Byte of the record, counted from 0; `None` for an error of the whole record.
    pub at: Option<usize>,
    /// Field, token and layer, where known.
    pub place: String,
    /// What is there.
    pub found: String,
    /// What should be there.
    pub expected: String,
    /// What to do.
    pub advice: &'static str,
}

/// What to do about a line that is not a JSON record of the expected form.
pub const ONE_RECORD_PER_LINE: &str = "Write the file again with one complete JSON record per line.";

/// What to do about a value in a list of ids that is not an id.
const EXPERT_NUMBERS: &str = "Write ids as whole numbers, as the router chose them.";

impl Fault {
    /// A fault of the whole record.
    pub fn of_record(place: &str, found: String, expected: &str, advice: &'static str) -> Self {
        Self { at: None, place: place.to_owned(), found, expected: expected.to_owned(), advice }
    }

    /// Adds the field that the fault is in; called for the innermost field first.
    #[must_use]
    pub fn inside(mut self, field: &str) -> Self {
        self.place = match self.place.as_str() {
            "" => format!("`{field}`"),
            place if place.starts_with('`') => format!("`{field}.{}", &place[1..]),
            place => format!("`{field}`, {place}"),
        };
        self
    }

    /// The error with file and line.
    #[must_use]
    pub fn in_line(self, name: &str, line: usize) -> Error {
        let column = self.at.map_or_else(String::new, |at| format!(", column {}", at + 1));
        let place = if self.place.is_empty() { String::new() } else { format!(", {}", self.place) };
        Error::Text {
            name: name.to_owned(),
            place: format!("line {line}{column}{place}"),
            found: self.found,
            expected: self.expected,
            advice: self.advice,
        }
    }
}

/// Scans the bytes of one record.
#[derive(Clone, Debug)]
pub struct Scan<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Scan<'a> {
    /// Starts at the first byte.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// The index of the next byte.
    pub fn place(&self) -> usize {
        self.at
    }

    /// The number of bytes left.
    pub fn left(&self) -> usize {
        self.bytes.len() - self.at.min(self.bytes.len())
    }

    /// A fault at the next byte.
    pub fn fault(&self, expected: impl Into<String>, advice: &'static str) -> Fault {
        let near = self.bytes.get(self.at..self.bytes.len().min(self.at + 12)).unwrap_or_default();
        let found = if near.is_empty() {
            "the end of the line".to_owned()
        } else {
            format!("`{}`", shorten_to(&String::from_utf8_lossy(near), 12))
        };
        Fault { at: Some(self.at), place: String::new(), found, expected: expected.into(), advice }
    }

    /// The next byte that is not blank.
    #[inline]
    pub fn peek(&mut self) -> Option<u8> {
        loop {
            match self.bytes.get(self.at) {
                Some(b' ' | b'\t' | b'\r' | b'\n') => self.at += 1,
                other => return other.copied(),
            }
        }
    }

    /// Whether `null` is next.
    pub fn is_null(&mut self) -> bool {
        self.peek() == Some(b'n') && self.bytes.get(self.at..).is_some_and(|rest| rest.starts_with(b"null"))
    }

    /// Consumes `byte` if it is next.
    #[inline]
    pub fn take(&mut self, byte: u8) -> bool {
        // There is nearly always no blank before it.
        if self.bytes.get(self.at) == Some(&byte) || self.peek() == Some(byte) {
            self.at += 1;
            return true;
        }
        false
    }

    fn need(&mut self, byte: u8) -> Result<(), Fault> {
        if self.take(byte) {
            return Ok(());
        }
        Err(self.fault(format!("`{}`", char::from(byte)), ONE_RECORD_PER_LINE))
    }

    /// Whether there is nothing but blanks left.
    pub fn is_done(&mut self) -> bool {
        self.peek().is_none()
    }

    /// The bytes between the quotes of a string, with escapes as written.
    ///
    /// # Errors
    /// When the next value is not a string, or has no closing quote.
    pub fn string(&mut self) -> Result<&'a [u8], Fault> {
        if !self.take(b'"') {
            return Err(self.fault("a string", ONE_RECORD_PER_LINE));
        }
        let start = self.at;
        loop {
            let rest = self.bytes.get(self.at..).unwrap_or_default();
            let Some(found) = memchr::memchr2(b'"', b'\\', rest) else {
                self.at = self.bytes.len();
                return Err(self.fault("the closing quote of a string", ONE_RECORD_PER_LINE));
            };
            self.at += found;
            if rest.get(found) == Some(&b'"') {
                let text = self.bytes.get(start..self.at).unwrap_or_default();
                self.at += 1;
                return Ok(text);
            }
            self.at += 2;
        }
    }

    /// Calls `field` with the scanner before each value of an object and with the value's key;
    /// `field` must consume the value.
    ///
    /// # Errors
    /// Those of `field`, and when the object is incomplete.
    pub fn object(
        &mut self,
        mut field: impl FnMut(&mut Self, &[u8]) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        if !self.take(b'{') {
            return Err(self.fault("an object `{…}`", ONE_RECORD_PER_LINE));
        }
        if self.take(b'}') {
            return Ok(());
        }
        loop {
            let key = self.string()?;
            self.need(b':')?;
            field(self, key)?;
            if self.take(b',') {
                continue;
            }
            return if self.take(b'}') { Ok(()) } else { Err(self.fault("`,` or `}`", ONE_RECORD_PER_LINE)) };
        }
    }

    /// Calls `entry` with the scanner before each value of a list and with the value's index.
    ///
    /// # Errors
    /// Those of `entry`, and when the list is incomplete.
    #[inline]
    pub fn list(
        &mut self,
        mut entry: impl FnMut(&mut Self, usize) -> Result<(), Fault>,
    ) -> Result<usize, Fault> {
        if !self.take(b'[') {
            return Err(self.fault("a list `[…]`", "Write the lists as the server returns them."));
        }
        if self.take(b']') {
            return Ok(0);
        }
        let mut count = 0;
        loop {
            entry(self, count)?;
            count += 1;
            if self.take(b',') {
                continue;
            }
            return if self.take(b']') {
                Ok(count)
            } else {
                Err(self.fault("`,` or `]`", ONE_RECORD_PER_LINE))
            };
        }
    }

    /// Skips a value and returns its bytes.
    ///
    /// # Errors
    /// When it is incomplete.
    pub fn value(&mut self) -> Result<&'a [u8], Fault> {
        let first = self.peek();
        let start = self.at;
        match first {
            Some(b'"') => {
                self.string()?;
            }
            Some(b'{' | b'[') => self.nested()?,
            Some(b'-' | b'0'..=b'9' | b't' | b'f' | b'n' | b'N' | b'I') => {
                while matches!(
                    self.bytes.get(self.at),
                    Some(b'-' | b'+' | b'.' | b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z')
                ) {
                    self.at += 1;
                }
            }
            _ => return Err(self.fault("a value", ONE_RECORD_PER_LINE)),
        }
        Ok(self.bytes.get(start..self.at).unwrap_or_default())
    }

    /// Skips an object or list by counting its brackets.
    fn nested(&mut self) -> Result<(), Fault> {
        let mut depth = 0_usize;
        loop {
            match self.bytes.get(self.at) {
                Some(b'{' | b'[') => {
                    depth += 1;
                    if depth > MAX_DEPTH {
                        return Err(self.fault(
                            format!("values nested at most {MAX_DEPTH} deep"),
                            "Leave deeply nested fields out of the records.",
                        ));
                    }
                }
                Some(b'}' | b']') => {
                    depth -= 1;
                    if depth == 0 {
                        self.at += 1;
                        return Ok(());
                    }
                }
                Some(b'"') => {
                    self.string()?;
                    continue;
                }
                Some(_) => {}
                None => return Err(self.fault("the end of a list or object", ONE_RECORD_PER_LINE)),
            }
            self.at += 1;
        }
    }

    /// Parses a value with `serde_json`.
    ///
    /// # Errors
    /// When it has another type.
    pub fn parse<T: serde::de::DeserializeOwned>(&mut self, expected: &str) -> Result<T, Fault> {
        self.peek();
        let start = self.at;
        let bytes = self.value()?;
        serde_json::from_slice(bytes).map_err(|_| Fault {
            at: Some(start),
            place: String::new(),
            found: format!("`{}`", shorten_to(&String::from_utf8_lossy(bytes), 40)),
            expected: expected.to_owned(),
            advice: "Correct the value, or leave the field out.",
        })
    }

    /// A number; `None` for null and for what Python's `json` writes where there is none (`NaN`, `Infinity`).
    ///
    /// # Errors
    /// When it is of another type.
    pub fn number(&mut self) -> Result<Option<f64>, Fault> {
        self.peek();
        let start = self.at;
        match self.value()? {
            b"null" | b"NaN" | b"Infinity" | b"-Infinity" => Ok(None),
            _ => {
                self.at = start;
                self.parse("a number").map(Some)
            }
        }
    }

    /// Consumes a list of numbers of one to four digits with at most one blank before each: the
    /// common case, in one loop. Consumes nothing and returns `false` for any other list.
    #[inline]
    pub fn small_list(&mut self, ids: &mut Vec<u16>) -> bool {
        let before = ids.len();
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let mut bytes = rest.iter();
        if bytes.next() != Some(&b'[') {
            return false;
        }
        loop {
            let mut first = bytes.next();
            if first == Some(&b' ') {
                first = bytes.next();
            }
            let Some(digit) = first.map(|byte| byte.wrapping_sub(b'0')).filter(|&digit| digit < 10) else {
                break;
            };
            let mut value = u16::from(digit);
            let mut end = None;
            for _ in 0..4 {
                let Some(&byte) = bytes.next() else { break };
                let digit = byte.wrapping_sub(b'0');
                if digit >= 10 {
                    end = Some(byte);
                    break;
                }
                // A number that wraps has a fifth digit and no end, and is discarded.
                value = value.wrapping_mul(10).wrapping_add(u16::from(digit));
            }
            match end {
                Some(b',') => ids.push(value),
                Some(b']') => {
                    ids.push(value);
                    self.at += rest.len() - bytes.len();
                    return true;
                }
                _ => break,
            }
        }
        ids.truncate(before);
        false
    }

    /// A whole number: digits, with or without a minus.
    ///
    /// # Errors
    /// For anything else, and for more than nine digits.
    #[inline]
    pub fn integer(&mut self) -> Result<i32, Fault> {
        let mut at = self.at;
        let mut next = self.bytes.get(at).copied();
        if !matches!(next, Some(b'0'..=b'9' | b'-')) {
            next = self.peek();
            at = self.at;
        }
        let negative = next == Some(b'-');
        at += usize::from(negative);
        let start = at;
        let mut value = 0_i32;
        while let Some(digit) =
            self.bytes.get(at).map(|byte| byte.wrapping_sub(b'0')).filter(|&digit| digit < 10)
        {
            if at - start == 9 {
                return Err(self.fault("a whole number of at most nine digits", EXPERT_NUMBERS));
            }
            value = value * 10 + i32::from(digit);
            at += 1;
        }
        // Ids have no fraction and no exponent.
        if at == start || matches!(self.bytes.get(at), Some(b'.' | b'e' | b'E')) {
            return Err(self.fault("a whole number", EXPERT_NUMBERS));
        }
        self.at = at;
        Ok(if negative { -value } else { value })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unneeded_values_are_skipped() {
        let text =
            br#" {"a": "x\"]}", "b" : [1, {"c": ["}", null]}], "d": -1.5e3, "e": true, "f": {}, "g": []} "#;
        let mut scan = Scan::new(text);
        let mut seen = Vec::new();
        scan.object(|scan, key| {
            let value = scan.value()?;
            assert!(serde_json::from_slice::<serde_json::Value>(value).is_ok());
            seen.push((key.to_vec(), value.len()));
            Ok(())
        })
        .expect("an object");
        assert!(scan.is_done());
        assert_eq!(seen.iter().map(|(key, _)| key[0]).collect::<Vec<_>>(), b"abdefg");
    }

    #[test]
    fn incomplete_records_are_reported_with_their_place() {
        for text in [
            &b"{\"a\": [1, 2"[..],
            b"{\"a\": \"x",
            b"{\"a\"",
            b"{\"a\": {\"b\": [}",
            b"{\"a\": 1 \"b\"",
            b"{\"a\": \"x\\",
        ] {
            let fault =
                Scan::new(text).object(|scan, _| scan.value().map(drop)).expect_err("it is incomplete");
            assert!(fault.at.is_some_and(|at| at <= text.len()), "{fault:?}");
        }
        let deep = "[".repeat(1000);
        assert!(Scan::new(deep.as_bytes()).value().is_err());
    }

    #[test]
    fn lists_of_small_numbers() {
        let mut ids = vec![7];
        for (text, taken, numbers) in [
            (&b"[1,23,456,7890]]"[..], 15, &[1_u16, 23, 456, 7890][..]),
            (b"[1, 2, 3],", 9, &[1, 2, 3]),
            (b"[12345]", 0, &[]),
            (b"[1,-1]", 0, &[]),
            (b"[1,2.5]", 0, &[]),
            (b"[1,2", 0, &[]),
            (b"[]", 0, &[]),
            (b"[1 ,2]", 0, &[]),
            (b"1]", 0, &[]),
            (b"", 0, &[]),
        ] {
            let mut scan = Scan::new(text);
            assert_eq!(scan.small_list(&mut ids), taken > 0, "{}", String::from_utf8_lossy(text));
            assert_eq!((scan.place(), &ids[1..]), (taken, numbers));
            ids.truncate(1);
        }
    }

    #[test]
    fn whole_numbers() {
        let mut scan = Scan::new(b" 12,-1 , 999999999]");
        let mut seen = Vec::new();
        loop {
            seen.push(scan.integer().expect("a number"));
            if !scan.take(b',') {
                break;
            }
        }
        assert_eq!(seen, [12, -1, 999_999_999]);
        for text in [&b"1.5"[..], b"1e3", b"-", b"", b"x", b"1234567890", b"null"] {
            assert!(Scan::new(text).integer().is_err(), "{}", String::from_utf8_lossy(text));
        }
    }
}
