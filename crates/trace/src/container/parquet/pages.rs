//! Decodes the pages of a column: levels mark where lists begin, and values are plain, indices into a dictionary,
//! differences or split into streams of bytes.

use std::rc::Rc;

use crate::{
    archive::codecs::{self, Codec},
    container::parquet::{
        delta,
        footer::{Column, Physical},
        hybrid, texts,
        thrift::{Kind, Reader, Visited},
    },
    numeric::numbers::f16,
};

/// The most values that one page may have; writers usually begin a new page after one MiB.
const MAX_VALUES: u64 = 1 << 24;

/// Values of a column.
#[derive(Clone, Debug, PartialEq)]
pub enum Values {
    /// Whole numbers.
    Ints(Vec<i64>),
    /// Floats; doubles are rounded.
    Floats(Vec<f32>),
    /// Texts; the same text often shares its memory.
    Texts(Vec<Rc<str>>),
}

impl Values {
    /// The values at these indices; `None` when an index is out of range.
    fn pick(&self, places: &[u32]) -> Option<Self> {
        fn pick<T: Clone>(values: &[T], places: &[u32]) -> Option<Vec<T>> {
            places.iter().map(|&at| values.get(at as usize).cloned()).collect()
        }
        Some(match self {
            Self::Ints(values) => Self::Ints(pick(values, places)?),
            Self::Floats(values) => Self::Floats(pick(values, places)?),
            Self::Texts(values) => Self::Texts(pick(values, places)?),
        })
    }
}

/// The content of a page.
#[derive(Clone, Debug, PartialEq)]
pub struct Page {
    /// For each value whether a row begins with it.
    pub begins: Vec<bool>,
    /// The values; none is null.
    pub values: Values,
}

/// The header of a page.
#[derive(Default)]
struct Header {
    kind: i64,
    unpacked: u64,
    packed: u64,
    checksum: Option<i64>,
    values: u64,
    encoding: i64,
    /// Lengths of the levels in bytes, which pages of version 2 have in their header.
    levels: Option<[u64; 2]>,
    /// Whether the values of a page of version 2 are packed.
    is_packed: bool,
}

fn header(reader: &mut Reader<'_>) -> Option<Header> {
    let mut header = Header { kind: -1, is_packed: true, ..Header::default() };
    reader.fields(|reader, field, kind| {
        match (field, kind) {
            (1, Kind::Int) => header.kind = reader.int()?,
            (2, Kind::Int) => header.unpacked = reader.count()?,
            (3, Kind::Int) => header.packed = reader.count()?,
            (4, Kind::Int) => header.checksum = Some(reader.int()?),
            // The header of a data page or of a dictionary: both begin with count and encoding.
            (5 | 7, Kind::Struct) => reader.fields(|reader, field, kind| {
                match (field, kind) {
                    (1, Kind::Int) => header.values = reader.count()?,
                    (2, Kind::Int) => header.encoding = reader.int()?,
                    _ => return Some(Visited::Skipped),
                }
                Some(Visited::Read)
            })?,
            (8, Kind::Struct) => {
                let mut levels = [0; 2];
                reader.fields(|reader, field, kind| {
                    match (field, kind) {
                        (1, Kind::Int) => header.values = reader.count()?,
                        (4, Kind::Int) => header.encoding = reader.int()?,
                        // Definition first in the header, repetition first in the page.
                        (5, Kind::Int) => levels[1] = reader.count()?,
                        (6, Kind::Int) => levels[0] = reader.count()?,
                        (7, Kind::Bool(is_packed)) => {
                            header.is_packed = is_packed;
                        }
                        _ => return Some(Visited::Skipped),
                    }
                    Some(Visited::Read)
                })?;
                header.levels = Some(levels);
            }
            _ => return Some(Visited::Skipped),
        }
        Some(Visited::Read)
    })?;
    Some(header)
}

/// Why a page could not be read.
pub enum Fault {
    /// It does not follow the format, or uses a part of it that is not read here.
    Malformed {
        /// What is there.
        found: String,
        /// What should be there.
        expected: &'static str,
    },
    /// A checksum or a declared length does not match.
    Damaged {
        /// What is there.
        found: String,
        /// What should be there.
        expected: &'static str,
    },
}

fn malformed(found: impl Into<String>, expected: &'static str) -> Fault {
    Fault::Malformed { found: found.into(), expected }
}

fn damaged(found: impl Into<String>, expected: &'static str) -> Fault {
    Fault::Damaged { found: found.into(), expected }
}

/// Reads the pages of one chunk in order.
pub struct Pages<'a> {
    column: &'a Column,
    codec: i64,
    rest: &'a [u8],
    /// Values still to come.
    left: u64,
    dictionary: Option<Values>,
}

impl<'a> Pages<'a> {
    /// `bytes` are those of a chunk with this codec and this number of values.
    pub fn new(column: &'a Column, codec: i64, values: u64, bytes: &'a [u8]) -> Self {
        Self { column, codec, rest: bytes, left: values, dictionary: None }
    }

    /// The next page of values; `None` after the last.
    ///
    /// # Errors
    /// [`Fault`] for content that does not follow the format or is not supported.
    pub fn next_page(&mut self) -> Result<Option<Page>, Fault> {
        while self.left > 0 {
            let mut reader = Reader::new(self.rest);
            let no_header = || malformed("no page header", "the header of the column's next page");
            let header = header(&mut reader).ok_or_else(no_header)?;
            let after = self.rest.get(reader.position()..).unwrap_or_default();
            let cut =
                || damaged(format!("a page of {} bytes", header.packed), "one inside the column's bytes");
            let (packed, rest) = usize::try_from(header.packed)
                .ok()
                .and_then(|len| after.split_at_checked(len))
                .ok_or_else(cut)?;
            self.rest = rest;
            if let Some(checksum) = header.checksum
                && crc32fast::hash(packed).cast_signed() != checksum as i32
            {
                return Err(damaged("a page whose checksum does not match", "the checksum in its header"));
            }
            match header.kind {
                0 | 3 => return self.data(&header, packed).map(Some),
                2 => {
                    if header.values > MAX_VALUES || !matches!(header.encoding, 0 | 2) {
                        return Err(malformed(
                            format!(
                                "a dictionary of {} values in encoding {}",
                                header.values, header.encoding
                            ),
                            "at most 16777216 plain values",
                        ));
                    }
                    let bytes = self.unpack(packed, header.unpacked)?;
                    self.dictionary = Some(self.plain(&bytes, header.values as usize)?);
                }
                // An index, or a kind of a later version of the format: not needed for the values.
                _ => {}
            }
        }
        Ok(None)
    }

    /// Unpacks a page to exactly the length that its header declares.
    fn unpack(&self, packed: &[u8], unpacked: u64) -> Result<Vec<u8>, Fault> {
        let codec = match self.codec {
            0 => None,
            1 => Some(Codec::Snappy),
            2 => Some(Codec::Gzip),
            6 => Some(Codec::Zstd),
            other => {
                let name = match other {
                    3 => "LZO".to_owned(),
                    4 => "brotli".to_owned(),
                    5 | 7 => "LZ4".to_owned(),
                    other => format!("codec {other}"),
                };
                return Err(malformed(format!("packed with {name}"), "snappy, gzip, zstd or not packed"));
            }
        };
        let limit = codecs::limit(packed.len() as u64);
        if unpacked > limit {
            return Err(malformed(
                format!("{} bytes that claim to unpack to {unpacked}", packed.len()),
                "at most 1 MiB more than 1100 times as many",
            ));
        }
        let bytes = match codec {
            None => packed.to_vec(),
            // Writers omit the packed data of pages of nulls.
            Some(_) if packed.is_empty() => Vec::new(),
            Some(codec) => codec.unpack(packed, unpacked).map_err(|fault| match fault {
                codecs::Fault::TooMuch => {
                    damaged("a page that unpacks to more than its header declares", "the size in its header")
                }
                codecs::Fault::Undecodable(reason) => malformed(
                    format!(
                        "{} data that cannot be unpacked ({})",
                        codec.name(),
                        crate::text::shorten_to(&reason, 120)
                    ),
                    "complete packed data",
                ),
            })?,
        };
        if bytes.len() as u64 != unpacked {
            return Err(damaged(
                format!("a page of {} bytes when unpacked", bytes.len()),
                "as many as its header declares",
            ));
        }
        Ok(bytes)
    }

    fn data(&mut self, header: &Header, packed: &[u8]) -> Result<Page, Fault> {
        if header.values > self.left || header.values > MAX_VALUES || header.values == 0 {
            return Err(malformed(
                format!("a page of {} values", header.values),
                "1 to 16777216, and no more than the column has",
            ));
        }
        self.left -= header.values;
        let count = header.values as usize;
        let widths = [self.column.max_repetition, self.column.max_definition]
            .map(|max| u32::BITS - max.leading_zeros());
        let short = || malformed("levels that end early", "one for each value");
        let bytes;
        let (levels, values) = match header.levels {
            Some(lens) => {
                // The levels of version 2 are never packed; both sizes in the header include them.
                let [repetition, definition] = lens.map(|len| usize::try_from(len).unwrap_or(usize::MAX));
                let (first, rest) = packed.split_at_checked(repetition).ok_or_else(short)?;
                let (second, rest) = rest.split_at_checked(definition).ok_or_else(short)?;
                let len = header.unpacked.checked_sub(lens[0].saturating_add(lens[1])).ok_or_else(short)?;
                bytes = if header.is_packed { self.unpack(rest, len)? } else { rest.to_vec() };
                ([first, second], bytes.as_slice())
            }
            None => {
                bytes = self.unpack(packed, header.unpacked)?;
                let mut rest = bytes.as_slice();
                let mut levels = [&[][..]; 2];
                for (levels, width) in levels.iter_mut().zip(widths) {
                    if width > 0 {
                        let (len, after) = rest.split_first_chunk().ok_or_else(short)?;
                        (*levels, rest) =
                            after.split_at_checked(u32::from_le_bytes(*len) as usize).ok_or_else(short)?;
                    }
                }
                (levels, rest)
            }
        };
        let [repetitions, definitions] = levels;
        let level = |bytes, width| {
            if width == 0 { Some(Vec::new()) } else { hybrid::decode(bytes, width, count) }
        };
        let repetition = level(repetitions, widths[0]).ok_or_else(short)?;
        let definition = level(definitions, widths[1]).ok_or_else(short)?;
        if let Some(at) = definition.iter().position(|&level| level != self.column.max_definition) {
            return Err(malformed(format!("a null at index {at} of a page"), "a value at every index"));
        }
        let begins = if repetition.is_empty() {
            vec![true; count]
        } else {
            repetition.into_iter().map(|level| level == 0).collect()
        };
        Ok(Page { begins, values: self.values(header.encoding, values, count)? })
    }

    fn values(&self, encoding: i64, bytes: &[u8], count: usize) -> Result<Values, Fault> {
        match encoding {
            0 => self.plain(bytes, count),
            2 | 8 => {
                let dictionary = self.dictionary.as_ref();
                let dictionary =
                    dictionary.ok_or_else(|| malformed("no dictionary", "one before the first page"))?;
                let (&width, packed) = bytes
                    .split_first()
                    .ok_or_else(|| malformed("an empty page", "indices into the dictionary"))?;
                hybrid::decode(packed, u32::from(width), count)
                    .and_then(|places| dictionary.pick(&places))
                    .ok_or_else(|| {
                        malformed("indices that the dictionary does not have", "indices into the dictionary")
                    })
            }
            9 => {
                let size = self.size()?;
                let streams = bytes.get(..count * size).ok_or_else(|| {
                    malformed(format!("{} bytes of values", bytes.len()), "as many as there are values")
                })?;
                // Byte `b` of value `i` is the `i`th of stream `b`.
                let whole: Vec<u8> = (0..count)
                    .flat_map(|i| (0..size).map(move |b| streams.get(b * count + i).copied().unwrap_or(0)))
                    .collect();
                self.plain(&whole, count)
            }
            5 if self.column.physical.is_integer() => {
                let numbers = delta::numbers(bytes, count).map(|(values, _)| match self.column.physical {
                    // Differences wrap at the width of the type.
                    Physical::Int32 => values.into_iter().map(|value| i64::from(value as i32)).collect(),
                    _ => values,
                });
                numbers
                    .map(Values::Ints)
                    .ok_or_else(|| malformed("differences that end early", "one number for each value"))
            }
            6 | 7 if self.column.physical == Physical::Text => {
                let texts = if encoding == 6 {
                    delta::texts(bytes, count)
                } else {
                    delta::prefixed_texts(bytes, count)
                };
                texts.map(Values::Texts).ok_or_else(no_texts)
            }
            other => Err(malformed(
                format!("{} in encoding {other}", self.column.physical.words()),
                "plain values, differences or indices into a dictionary, as pyarrow writes them",
            )),
        }
    }

    /// Bytes per value.
    fn size(&self) -> Result<usize, Fault> {
        match self.column.physical {
            Physical::Half => Ok(2),
            Physical::Int32 | Physical::Float => Ok(4),
            Physical::Int64 | Physical::Double => Ok(8),
            other => Err(malformed(other.words(), "whole numbers or floats")),
        }
    }

    fn plain(&self, bytes: &[u8], count: usize) -> Result<Values, Fault> {
        if self.column.physical == Physical::Text {
            return texts::plain(bytes, count).map(Values::Texts).ok_or_else(no_texts);
        }
        let size = self.size()?;
        let bytes = count.checked_mul(size).and_then(|len| bytes.get(..len)).ok_or_else(|| {
            malformed(format!("{} bytes of values", bytes.len()), "as many as there are values")
        })?;
        Ok(match self.column.physical {
            Physical::Int32 => {
                Values::Ints(bytes.as_chunks().0.iter().map(|&b| i64::from(i32::from_le_bytes(b))).collect())
            }
            Physical::Half => Values::Floats(bytes.as_chunks().0.iter().map(|&b| f16(b)).collect()),
            Physical::Float => {
                Values::Floats(bytes.as_chunks().0.iter().map(|&b| f32::from_le_bytes(b)).collect())
            }
            Physical::Double => {
                Values::Floats(bytes.as_chunks().0.iter().map(|&b| f64::from_le_bytes(b) as f32).collect())
            }
            _ => Values::Ints(bytes.as_chunks().0.iter().map(|&b| i64::from_le_bytes(b)).collect()),
        })
    }
}

fn no_texts() -> Fault {
    malformed("no texts in UTF-8, or more than 16 MiB of them in a page", "a short text for each value")
}
