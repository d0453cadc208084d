//! Parquet's hybrid encoding of small whole numbers: runs of one number alternate with groups of
//! eight numbers at a fixed number of bits
//! (<https://parquet.apache.org/docs/file-format/data-pages/encodings/>).

use crate::container::parquet::thrift::Reader;

/// Decodes exactly `count` numbers of `width` bits each; `None` when the bytes do not hold them.
/// The caller limits `count`.
pub fn decode(bytes: &[u8], width: u32, count: usize) -> Option<Vec<u32>> {
    if width > 32 {
        return None;
    }
    let mut values = Vec::with_capacity(count);
    let mut rest = bytes;
    while values.len() < count {
        let mut reader = Reader::new(rest);
        let header = reader.varint()?;
        rest = rest.get(reader.position()..)?;
        let left = count - values.len();
        if header & 1 == 0 {
            // A run: its length, and the number in whole bytes.
            let run = usize::try_from(header >> 1).unwrap_or(usize::MAX).min(left);
            if run == 0 {
                return None;
            }
            let size = width.div_ceil(8) as usize;
            let value = rest.get(..size)?.iter().rev().fold(0_u32, |value, &b| (value << 8) | u32::from(b));
            values.resize(values.len() + run, value);
            rest = rest.get(size..)?;
        } else {
            let groups = usize::try_from(header >> 1).ok()?;
            let size = groups.checked_mul(width as usize)?;
            if groups == 0 {
                return None;
            }
            let here = groups.saturating_mul(8).min(left);
            // The last group may end after the last number.
            let packed = rest.get(..size.min(rest.len()))?;
            if (packed.len() as u64) * 8 < here as u64 * u64::from(width) {
                return None;
            }
            unpack(packed, width, here, &mut values);
            rest = rest.get(packed.len()..)?;
        }
    }
    Some(values)
}

/// Appends `count` numbers of `width` bits, lowest bit first.
fn unpack(packed: &[u8], width: u32, count: usize, values: &mut Vec<u32>) {
    let mask = if width == 32 { u64::from(u32::MAX) } else { (1_u64 << width) - 1 };
    let (mut buffer, mut bits) = (0_u64, 0_u32);
    let mut bytes = packed.iter();
    for _ in 0..count {
        while bits < width {
            buffer |= u64::from(bytes.next().copied().unwrap_or(0)) << bits;
            bits += 8;
        }
        values.push((buffer & mask) as u32);
        buffer >>= width;
        bits -= width;
    }
}

#[cfg(all(test, not(target_arch = "wasm32")))]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_example_of_the_format() {
        // Zero to seven at three bits.
        assert_eq!(decode(&[3, 0x88, 0xc6, 0xfa], 3, 8), Some((0..8).collect()));
        assert_eq!(decode(&[10, 7, 3, 0x88, 0xc6, 0xfa], 3, 9), Some(vec![7, 7, 7, 7, 7, 0, 1, 2, 3]));
        assert_eq!(decode(&[20], 0, 10), Some(vec![0; 10]));
    }

    #[test]
    fn input_that_ends_early_is_rejected() {
        assert_eq!(decode(&[3, 0x88, 0xc6], 3, 8), None);
        assert_eq!(decode(&[0, 0, 0, 0], 8, 1), None);
        assert_eq!(decode(&[1, 1, 1], 8, 1), None);
        assert_eq!(decode(&[], 1, 1), None);
        assert_eq!(decode(&[2, 1], 33, 1), None);
    }

    proptest! {
        #[test]
        fn packed_numbers_are_unpacked(width in 1_u32..33, values in prop::collection::vec(any::<u32>(), 1..60)) {
            let values: Vec<u32> = values.into_iter().map(|v| if width == 32 { v } else { v & ((1 << width) - 1) }).collect();
            let groups = values.len().div_ceil(8);
            let mut bits: Vec<bool> = values.iter().flat_map(|&v| (0..width).map(move |bit| v >> bit & 1 == 1)).collect();
            bits.resize(groups * 8 * width as usize, false);
            let mut bytes = vec![(groups << 1 | 1) as u8];
            bytes.extend(bits.chunks(8).map(|byte| byte.iter().enumerate().fold(0_u8, |sum, (at, &bit)| sum | u8::from(bit) << at)));
            prop_assert_eq!(decode(&bytes, width, values.len()), Some(values));
        }

        #[test]
        fn never_panics(bytes in prop::collection::vec(any::<u8>(), 0..40), width in 0_u32..40, count in 0_usize..200) {
            if let Some(values) = decode(&bytes, width, count) {
                prop_assert_eq!(values.len(), count);
            }
        }
    }
}
