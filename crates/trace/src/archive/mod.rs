//! Unpacks compressed files (gzip and zstd) and archives (zip and tar). Members are read as if
//! opened individually, under the name `archive/member` with folders kept. Uncompressed members are
//! read in place by ranges.
//!
//! Limits hold for every archive: at most [`MAX_MEMBERS`] files, two nested archives, and in total
//! as many unpacked bytes in memory as for a single file (see [`crate::archive::codecs`]).

pub mod codecs;
mod tar;
pub mod zip;

use std::{cell::Cell, fmt, rc::Rc};

use crate::{
    archive::codecs::{Codec, MAX_UNPACKED},
    error::Error,
    io::source::{ByteSource, HEAD, MemorySource, Pending, Source, check_range},
    text::shorten,
};

/// Endings of packed files and archives, lower case.
pub const ENDINGS: [&str; 8] = ["gz", "gzip", "zst", "zstd", "tgz", "tzst", "tar", "zip"];

/// The most files in one archive.
pub const MAX_MEMBERS: usize = 10_000;

/// Bytes at the start of a deflated member that are read without unpacking all of it.
const BEGINNING: u64 = 1 << 20;

/// The most nested archives.
const MAX_DEPTH: usize = 2;

/// The content of an opened file.
#[derive(Clone)]
pub struct Unpacked {
    /// The file itself, or the files packed in it, in its order.
    pub files: Vec<Source>,
    /// Errors of members that could not be read, in full sentences.
    pub notes: Vec<String>,
    /// Whether the file was packed or an archive.
    pub was_packed: bool,
}

impl fmt::Debug for Unpacked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.files.iter().map(|file| file.name()).collect();
        f.debug_struct("Unpacked").field("files", &names).field("notes", &self.notes).finish_non_exhaustive()
    }
}

/// A range of another source: an uncompressed member.
struct Part {
    name: String,
    whole: Source,
    start: u64,
    len: u64,
}

impl ByteSource for Part {
    fn name(&self) -> &str {
        &self.name
    }

    fn len(&self) -> u64 {
        self.len
    }

    fn read(&self, offset: u64, len: usize) -> Pending<'_, Result<Vec<u8>, Error>> {
        match check_range(&self.name, self.len, offset, len) {
            Ok(()) => self.whole.read(self.start + offset, len),
            Err(error) => Box::pin(std::future::ready(Err(error))),
        }
    }

    fn place(&self) -> Pending<'_, Result<Option<u64>, Error>> {
        Box::pin(async { Ok(self.whole.place().await?.map(|place| place + self.start)) })
    }
}

/// A member of a zip archive. A deflated member is unpacked when first read; the archive caches one
/// unpacked member.
struct ZipPart {
    name: String,
    archive: Source,
    member: zip::Member,
}

impl ByteSource for ZipPart {
    fn name(&self) -> &str {
        &self.name
    }

    fn len(&self) -> u64 {
        self.member.size
    }

    fn read(&self, offset: u64, len: usize) -> Pending<'_, Result<Vec<u8>, Error>> {
        Box::pin(async move {
            check_range(&self.name, self.member.size, offset, len)?;
            // A large member is not unpacked only to recognize its format.
            let end = offset + len as u64;
            if end <= BEGINNING
                && self.member.size > BEGINNING
                && let Some(start) = self.member.beginning(&self.archive, end as usize).await?
            {
                return Ok(start.get(offset as usize..).unwrap_or_default().to_vec());
            }
            self.member.read(&self.archive, offset, len).await
        })
    }

    fn place(&self) -> Pending<'_, Result<Option<u64>, Error>> {
        Box::pin(async {
            let Some(place) = self.archive.place().await? else { return Ok(None) };
            Ok(self.member.stored(&self.archive).await?.map(|start| place + start))
        })
    }
}

/// The packing of a source.
enum Packing {
    /// One file, packed.
    One(Codec),
    /// A zip archive.
    Zip(Vec<zip::Member>),
    /// A tar archive.
    Tar,
}

/// The files in a source, or the source itself if it is not packed.
///
/// Packed files are read completely, archives only up to their directory. Npz files and the zip
/// archives of `torch.save` are not unpacked.
///
/// # Errors
/// [`Error::Format`] for an archive that does not follow its format or exceeds the limits, and
/// errors of the source. Inside an archive such a file is skipped with a note.
pub async fn unpack(source: Source) -> Result<Unpacked, Error> {
    let Some(packing) = packing(&source).await? else {
        return Ok(Unpacked { files: vec![source], notes: Vec::new(), was_packed: false });
    };
    let mut unpacked = Unpacked { files: Vec::new(), notes: Vec::new(), was_packed: true };
    // One limit for all files, so that nested packing cannot exceed it.
    let left = Cell::new(codecs::limit(source.len()));
    let name = source.name().to_owned();
    expand(source, packing, 1, &left, &mut unpacked).await?;
    if unpacked.files.is_empty() && unpacked.notes.is_empty() {
        unpacked.notes.push(format!("{name}: an archive without files. Pack it again."));
    }
    Ok(unpacked)
}

async fn packing(source: &Source) -> Result<Option<Packing>, Error> {
    let head = source.read(0, source.len().min(HEAD) as usize).await?;
    if let Some(codec) = codecs::codec(&head) {
        return Ok(Some(Packing::One(codec)));
    }
    if tar::looks_like(&head) {
        return Ok(Some(Packing::Tar));
    }
    // Files of torch.save are explained later, in `format::unsupported`.
    if !zip::looks_like(&head) || ends_with(source.name(), "npz") || pickle(&head).is_some() {
        return Ok(None);
    }
    let members = zip::members(source).await?;
    // An archive of only arrays is an npz file, whatever its name.
    let arrays = members.iter().all(|member| member.is_array() || member.name.ends_with('/'));
    Ok(if arrays && !members.is_empty() { None } else { Some(Packing::Zip(members)) })
}

/// A path or URL without a URL's query and fragment.
fn path_of(name: &str) -> &str {
    name.split(['?', '#']).next().unwrap_or(name)
}

fn ends_with(name: &str, ending: &str) -> bool {
    path_of(name).rsplit_once('.').is_some_and(|(_, last)| last.eq_ignore_ascii_case(ending))
}

/// The name of an unpacked file.
fn plain_name(name: &str) -> String {
    let path = path_of(name);
    let Some((stem, ending)) = path.rsplit_once('.') else { return path.to_owned() };
    match ending.to_ascii_lowercase().as_str() {
        "gz" | "gzip" | "zst" | "zstd" if !stem.is_empty() => stem.to_owned(),
        "tgz" | "tzst" => format!("{stem}.tar"),
        _ => path.to_owned(),
    }
}

/// The name of a member, without `..`; `None` for files that operating systems add to archives.
fn member_name(archive: &str, member: &str) -> Option<String> {
    let parts: Vec<&str> =
        member.split(['/', '\\']).filter(|part| !part.is_empty() && *part != "." && *part != "..").collect();
    if parts.is_empty() || is_system_file(member) {
        return None;
    }
    Some(format!("{}/{}", path_of(archive), parts.join("/")))
}

/// Whether a file was made by an operating system beside others, such as `._x` (`AppleDouble`) and `.DS_Store`.
#[must_use]
pub fn is_system_file(path: &str) -> bool {
    let mut parts = path.split(['/', '\\']);
    parts.clone().next_back().is_some_and(|file| file.starts_with("._"))
        || parts.any(|part| ["__MACOSX", ".DS_Store", "Thumbs.db", "desktop.ini"].contains(&part))
}

/// Adds the files of an archive to the list. `left` is the number of bytes that may still be
/// unpacked into memory.
fn expand<'a>(
    source: Source,
    packing: Packing,
    depth: usize,
    left: &'a Cell<u64>,
    into: &'a mut Unpacked,
) -> Pending<'a, Result<(), Error>> {
    Box::pin(async move {
        let name = source.name().to_owned();
        match packing {
            Packing::One(codec) => {
                let plain: Source = Rc::new(unpack_one(&source, codec, left).await?);
                // A packed tar counts as one archive, and so does a file that was packed twice.
                match self::packing(&plain).await? {
                    Some(inner @ (Packing::Tar | Packing::Zip(_))) => {
                        expand(plain, inner, depth, left, into).await
                    }
                    Some(inner) => nested(plain, inner, depth, left, into).await,
                    None => {
                        into.files.push(plain);
                        Ok(())
                    }
                }
            }
            Packing::Zip(members) => {
                if members.len() > MAX_MEMBERS {
                    return Err(too_many(&name, &members.len().to_string()));
                }
                for member in members {
                    if member.name.ends_with('/') {
                        continue;
                    }
                    let Some(name) = member_name(&name, &member.name) else { continue };
                    let part = ZipPart { name, archive: Rc::clone(&source), member };
                    take(Rc::new(part), depth, left, into).await;
                }
                Ok(())
            }
            Packing::Tar => {
                for tar::Entry { name: member, start, len } in tar::entries(&source, MAX_MEMBERS).await? {
                    let Some(name) = member_name(&name, &member) else { continue };
                    let part = Part { name, whole: Rc::clone(&source), start, len };
                    take(Rc::new(part), depth, left, into).await;
                }
                Ok(())
            }
        }
    })
}

/// Adds a member. Its error is a note, so that the other members remain usable.
async fn take(member: Source, depth: usize, left: &Cell<u64>, into: &mut Unpacked) {
    let taken = match packing(&member).await {
        Ok(None) => {
            into.files.push(member);
            return;
        }
        Ok(Some(Packing::One(codec))) if depth >= MAX_DEPTH => {
            // A packed file counts as an archive only if it contains one.
            match unpack_one(&member, codec, left).await {
                Ok(plain) => {
                    let plain: Source = Rc::new(plain);
                    match packing(&plain).await {
                        Ok(None) => {
                            into.files.push(plain);
                            return;
                        }
                        Ok(Some(_)) => Err(too_deep(member.name())),
                        Err(error) => Err(error),
                    }
                }
                Err(error) => Err(error),
            }
        }
        Ok(Some(inner)) => nested(member, inner, depth, left, into).await,
        Err(error) => Err(error),
    };
    if let Err(error) = taken {
        into.notes.push(error.to_string());
    }
}

/// Expands an archive in an archive.
async fn nested(
    source: Source,
    packing: Packing,
    depth: usize,
    left: &Cell<u64>,
    into: &mut Unpacked,
) -> Result<(), Error> {
    if depth >= MAX_DEPTH {
        return Err(too_deep(source.name()));
    }
    expand(source, packing, depth + 1, left, into).await
}

fn too_deep(name: &str) -> Error {
    Error::Format {
        name: name.to_owned(),
        part: "archive".to_owned(),
        found: "an archive in an archive in an archive".to_owned(),
        expected: format!("at most {MAX_DEPTH} inside each other"),
        advice: "Unpack the outer archive and open its content instead.",
    }
}

fn too_many(name: &str, count: &str) -> Error {
    Error::Format {
        name: name.to_owned(),
        part: "archive directory".to_owned(),
        found: format!("{} files", shorten(count)),
        expected: format!("at most {MAX_MEMBERS}"),
        advice: "Pack the files of one run only.",
    }
}

/// Unpacks a packed file into memory.
async fn unpack_one(source: &Source, codec: Codec, left: &Cell<u64>) -> Result<MemorySource, Error> {
    let packed = source.len();
    let name = source.name();
    if packed > MAX_UNPACKED {
        return Err(Error::TooLarge {
            name: name.to_owned(),
            what: format!("a {} file, packed,", codec.name()),
            bytes: packed,
            limit: MAX_UNPACKED,
            advice: "Unpack it first; plain files are read by ranges.",
        });
    }
    let most = codecs::limit(packed).min(left.get());
    let bytes = source.read(0, packed as usize).await?;
    let plain = codec
        .unpack(&bytes, most)
        .map_err(|fault| codecs::fault(name, "packed content", codec, packed, most, fault))?;
    left.set(left.get() - plain.len() as u64);
    Ok(MemorySource::new(plain_name(name), plain))
}

/// The writer of a pickle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pickle {
    /// `torch.save`, which packs one into a zip archive.
    Torch,
    /// Python's pickle module, or an old `torch.save`.
    Python,
}

/// Whether the first bytes are those of a pickle.
pub fn pickle(head: &[u8]) -> Option<Pickle> {
    if head_has(head, b"/data.pkl") || head_has(head, b"archive/data/") {
        Some(Pickle::Torch)
    } else if matches!(head, [0x80, 2..=5, ..]) {
        Some(Pickle::Python)
    } else {
        None
    }
}

fn head_has(head: &[u8], needle: &[u8]) -> bool {
    head.starts_with(b"PK") && head.windows(needle.len()).any(|window| window == needle)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_contain_the_path_in_the_archive() {
        let name = |member| member_name("run.zip?download=1", member);
        assert_eq!(name("a/b.npz").as_deref(), Some("run.zip/a/b.npz"));
        assert_eq!(name("./../../etc//step-1.npz").as_deref(), Some("run.zip/etc/step-1.npz"));
        assert_eq!(name("a\\b.npz").as_deref(), Some("run.zip/a/b.npz"));
        assert_eq!((name("__MACOSX/a/._b"), name("a/.DS_Store"), name("..")), (None, None, None));
        assert_eq!(plain_name("x/step-1.safetensors.zst"), "x/step-1.safetensors");
        assert_eq!(plain_name("run.TGZ?x=1"), "run.tar");
        assert_eq!((plain_name(".gz").as_str(), plain_name("dump").as_str()), (".gz", "dump"));
    }
}
