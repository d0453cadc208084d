//! Repairs checksums: changed bytes would fail at the first one, and never reach the reader behind it.

use libfuzzer_sys::fuzzer_mutate;
use miniz_oxide::inflate::core::{DecompressorOxide, decompress, inflate_flags};

/// The most bytes that are unpacked to compute a checksum.
const MAX_UNPACKED: usize = 1 << 16;

/// Changes an input as libFuzzer does, and repairs the checksums of packed files and archives in seven of eight calls.
/// `head` returns the number of bytes before the content.
#[must_use]
pub fn mutate(data: &mut [u8], size: usize, max: usize, seed: u32, head: fn(&[u8]) -> usize) -> usize {
    let size = fuzzer_mutate(data, size, max);
    if seed.is_multiple_of(8) {
        return size;
    }
    let Some(input) = data.get_mut(..size) else { return size };
    let head = head(input);
    if let Some(content) = input.get_mut(head..) {
        checksums(content);
    }
    size
}

/// Rewrites the checksums of gzip, zip and tar.
fn checksums(content: &mut [u8]) -> Option<()> {
    // Each stops at bytes that are not in its format.
    if content.starts_with(b"\x1f\x8b\x08") {
        gzip(content)
    } else if content.starts_with(b"PK") {
        zip(content)
    } else if content.get(257..262) == Some(b"ustar") {
        tar(content)
    } else {
        None
    }
}

fn set<const N: usize>(content: &mut [u8], at: usize, bytes: [u8; N]) {
    if let Some(place) = content.get_mut(at..at.saturating_add(N)) {
        place.copy_from_slice(&bytes);
    }
}

fn u16_at(content: &[u8], at: usize) -> Option<usize> {
    content.get(at..)?.first_chunk().map(|bytes| usize::from(u16::from_le_bytes(*bytes)))
}

fn u32_at(content: &[u8], at: usize) -> Option<usize> {
    content.get(at..)?.first_chunk().map(|bytes| u32::from_le_bytes(*bytes) as usize)
}

/// Inflates bytes; also returns how many were read.
fn inflate(packed: &[u8]) -> (Vec<u8>, usize) {
    let mut plain = vec![0; packed.len().saturating_mul(1040).min(MAX_UNPACKED)];
    let flags = inflate_flags::TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF;
    let (_, read, written) = decompress(&mut DecompressorOxide::new(), packed, &mut plain, 0, flags);
    plain.truncate(written);
    (plain, read)
}

/// Repairs a file with one member and no optional header fields.
fn gzip(content: &mut [u8]) -> Option<()> {
    if content.get(3) != Some(&0) {
        return None;
    }
    let (plain, read) = inflate(content.get(10..)?);
    set(content, 10 + read, crc32fast::hash(&plain).to_le_bytes());
    set(content, 14 + read, (plain.len() as u32).to_le_bytes());
    Some(())
}

fn zip(content: &mut [u8]) -> Option<()> {
    let end = content.windows(4).rposition(|at| at == b"PK\x05\x06")?;
    let (count, mut entry) = (u16_at(content, end + 10)?, u32_at(content, end + 16)?);
    for _ in 0..count.min(64) {
        let deflated = u16_at(content, entry + 10)? == 8;
        let (packed, at) = (u32_at(content, entry + 20)?, u32_at(content, entry + 42)?);
        let start = at + 30 + u16_at(content, at + 26)? + u16_at(content, at + 28)?;
        let bytes = content.get(start..start + packed)?;
        let (crc, size) = if deflated {
            let (plain, _) = inflate(bytes);
            (crc32fast::hash(&plain), plain.len())
        } else {
            (crc32fast::hash(bytes), packed)
        };
        set(content, entry + 16, crc.to_le_bytes());
        set(content, entry + 24, (size as u32).to_le_bytes());
        entry +=
            46 + u16_at(content, entry + 28)? + u16_at(content, entry + 30)? + u16_at(content, entry + 32)?;
    }
    Some(())
}

fn tar(content: &mut [u8]) -> Option<()> {
    let mut at = 0_usize;
    while let Some(header) = content.get_mut(at..at + 512) {
        header.get_mut(148..156)?.fill(b' ');
        let sum: u32 = header.iter().map(|&byte| u32::from(byte)).sum();
        set(header, 148, *format!("{sum:06o}\0").as_bytes().first_chunk::<7>()?);
        let size = std::str::from_utf8(header.get(124..135)?).ok()?;
        let size = usize::from_str_radix(size.trim_matches([' ', '\0']), 8).ok()?;
        at = at.checked_add(512)?.checked_add(size.checked_next_multiple_of(512)?)?;
    }
    Some(())
}
