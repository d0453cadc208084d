//! The part of Thrift's compact protocol that Parquet's headers need: fields are visited one by
//! one, and others are skipped
//! (<https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md>).

/// The deepest nesting that is read; Parquet's own is far below.
const MAX_DEPTH: usize = 16;

/// What a field holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A boolean, whose value is in the field's header.
    Bool(bool),
    /// One byte.
    Byte,
    /// A whole number of 16 to 64 bits.
    Int,
    /// A double.
    Double,
    /// Bytes or text.
    Binary,
    /// A list or set.
    List,
    /// A map.
    Map,
    /// A structure.
    Struct,
}

/// Reads values in order. Methods return `None` when the bytes do not hold the requested value.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    /// Starts at the first of these bytes.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// Bytes read so far.
    pub fn position(&self) -> usize {
        self.at
    }

    fn byte(&mut self) -> Option<u8> {
        let byte = *self.bytes.get(self.at)?;
        self.at += 1;
        Some(byte)
    }

    /// An unsigned number of seven bits per byte, lowest first.
    pub fn varint(&mut self) -> Option<u64> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    /// A signed number.
    pub fn int(&mut self) -> Option<i64> {
        let raw = self.varint()?;
        Some((raw >> 1).cast_signed() ^ -(raw & 1).cast_signed())
    }

    /// A signed number that must not be negative.
    pub fn count(&mut self) -> Option<u64> {
        u64::try_from(self.int()?).ok()
    }

    /// Bytes with their length before them.
    pub fn binary(&mut self) -> Option<&'a [u8]> {
        let len = usize::try_from(self.varint()?).ok()?;
        let bytes = self.bytes.get(self.at..self.at.checked_add(len)?)?;
        self.at += len;
        Some(bytes)
    }

    /// Text; invalid UTF-8 is replaced.
    pub fn text(&mut self) -> Option<String> {
        self.binary().map(|bytes| String::from_utf8_lossy(bytes).into_owned())
    }

    fn kind(code: u8) -> Option<Kind> {
        Some(match code {
            1 => Kind::Bool(true),
            2 => Kind::Bool(false),
            3 => Kind::Byte,
            4..=6 => Kind::Int,
            7 => Kind::Double,
            8 => Kind::Binary,
            9 | 10 => Kind::List,
            11 => Kind::Map,
            12 => Kind::Struct,
            _ => return None,
        })
    }

    /// The header of a list: kind and number of its entries. `None` for more entries than there are
    /// bytes left, as each entry takes at least one.
    pub fn list(&mut self) -> Option<(Kind, usize)> {
        let head = self.byte()?;
        let len =
            if head >> 4 == 15 { usize::try_from(self.varint()?).ok()? } else { usize::from(head >> 4) };
        if len > self.bytes.len().saturating_sub(self.at) {
            return None;
        }
        Some((Self::kind(head & 15)?, len))
    }

    /// Visits the fields of a structure. `visit` gets number and kind of a field, and either reads
    /// the field or returns [`Visited::Skipped`].
    pub fn fields(&mut self, mut visit: impl FnMut(&mut Self, i64, Kind) -> Option<Visited>) -> Option<()> {
        let mut number = 0_i64;
        loop {
            let head = self.byte()?;
            if head == 0 {
                return Some(());
            }
            number = if head >> 4 == 0 { self.int()? } else { number.checked_add(i64::from(head >> 4))? };
            let kind = Self::kind(head & 15)?;
            match visit(self, number, kind)? {
                Visited::Read => {}
                Visited::Skipped => self.skip(kind, 0)?,
            }
        }
    }

    fn skip(&mut self, kind: Kind, depth: usize) -> Option<()> {
        if depth > MAX_DEPTH {
            return None;
        }
        match kind {
            Kind::Bool(_) => {}
            Kind::Byte => drop(self.byte()?),
            Kind::Int => drop(self.varint()?),
            Kind::Double => {
                self.at = self.at.checked_add(8).filter(|&at| at <= self.bytes.len())?;
            }
            Kind::Binary => drop(self.binary()?),
            Kind::List => {
                let (kind, len) = self.list()?;
                for _ in 0..len {
                    self.skip_entry(kind, depth)?;
                }
            }
            Kind::Map => {
                let len = usize::try_from(self.varint()?).ok()?;
                if len > 0 {
                    let kinds = self.byte()?;
                    let (key, value) = (Self::kind(kinds >> 4)?, Self::kind(kinds & 15)?);
                    for _ in 0..len {
                        self.skip_entry(key, depth)?;
                        self.skip_entry(value, depth)?;
                    }
                }
            }
            Kind::Struct => loop {
                let head = self.byte()?;
                if head == 0 {
                    break;
                }
                if head >> 4 == 0 {
                    self.int()?;
                }
                self.skip(Self::kind(head & 15)?, depth + 1)?;
            },
        }
        Some(())
    }

    /// Skips an entry of a list or map, where a boolean takes one byte.
    fn skip_entry(&mut self, kind: Kind, depth: usize) -> Option<()> {
        match kind {
            Kind::Bool(_) => self.byte().map(drop),
            kind => self.skip(kind, depth + 1),
        }
    }
}

/// Whether a visitor read a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Visited {
    /// The visitor read the field.
    Read,
    /// The reader has to skip the field.
    Skipped,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_read_or_skipped() {
        // 1: i32 -3; 2: list of two i64; 4: struct { 1: true }; 20: "ab".
        let bytes = [0x15, 5, 0x19, 0x26, 2, 4, 0x2c, 0x11, 0, 0x08, 40, 2, b'a', b'b', 0, 99];
        let mut reader = Reader::new(&bytes);
        let (mut number, mut text) = (0, String::new());
        let read = reader.fields(|reader, field, _| {
            match field {
                1 => number = reader.int()?,
                20 => text = reader.text()?,
                _ => return Some(Visited::Skipped),
            }
            Some(Visited::Read)
        });
        assert_eq!((read, number, text.as_str(), reader.position()), (Some(()), -3, "ab", bytes.len() - 1));
    }

    #[test]
    fn wrong_lengths_are_rejected() {
        let all = |bytes: &[u8]| Reader::new(bytes).fields(|_, _, _| Some(Visited::Skipped));
        // A list of 2^31 entries, a text beyond the end, unterminated structures, a number of
        // eleven bytes.
        assert_eq!(all(&[0x19, 0xf5, 0xff, 0xff, 0xff, 0xff, 0x07, 0]), None);
        assert_eq!(all(&[0x18, 9, b'a', 0]), None);
        assert_eq!(all(&[0x1c; 64]), None);
        assert_eq!(all(&[0x16, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1, 0]), None);
        // A map that declares more entries than there are.
        assert_eq!(all(&[0x1b, 0xff, 0xff, 0xff, 0xff, 0x07, 0x88, 0]), None);
    }
}
