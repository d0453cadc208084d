//! Checksums put right. Bytes that were changed at random fail at the first checksum; behind it is what is to be tried.

use libfuzzer_sys::fuzzer_mutate;
use miniz_oxide::inflate::core::{DecompressorOxide, decompress, inflate_flags};

/// Most bytes that are unpacked to know their checksum.
const MOST: usize = 1 << 16;

/// Changes an input as libFuzzer does; where its content is packed or an archive, checksums are right afterwards, but for
/// one time in eight. `head` is the length of what stands before the content.
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
    // Each gives up where the bytes are not what it is for.
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

/// What deflated bytes become, and how many of them there are.
fn inflate(packed: &[u8]) -> (Vec<u8>, usize) {
    let mut plain = vec![0; packed.len().saturating_mul(1040).min(MOST)];
    let flags = inflate_flags::TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF;
    let (_, read, written) = decompress(&mut DecompressorOxide::new(), packed, &mut plain, 0, flags);
    plain.truncate(written);
    (plain, read)
}

/// One member without names or comments before its bytes.
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
