//! Reads the directory of a zip archive (APPNOTE 6.3, sections 4.3 to 4.5) by ranges: the end
//! record, the central directory, and a member's local header when the member is read. Supported
//! are stored and deflated members, as NumPy and most programs write them, with 64-bit sizes,
//! without encryption and in one volume.

use std::{cell::RefCell, fmt, rc::Rc};

use miniz_oxide::inflate::{
    TINFLStatus,
    core::{DecompressorOxide, decompress, inflate_flags},
    decompress_to_vec_with_limit,
};

use crate::{
    error::Error,
    io::source::{MAX_READ, Source},
    text::shorten,
};

const END_SIGNATURE: u32 = 0x0605_4b50;
const END64_SIGNATURE: u32 = 0x0606_4b50;
const LOCATOR64_SIGNATURE: u32 = 0x0706_4b50;
const MEMBER_SIGNATURE: u32 = 0x0201_4b50;
const LOCAL_SIGNATURE: u32 = 0x0403_4b50;

/// The longest central directory that is read, in bytes.
const MAX_DIRECTORY: u64 = 32 << 20;

/// The largest ratio of unpacked to packed bytes. Deflate itself reaches at most 1032.
const MAX_RATIO: u64 = 1040;

/// The most recently unpacked member, with its number; shared by the members of an archive.
type Cache = Rc<RefCell<Option<(u64, Rc<[u8]>)>>>;

/// One member of an archive.
#[derive(Clone)]
pub struct Member {
    /// Its name.
    pub name: String,
    /// Bytes when unpacked.
    pub size: u64,
    packed: u64,
    crc: u32,
    deflated: bool,
    /// How it is packed, where that is not supported.
    unsupported: Option<String>,
    header_at: u64,
    /// Its index in the directory; several members may share an offset in the archive.
    number: u64,
    cache: Cache,
}

impl fmt::Debug for Member {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Member").field("name", &self.name).field("size", &self.size).finish_non_exhaustive()
    }
}

/// Whether the first bytes are those of a zip archive, an empty one included.
#[must_use]
pub fn looks_like(head: &[u8]) -> bool {
    head.starts_with(b"PK\x03\x04") || head.starts_with(b"PK\x05\x06")
}

/// Reads little-endian numbers at byte offsets of a record.
struct Record<'a>(&'a [u8]);

impl Record<'_> {
    fn u16(&self, at: usize) -> Option<u16> {
        self.0.get(at..)?.first_chunk().map(|b| u16::from_le_bytes(*b))
    }

    fn u32(&self, at: usize) -> Option<u32> {
        self.0.get(at..)?.first_chunk().map(|b| u32::from_le_bytes(*b))
    }

    fn u64(&self, at: usize) -> Option<u64> {
        self.0.get(at..)?.first_chunk().map(|b| u64::from_le_bytes(*b))
    }
}

/// The error that the archive does not follow the format.
fn malformed(name: &str, part: &str, found: &str, expected: &str) -> Error {
    Error::Format {
        name: name.to_owned(),
        part: part.to_owned(),
        found: found.to_owned(),
        expected: expected.to_owned(),
        advice: "Check that the archive is complete, or pack the files again as zip (arrays with numpy.savez).",
    }
}

/// The error that a checksum or a declared length does not match.
fn damaged(name: &str, part: &str, found: &str, expected: &str) -> Error {
    Error::Format {
        name: name.to_owned(),
        part: part.to_owned(),
        found: found.to_owned(),
        expected: expected.to_owned(),
        advice: "The archive is damaged or cut off; copy or download it again, or pack the files again.",
    }
}

/// Reads the directory of an archive.
///
/// # Errors
/// [`Error::Format`] when the archive or its directory does not follow the format.
pub async fn members(source: &Source) -> Result<Vec<Member>, Error> {
    let name = source.name();
    let len = source.len();
    // The end record is 22 bytes and a comment of at most 65535.
    let tail_len = len.min(22 + 65_535);
    let tail = source.read(len - tail_len, tail_len as usize).await?;
    let no_end = || malformed(name, "end of the archive", "no end record", "the end record of a zip archive");
    let at = (0..tail.len().saturating_sub(21))
        .rev()
        .find(|&at| Record(tail.get(at..).unwrap_or_default()).u32(0) == Some(END_SIGNATURE))
        .ok_or_else(no_end)?;
    let end = Record(tail.get(at..).unwrap_or_default());
    let mut count = u64::from(end.u16(10).ok_or_else(no_end)?);
    let mut size = u64::from(end.u32(12).ok_or_else(no_end)?);
    let mut start = u64::from(end.u32(16).ok_or_else(no_end)?);
    if let Some(locator_at) = at.checked_sub(20) {
        let locator = Record(tail.get(locator_at..).unwrap_or_default());
        if locator.u32(0) == Some(LOCATOR64_SIGNATURE) {
            let end64_at = locator.u64(8).ok_or_else(no_end)?;
            let bytes = source.read(end64_at, 56).await?;
            let end64 = Record(&bytes);
            if end64.u32(0) != Some(END64_SIGNATURE) {
                return Err(no_end());
            }
            count = end64.u64(32).ok_or_else(no_end)?;
            size = end64.u64(40).ok_or_else(no_end)?;
            start = end64.u64(48).ok_or_else(no_end)?;
        }
    }
    if start.checked_add(size).is_none_or(|end| end > len) {
        return Err(damaged(
            name,
            "end of the archive",
            &format!("a directory of {size} bytes at byte {start}"),
            "one inside the file",
        ));
    }
    if size > MAX_DIRECTORY {
        return Err(Error::Format {
            name: name.to_owned(),
            part: "end of the archive".to_owned(),
            found: format!("a directory of {size} bytes"),
            expected: format!("at most {} MiB", MAX_DIRECTORY >> 20),
            advice: "Pack the files of one run only.",
        });
    }
    let directory = source.read(start, size as usize).await?;
    let members = parse_directory(name, &directory, count)?;
    // Members that share their bytes could unpack to any multiple of them.
    let packed = members.iter().fold(0_u64, |sum, member| sum.saturating_add(member.packed));
    let room = len - size;
    if packed > room {
        return Err(damaged(
            name,
            "archive directory",
            &format!("members of {packed} bytes where there are {room}"),
            "members that do not overlap",
        ));
    }
    Ok(members)
}

fn parse_directory(name: &str, directory: &[u8], count: u64) -> Result<Vec<Member>, Error> {
    let cache = Rc::new(RefCell::new(None));
    let mut members = Vec::new();
    let mut rest = directory;
    for number in 0..count {
        let short = || {
            malformed(
                name,
                &format!("archive entry {number}"),
                "an incomplete entry, or none",
                "the next entry of the archive's directory",
            )
        };
        let record = Record(rest);
        if record.u32(0) != Some(MEMBER_SIGNATURE) {
            return Err(short());
        }
        let field = |at| record.u16(at).map(usize::from).ok_or_else(short);
        let (flags, method) = (field(8)?, field(10)?);
        let (name_len, extra_len, comment_len) = (field(28)?, field(30)?, field(32)?);
        let entry_len = 46 + name_len + extra_len + comment_len;
        let entry = rest.get(..entry_len).ok_or_else(short)?;
        let entry_name =
            String::from_utf8_lossy(entry.get(46..46 + name_len).unwrap_or_default()).into_owned();
        let extra = entry.get(46 + name_len..46 + name_len + extra_len).unwrap_or_default();
        let mut sizes = [record.u32(24), record.u32(20), record.u32(42)].map(|v| u64::from(v.unwrap_or(0)));
        widen_sizes(&mut sizes, extra).ok_or_else(short)?;
        let [size, packed, header_at] = sizes;
        // Reported only when the member is read: the others may be usable.
        let unsupported = match (flags & 1, method) {
            (0, 0 | 8) => None,
            (0, method) => Some(format!("packing method {method}")),
            _ => Some("encrypted".to_owned()),
        };
        members.push(Member {
            name: entry_name,
            size,
            packed,
            crc: record.u32(16).ok_or_else(short)?,
            deflated: method == 8,
            unsupported,
            header_at,
            number,
            cache: Rc::clone(&cache),
        });
        rest = rest.get(entry_len..).unwrap_or_default();
    }
    Ok(members)
}

/// Replaces sizes of all ones by the 64-bit ones of extra field 1, which has them in this order and
/// only where needed.
fn widen_sizes(sizes: &mut [u64; 3], mut extra: &[u8]) -> Option<()> {
    if sizes.iter().all(|&size| size != u64::from(u32::MAX)) {
        return Some(());
    }
    while extra.len() >= 4 {
        let record = Record(extra);
        let (id, len) = (record.u16(0)?, usize::from(record.u16(2)?));
        let body = Record(extra.get(4..4 + len)?);
        if id == 1 {
            let mut at = 0;
            for size in sizes.iter_mut().filter(|size| **size == u64::from(u32::MAX)) {
                *size = body.u64(at)?;
                at += 8;
            }
            return Some(());
        }
        extra = extra.get(4 + len..)?;
    }
    None
}

impl Member {
    /// Whether it is an array by its name.
    #[must_use]
    pub fn is_array(&self) -> bool {
        self.name.strip_suffix(".npy").is_some()
    }

    /// The member's place in messages.
    fn part(&self) -> String {
        format!("archive entry `{}`", shorten(&self.name))
    }

    fn malformed(&self, source: &Source, found: &str, expected: &str) -> Error {
        malformed(source.name(), &self.part(), found, expected)
    }

    fn damaged(&self, source: &Source, found: &str, expected: &str) -> Error {
        damaged(source.name(), &self.part(), found, expected)
    }

    /// Where its packed bytes begin: after the local header, whose length the directory does not
    /// contain.
    async fn data_start(&self, source: &Source) -> Result<u64, Error> {
        if let Some(unsupported) = &self.unsupported {
            return Err(Error::Format {
                name: source.name().to_owned(),
                part: self.part(),
                found: unsupported.clone(),
                expected: "stored or deflated, as NumPy and most programs write".to_owned(),
                advice: "Pack the files again with deflate and without a password.",
            });
        }
        let header = source.read(self.header_at, 30).await?;
        let record = Record(&header);
        let lens = (record.u16(26), record.u16(28));
        let (Some(LOCAL_SIGNATURE), (Some(name_len), Some(extra_len))) = (record.u32(0), lens) else {
            return Err(self.malformed(
                source,
                &format!("no local header at byte {}", self.header_at),
                "one where the directory declares it",
            ));
        };
        let start = self.header_at + 30 + u64::from(name_len) + u64::from(extra_len);
        let needed = start.saturating_add(self.packed);
        if needed > source.len() {
            return Err(Error::Truncated {
                name: source.name().to_owned(),
                part: self.part(),
                needed,
                len: source.len(),
            });
        }
        let bomb =
            self.deflated && self.size > self.packed.saturating_mul(MAX_RATIO).saturating_add(MAX_RATIO);
        if bomb || (!self.deflated && self.size != self.packed) {
            let expected = if self.deflated {
                format!("at most {MAX_RATIO} times as many")
            } else {
                "the same size, as the member is not compressed".to_owned()
            };
            return Err(self.malformed(
                source,
                &format!("{} bytes that claim to unpack to {}", self.packed, self.size),
                &expected,
            ));
        }
        Ok(start)
    }

    /// Where its bytes begin, if they are not compressed.
    ///
    /// # Errors
    /// [`Error::Format`] and [`Error::Truncated`] when the member does not follow the format or its
    /// length does not fit.
    pub async fn stored(&self, source: &Source) -> Result<Option<u64>, Error> {
        let start = self.data_start(source).await?;
        Ok(Some(start).filter(|_| !self.deflated))
    }

    /// Up to `len` bytes from its start, without unpacking the rest.
    ///
    /// # Errors
    /// As [`Member::stored`].
    pub async fn prefix(&self, source: &Source, len: usize) -> Result<Vec<u8>, Error> {
        let start = self.data_start(source).await?;
        // Incompressible data grows by some bytes per 64 KiB.
        let needed = if self.deflated { len + len / 1000 + 64 } else { len };
        let packed = source.read(start, self.packed.min(needed as u64) as usize).await?;
        if !self.deflated {
            return Ok(packed);
        }
        let mut out = vec![0; len];
        let flags = inflate_flags::TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF
            | inflate_flags::TINFL_FLAG_HAS_MORE_INPUT;
        let (_, _, written) = decompress(&mut DecompressorOxide::new(), &packed, &mut out, 0, flags);
        out.truncate(written);
        Ok(out)
    }

    /// The first `len` bytes of a deflated member that is not unpacked yet; `None` where
    /// [`Member::read`] is faster. They are not checked against the checksum, which covers all
    /// bytes.
    ///
    /// # Errors
    /// As [`Member::prefix`].
    pub async fn beginning(&self, source: &Source, len: usize) -> Result<Option<Vec<u8>>, Error> {
        let unpacked = self.cache.borrow().as_ref().is_some_and(|&(number, _)| number == self.number);
        if !self.deflated || unpacked {
            return Ok(None);
        }
        let start = self.prefix(source, len).await?;
        Ok(Some(start).filter(|start| start.len() == len))
    }

    /// Exactly `len` unpacked bytes from `offset` on. A deflated member is unpacked completely,
    /// checked against its checksum and cached until another member is unpacked.
    ///
    /// # Errors
    /// [`Error::Format`] as for [`Member::stored`] and for a wrong checksum, [`Error::TooLarge`]
    /// for a deflated member of more than 1 GiB.
    pub async fn read(&self, source: &Source, offset: u64, len: usize) -> Result<Vec<u8>, Error> {
        if offset.saturating_add(len as u64) > self.size {
            return Err(self.damaged(
                source,
                &format!("{} bytes", self.size),
                &format!("at least {}", offset + len as u64),
            ));
        }
        if !self.deflated {
            let start = self.data_start(source).await?;
            return source.read(start + offset, len).await;
        }
        let bytes = self.unpacked(source).await?;
        let offset = offset as usize;
        Ok(bytes.get(offset..offset + len).unwrap_or_default().to_vec())
    }

    async fn unpacked(&self, source: &Source) -> Result<Rc<[u8]>, Error> {
        if let Some((number, bytes)) = &*self.cache.borrow()
            && *number == self.number
        {
            return Ok(Rc::clone(bytes));
        }
        if self.size > MAX_READ {
            return Err(Error::TooLarge {
                name: source.name().to_owned(),
                what: format!("{}, unpacked,", self.part()),
                bytes: self.size,
                limit: MAX_READ,
                advice: "Write it unpacked (numpy.savez, or safetensors) or split the samples over several files.",
            });
        }
        // Frees the previous member first, so that two members are never in memory at once.
        self.cache.take();
        let start = self.data_start(source).await?;
        let packed = source.read(start, self.packed as usize).await?;
        let bytes = decompress_to_vec_with_limit(&packed, self.size as usize).map_err(|error| {
            if error.status == TINFLStatus::HasMoreOutput {
                return self.damaged(
                    source,
                    &format!("more than {} bytes when unpacked", self.size),
                    "as many as the directory declares",
                );
            }
            self.malformed(
                source,
                &format!("packed bytes that cannot be unpacked (status {})", error.status as i8),
                &format!("deflated data of {} bytes", self.size),
            )
        })?;
        if bytes.len() as u64 != self.size {
            return Err(self.damaged(
                source,
                &format!("{} bytes when unpacked", bytes.len()),
                &format!("{}, as the directory declares", self.size),
            ));
        }
        if crc32fast::hash(&bytes) != self.crc {
            return Err(self.damaged(source, "a checksum that does not match", "the one in the directory"));
        }
        let bytes: Rc<[u8]> = bytes.into();
        self.cache.replace(Some((self.number, Rc::clone(&bytes))));
        Ok(bytes)
    }
}
