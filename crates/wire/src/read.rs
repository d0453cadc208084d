//! Going through a text of JSON, from left to right.

use std::borrow::Cow;

/// Arrays and objects in each other; whatever is deeper is made to harm.
const DEEPEST: usize = 127;

/// What is wrong in a text, with line and column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong(String);

impl std::fmt::Display for Wrong {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Wrong {}

/// Where the value of a field goes.
pub trait Slot {
    /// Reads the value.
    ///
    /// # Errors
    /// It is none of this kind.
    fn fill(&mut self, reader: &mut Reader<'_>) -> Result<(), Wrong>;

    /// Makes do without the field; false where it must be there.
    fn go_without(&mut self) -> bool;
}

/// Reads the value of the field of that name.
pub type TakeField<'f, 't> = dyn FnMut(&mut Reader<'t>, Cow<'t, str>) -> Result<(), Wrong> + 'f;

/// A text and the place up to which it was read.
#[derive(Debug)]
pub struct Reader<'t> {
    text: &'t str,
    at: usize,
    depth: usize,
}

impl<'t> Reader<'t> {
    pub(crate) fn new(text: &'t str) -> Self {
        Self { text, at: 0, depth: 0 }
    }

    /// The first byte of the next value, without reading it; 0 at the end of the text.
    pub fn peek(&mut self) -> u8 {
        while matches!(self.byte(), b' ' | b'\n' | b'\r' | b'\t') {
            self.at += 1;
        }
        self.byte()
    }

    /// What is wrong, at the place up to which the text was read.
    #[must_use]
    pub fn wrong(&self, what: &str) -> Wrong {
        let before = self.text.get(..self.at).unwrap_or(self.text);
        let line = 1 + before.bytes().filter(|&byte| byte == b'\n').count();
        let column = 1 + before.len() - before.rfind('\n').map_or(0, |end| end + 1);
        let what = if self.at < self.text.len() { what } else { "the text ends too early" };
        Wrong(format!("{what}, at line {line} column {column}"))
    }

    /// The next string.
    ///
    /// # Errors
    /// There is none, or it is not whole.
    pub fn string(&mut self) -> Result<Cow<'t, str>, Wrong> {
        if self.peek() != b'"' {
            return Err(self.wrong("expected a string"));
        }
        self.at += 1;
        let mut whole = Cow::Borrowed("");
        loop {
            let from = self.at;
            while !matches!(self.byte(), b'"' | b'\\' | 0..b' ') {
                self.at += 1;
            }
            let part = self.text.get(from..self.at).unwrap_or_default();
            if whole.is_empty() {
                whole = Cow::Borrowed(part);
            } else {
                whole.to_mut().push_str(part);
            }
            match self.byte() {
                b'"' => {
                    self.at += 1;
                    return Ok(whole);
                }
                b'\\' => {
                    self.at += 1;
                    let letter = self.escaped()?;
                    whole.to_mut().push(letter);
                }
                _ => return Err(self.wrong("a control character in a string")),
            }
        }
    }

    /// The next number, as it is written.
    ///
    /// # Errors
    /// There is none, or JSON has no such number.
    pub fn number(&mut self) -> Result<&'t str, Wrong> {
        self.peek();
        let from = self.at;
        self.accept(b'-');
        let zero = self.byte() == b'0';
        let digits = self.digits();
        if digits == 0 || (zero && digits > 1) {
            return Err(self.wrong("expected a number"));
        }
        if self.accept(b'.') && self.digits() == 0 {
            return Err(self.wrong("expected a digit"));
        }
        if self.accept(b'e') || self.accept(b'E') {
            if !self.accept(b'+') {
                self.accept(b'-');
            }
            if self.digits() == 0 {
                return Err(self.wrong("expected a digit"));
            }
        }
        Ok(self.text.get(from..self.at).unwrap_or_default())
    }

    /// Whether the next value is this word (`null`, `true`, `false`), which is then read.
    pub fn is(&mut self, word: &str) -> bool {
        self.peek();
        let found = self.text.get(self.at..).is_some_and(|rest| rest.starts_with(word));
        if found {
            self.at += word.len();
        }
        found
    }

    /// The next array; `item` reads one value of it.
    ///
    /// # Errors
    /// There is none, or what `item` answers.
    pub fn array(&mut self, item: &mut dyn FnMut(&mut Self) -> Result<(), Wrong>) -> Result<(), Wrong> {
        self.inside(b'[', b']', "expected an array", item)
    }

    /// The next object; `field` reads the value of the field of that name.
    ///
    /// # Errors
    /// There is none, or what `field` answers.
    pub fn map(&mut self, field: &mut TakeField<'_, 't>) -> Result<(), Wrong> {
        self.inside(b'{', b'}', "expected an object", &mut |reader| {
            let name = reader.string()?;
            if reader.peek() != b':' {
                return Err(reader.wrong("expected `:`"));
            }
            reader.at += 1;
            field(reader, name)
        })
    }

    /// The next object, whose fields go into their slots. Others are passed over, or refused where the list is `closed`.
    ///
    /// # Errors
    /// There is none; a field is missing, there twice or not of its kind.
    pub fn object(&mut self, slots: &mut [(&str, &mut dyn Slot)], closed: bool) -> Result<(), Wrong> {
        let mut seen = 0_u64;
        self.map(&mut |reader, name| match slots.iter_mut().enumerate().find(|(_, slot)| slot.0 == name) {
            Some((at, (_, slot))) => {
                if seen & (1 << at) != 0 {
                    return Err(reader.wrong(&format!("duplicate field `{name}`")));
                }
                seen |= 1 << at;
                slot.fill(reader)
            }
            None if closed => Err(reader.wrong(&format!("unknown field `{name}`"))),
            None => reader.skip(),
        })?;
        for (at, (name, slot)) in slots.iter_mut().enumerate() {
            if seen & (1 << at) == 0 && !slot.go_without() {
                // What was read last is the brace of this object.
                self.at -= 1;
                return Err(self.wrong(&format!("missing field `{name}`")));
            }
        }
        Ok(())
    }

    /// The next string, which is one of these words: its place among them.
    ///
    /// # Errors
    /// It is none of them.
    pub fn word(&mut self, words: &[&str]) -> Result<usize, Wrong> {
        self.peek();
        let from = self.at;
        let found = self.string()?;
        words.iter().position(|word| *word == found).ok_or_else(|| {
            self.at = from;
            self.wrong(&format!("expected one of `{}`", words.join("`, `")))
        })
    }

    /// Passes over the next value.
    ///
    /// # Errors
    /// There is none.
    pub fn skip(&mut self) -> Result<(), Wrong> {
        match self.peek() {
            b'{' => self.map(&mut |reader, _| reader.skip()),
            b'[' => self.array(&mut Self::skip),
            b'"' => self.string().map(drop),
            b'-' | b'0'..=b'9' => self.number().map(drop),
            _ if self.is("null") || self.is("true") || self.is("false") => Ok(()),
            _ => Err(self.wrong("expected a value")),
        }
    }

    /// Makes sure that nothing follows.
    pub(crate) fn end(&mut self) -> Result<(), Wrong> {
        self.peek();
        if self.at < self.text.len() { Err(self.wrong("expected nothing more")) } else { Ok(()) }
    }

    fn byte(&self) -> u8 {
        self.text.as_bytes().get(self.at).copied().unwrap_or(0)
    }

    fn accept(&mut self, byte: u8) -> bool {
        let found = self.byte() == byte;
        self.at += usize::from(found);
        found
    }

    fn digits(&mut self) -> usize {
        let from = self.at;
        while self.byte().is_ascii_digit() {
            self.at += 1;
        }
        self.at - from
    }

    fn inside(
        &mut self,
        open: u8,
        close: u8,
        expected: &str,
        item: &mut dyn FnMut(&mut Self) -> Result<(), Wrong>,
    ) -> Result<(), Wrong> {
        if self.peek() != open {
            return Err(self.wrong(expected));
        }
        if self.depth == DEEPEST {
            return Err(self.wrong("values are nested too deeply"));
        }
        self.at += 1;
        self.depth += 1;
        if self.peek() != close {
            loop {
                item(self)?;
                if self.peek() != b',' {
                    break;
                }
                self.at += 1;
            }
        }
        if self.byte() != close {
            return Err(self.wrong(if close == b']' {
                "expected `,` or `]`"
            } else {
                "expected `,` or `}`"
            }));
        }
        self.at += 1;
        self.depth -= 1;
        Ok(())
    }

    /// The letter behind a backslash.
    fn escaped(&mut self) -> Result<char, Wrong> {
        let byte = self.byte();
        self.at += 1;
        Ok(match byte {
            b'"' | b'\\' | b'/' => char::from(byte),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                let first = self.code()?;
                // Letters beyond the first plane come as two halves.
                let code = if (0xd800..0xdc00).contains(&first) && self.accept(b'\\') && self.accept(b'u') {
                    let second = self.code()?;
                    let both = (0xdc00..0xe000).contains(&second);
                    if both { 0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00) } else { first }
                } else {
                    first
                };
                char::from_u32(code).ok_or_else(|| self.wrong("half of a letter"))?
            }
            _ => {
                self.at -= 1;
                return Err(self.wrong("no such escape"));
            }
        })
    }

    fn code(&mut self) -> Result<u32, Wrong> {
        let digits = self
            .text
            .get(self.at..self.at + 4)
            .filter(|digits| digits.bytes().all(|d| d.is_ascii_hexdigit()));
        let code = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok());
        let code = code.ok_or_else(|| self.wrong("expected four hexadecimal digits"))?;
        self.at += 4;
        Ok(code)
    }
}
