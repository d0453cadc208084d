//! Parquet's delta encodings: whole numbers as packed differences, and texts by their lengths or by what they share with
//! the text before (<https://parquet.apache.org/docs/file-format/data-pages/encodings/>).

use std::rc::Rc;

use crate::container::parquet::{texts::Texts, thrift::Reader};

/// Decodes exactly `count` numbers (`DELTA_BINARY_PACKED`) and returns them with the bytes after them; `None` when the
/// bytes do not hold them. The caller limits `count`. Numbers wrap at 64 bits.
pub fn numbers(bytes: &[u8], count: usize) -> Option<(Vec<i64>, &[u8])> {
    let mut reader = Reader::new(bytes);
    let block = usize::try_from(reader.varint()?).ok()?;
    let parts = usize::try_from(reader.varint()?).ok()?;
    let total = reader.varint()?;
    let first = reader.int()?;
    let size = block.checked_div(parts)?;
    if total != count as u64
        || count == 0
        || size == 0
        || size % 8 != 0
        || size.checked_mul(parts) != Some(block)
    {
        return None;
    }
    let mut values = Vec::with_capacity(count);
    values.push(first);
    let (mut rest, mut value) = (bytes.get(reader.position()..)?, first);
    while values.len() < count {
        let mut reader = Reader::new(rest);
        let least = reader.int()?;
        let (widths, mut packed) = rest.get(reader.position()..)?.split_at_checked(parts)?;
        for &width in widths {
            let here = size.min(count - values.len());
            if here == 0 {
                // Writers leave out what comes after the last number.
                break;
            }
            let len = (size / 8).checked_mul(usize::from(width)).filter(|_| width <= 64)?.min(packed.len());
            let (part, after) = packed.split_at_checked(len)?;
            if (len as u64) * 8 < here as u64 * u64::from(width) {
                return None;
            }
            unpack(part, u32::from(width), here, |difference| {
                value = value.wrapping_add(least).wrapping_add(difference.cast_signed());
                values.push(value);
            });
            packed = after;
        }
        rest = packed;
    }
    Some((values, rest))
}

/// Passes `count` numbers of `width` bits to `take`, lowest bit first.
fn unpack(packed: &[u8], width: u32, count: usize, mut take: impl FnMut(u64)) {
    let mask = (1_u128 << width) - 1;
    let (mut buffer, mut bits) = (0_u128, 0_u32);
    let mut bytes = packed.iter();
    for _ in 0..count {
        while bits < width {
            buffer |= u128::from(bytes.next().copied().unwrap_or(0)) << bits;
            bits += 8;
        }
        take((buffer & mask) as u64);
        buffer >>= width;
        bits -= width;
    }
}

/// Lengths of `count` texts, and the bytes after them.
fn lengths(bytes: &[u8], count: usize) -> Option<(Vec<usize>, &[u8])> {
    let (lengths, rest) = numbers(bytes, count)?;
    let lengths: Option<Vec<usize>> =
        lengths.into_iter().map(|length| usize::try_from(length).ok()).collect();
    Some((lengths?, rest))
}

/// Decodes exactly `count` texts: all lengths, then all bytes (`DELTA_LENGTH_BYTE_ARRAY`).
pub fn texts(bytes: &[u8], count: usize) -> Option<Vec<Rc<str>>> {
    let (lengths, mut rest) = lengths(bytes, count)?;
    let mut texts = Texts::default();
    for length in lengths {
        let (text, after) = rest.split_at_checked(length)?;
        texts.push(text)?;
        rest = after;
    }
    Some(texts.finish())
}

/// Decodes exactly `count` texts, each of which begins with so many bytes of the one before (`DELTA_BYTE_ARRAY`).
pub fn prefixed_texts(bytes: &[u8], count: usize) -> Option<Vec<Rc<str>>> {
    let (shared, rest) = lengths(bytes, count)?;
    let (lengths, mut rest) = lengths(rest, count)?;
    let mut texts = Texts::default();
    let mut text: Vec<u8> = Vec::new();
    for (shared, length) in shared.into_iter().zip(lengths) {
        let (end, after) = rest.split_at_checked(length)?;
        if shared > text.len() {
            return None;
        }
        text.truncate(shared);
        text.extend(end);
        texts.push(&text)?;
        rest = after;
    }
    Some(texts.finish())
}

#[cfg(all(test, not(target_arch = "wasm32")))]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_examples_of_the_format() {
        // 1 to 5: block of 128, 4 parts, 5 numbers, first 1; the least difference is 1 and all are that.
        let bytes = [128, 1, 4, 5, 2, 2, 0, 0, 0, 0];
        assert_eq!(numbers(&bytes, 5), Some((vec![1, 2, 3, 4, 5], &[][..])));
        // 7, 5, 3, 1, 2, 3, 4, 5: the least difference is -2, others are 0 or 3 above it, at two bits.
        let packed = [0b1100_0000, 0b1111_1111_u8, 0, 0, 0, 0, 0, 0];
        let packed = [&packed[..1], &[0b0011_1111], &packed[2..]].concat();
        let bytes = [&[128, 1, 4, 8, 14, 3, 2, 0, 0, 0][..], &packed].concat();
        assert_eq!(numbers(&bytes, 8), Some((vec![7, 5, 3, 1, 2, 3, 4, 5], &[][..])));
        assert_eq!(numbers(&bytes, 7), None);
        assert_eq!(numbers(&bytes[..9], 8), None);
        assert_eq!(numbers(&[0, 0, 1, 2], 1), None);
        assert_eq!(numbers(&[128, 1, 0, 1, 2], 1), None);
    }

    #[test]
    fn texts_of_both_kinds() {
        let lengths = |first: u8, least: u8, count| vec![128, 1, 4, count, first, least, 0, 0, 0, 0];
        let names = |names: Vec<Rc<str>>| names.join(" ");
        // Lengths 2 and 3.
        let bytes = [lengths(4, 2, 2), b"s0s10".to_vec()].concat();
        assert_eq!(texts(&bytes, 2).map(names).as_deref(), Some("s0 s10"));
        assert_eq!(texts(&bytes[..bytes.len() - 1], 2), None);
        // Nothing shared, then two bytes; ends of 2 and 1 bytes.
        let bytes = [lengths(0, 4, 2), lengths(4, 1, 2), b"s10".to_vec()].concat();
        assert_eq!(prefixed_texts(&bytes, 2).map(names).as_deref(), Some("s1 s10"));
        // More shared than there is.
        let bytes = [lengths(0, 6, 2), lengths(4, 1, 2), b"s10".to_vec()].concat();
        assert_eq!(prefixed_texts(&bytes, 2), None);
    }

    proptest! {
        #[test]
        fn never_panics(bytes in prop::collection::vec(any::<u8>(), 0..60), count in 0_usize..300) {
            if let Some((values, _)) = numbers(&bytes, count) {
                prop_assert_eq!(values.len(), count);
            }
            drop((texts(&bytes, count), prefixed_texts(&bytes, count)));
        }

        #[test]
        fn never_panics_after_a_header(bytes in prop::collection::vec(any::<u8>(), 0..300), count in 1_u8..120) {
            let bytes = [&[128, 1, 4, count, 7][..], &bytes].concat();
            if let Some((values, _)) = numbers(&bytes, usize::from(count)) {
                prop_assert_eq!(values.len(), usize::from(count));
            }
        }
    }
}
