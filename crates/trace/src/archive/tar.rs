//! Lists the members of a tar archive (POSIX ustar and pax, GNU's long names) by reading one header
//! of 512 bytes per member. The libraries for tar read an archive from start to end, for which a
//! file in a browser or at a URL would have to be fetched completely.

use crate::{error::Error, io::source::Source};

const BLOCK: u64 = 512;

/// The longest name or extended header that is read, in bytes.
const MAX_EXTENDED: u64 = 1 << 20;

/// Where a member's bytes are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its path in the archive.
    pub name: String,
    /// Its first byte.
    pub start: u64,
    /// Its length.
    pub len: u64,
}

/// Whether these first bytes are those of a tar archive: the magic of ustar and a matching
/// checksum.
#[must_use]
pub fn looks_like(head: &[u8]) -> bool {
    head.get(257..262) == Some(b"ustar") && head.get(..BLOCK as usize).is_some_and(checksum_is_right)
}

/// Whether a header's checksum matches: the sum of its bytes, with the checksum's own field counted
/// as blanks.
fn checksum_is_right(header: &[u8]) -> bool {
    let sum: u64 = header
        .iter()
        .enumerate()
        .map(|(at, &byte)| if (148..156).contains(&at) { 32 } else { u64::from(byte) })
        .sum();
    header.get(148..156).and_then(number) == Some(sum)
}

/// An octal number, or a binary one where its first bit is set (GNU).
fn number(field: &[u8]) -> Option<u64> {
    if let [0x80, rest @ ..] = field {
        let (high, low) = rest.split_at_checked(rest.len().checked_sub(8)?)?;
        return if high.iter().all(|&b| b == 0) {
            low.first_chunk().map(|b| u64::from_be_bytes(*b))
        } else {
            None
        };
    }
    let text = std::str::from_utf8(field).ok()?;
    let digits = text.trim_matches([' ', '\0']);
    if digits.is_empty() { Some(0) } else { u64::from_str_radix(digits, 8).ok() }
}

fn text(field: &[u8]) -> String {
    let end = field.iter().position(|&b| b == 0).unwrap_or(field.len());
    String::from_utf8_lossy(field.get(..end).unwrap_or_default()).into_owned()
}

/// Fields of the next member that extended headers override.
#[derive(Default)]
struct Extended {
    path: Option<String>,
    size: Option<u64>,
}

impl Extended {
    /// Reads pax records: a length, a blank, `key=value` and a line feed. Reading ends at the first
    /// other line.
    fn pax(&mut self, mut bytes: &[u8]) {
        while let Some(blank) = bytes.iter().position(|&b| b == b' ') {
            let len = std::str::from_utf8(bytes.get(..blank).unwrap_or_default()).ok();
            let Some(len) = len.and_then(|len| len.parse::<usize>().ok()).filter(|&len| len > blank + 1)
            else {
                return;
            };
            let Some(line) = bytes.get(blank + 1..len - 1) else { return };
            let line = String::from_utf8_lossy(line);
            match line.split_once('=') {
                Some(("path", path)) => self.path = Some(path.to_owned()),
                Some(("size", size)) => self.size = size.parse().ok(),
                _ => {}
            }
            bytes = bytes.get(len..).unwrap_or_default();
        }
    }
}

/// The files of an archive, in its order, without folders, links and devices.
///
/// # Errors
/// [`Error::Format`] for a header that does not follow the format, a wrong checksum, a member that
/// reaches beyond the end of the file, or more than `most` members.
pub async fn entries(source: &Source, most: usize) -> Result<Vec<Entry>, Error> {
    let malformed = |at: u64, found: &str, expected: &str, advice: &'static str| Error::Format {
        name: source.name().to_owned(),
        part: format!("tar header at byte {at}"),
        found: found.to_owned(),
        expected: expected.to_owned(),
        advice,
    };
    // Only for checksums and lengths that do not match.
    let damaged = |at: u64, found: &str, expected: &str| {
        malformed(
            at,
            found,
            expected,
            "The archive is damaged or cut off; copy or download it again, or pack the files again.",
        )
    };
    let mut entries = Vec::new();
    let mut extended = Extended::default();
    let mut at = 0_u64;
    // The archive ends with blocks of zeros, which some writers omit.
    while at < source.len() {
        if source.len() - at < BLOCK {
            return Err(damaged(at, "a header that is cut off", "512 bytes"));
        }
        let header = source.read(at, BLOCK as usize).await?;
        if header.iter().all(|&b| b == 0) {
            break;
        }
        if !checksum_is_right(&header) {
            return Err(damaged(
                at,
                "a checksum that does not match",
                "the checksum of the next member's header",
            ));
        }
        let field = |from: usize, to: usize| header.get(from..to).unwrap_or_default();
        let kind = header.get(156).copied().unwrap_or(0);
        let declared = number(field(124, 136)).ok_or_else(|| {
            malformed(
                at,
                "a size that is not a number",
                "the member's size in octal",
                "Pack the files again with tar.",
            )
        })?;
        let plain = matches!(kind, 0 | b'0' | b'7');
        let len = if plain { extended.size.unwrap_or(declared) } else { declared };
        let start = at + BLOCK;
        let end = start.checked_add(len).filter(|&end| end <= source.len());
        let end =
            end.ok_or_else(|| damaged(at, &format!("a member of {len} bytes"), "one inside the file"))?;
        match kind {
            b'L' | b'x' | b'g' if len > MAX_EXTENDED => {
                return Err(malformed(
                    at,
                    &format!("an extended header of {len} bytes"),
                    "at most 1 MiB",
                    "Pack the files again with tar, without extended attributes.",
                ));
            }
            b'L' => extended.path = Some(text(&source.read(start, len as usize).await?)),
            b'x' => extended.pax(&source.read(start, len as usize).await?),
            // Global fields: none of them is needed here.
            b'g' => {}
            _ if plain => {
                let short = text(field(0, 100));
                let prefix =
                    if field(257, 263) == b"ustar\0" { text(field(345, 500)) } else { String::new() };
                let long = if prefix.is_empty() { short } else { format!("{prefix}/{short}") };
                let name = std::mem::take(&mut extended).path.unwrap_or(long);
                if !name.ends_with('/') {
                    if entries.len() == most {
                        return Err(malformed(
                            at,
                            &format!("more than {most} files"),
                            "the files of one run",
                            "Pack the files of one run only.",
                        ));
                    }
                    entries.push(Entry { name, start, len });
                }
            }
            _ => extended = Extended::default(),
        }
        at = end.next_multiple_of(BLOCK);
    }
    Ok(entries)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_as_writers_write_them() {
        assert_eq!(number(b"00000000017\0"), Some(15));
        assert_eq!(number(b"     17 \0"), Some(15));
        assert_eq!(number(b"\0\0\0\0"), Some(0));
        assert_eq!(number(b"\x80\0\0\0\0\0\0\x01\0\0\0\x02"), Some((1 << 32) + 2));
        assert_eq!(number(b"\x80\x01\0\0\0\0\0\0\0\0\0\x02"), None);
        assert_eq!(number(b"9"), None);
    }

    #[test]
    fn pax_records_with_wrong_lengths_are_ignored() {
        let mut extended = Extended::default();
        extended.pax(b"14 path=a/b.c\n12 size=123\n");
        assert_eq!((extended.path.as_deref(), extended.size), (Some("a/b.c"), Some(123)));
        for wrong in [&b"0 path=x\n"[..], b"999 path=x\n", b"x path=x\n", b"2 \n", b" \n"] {
            let mut extended = Extended::default();
            extended.pax(wrong);
            assert_eq!(extended.path, None);
        }
    }
}
