//! Unpacks gzip, zstd and snappy, up to a given number of bytes.
//!
//! A file may unpack to at most [`MAX_UNPACKED`] bytes and to at most [`MAX_RATIO`] times its own
//! size. Deflate itself reaches at most 1032 to 1, and traces are far from that.

use std::io::Read;

use ruzstd::decoding::{
    StreamingDecoder,
    errors::{FrameDecoderError, ReadFrameHeaderError},
};

use crate::{error::Error, io::source::MAX_READ};

/// Bytes that one packed file may unpack to: 1 GiB.
pub const MAX_UNPACKED: u64 = MAX_READ;

/// How many times its packed size a file may unpack to, plus one MiB.
pub const MAX_RATIO: u64 = 1100;

/// The largest window of zstd: that of its `--long` setting.
const MAX_WINDOW: u64 = 1 << 27;

/// How bytes are packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Codec {
    /// RFC 1952, one member or several.
    Gzip,
    /// RFC 8878, one frame or several.
    Zstd,
    /// Raw snappy, as in Parquet: a length and one block.
    Snappy,
}

/// Why bytes could not be unpacked.
#[derive(Debug)]
pub enum Fault {
    /// The bytes unpack to more than the limit.
    TooMuch,
    /// The bytes cannot be unpacked, for this reason, or their checksum does not match.
    Undecodable(String),
}

/// The most bytes that this many packed bytes may unpack to.
#[must_use]
pub fn limit(packed: u64) -> u64 {
    packed.saturating_mul(MAX_RATIO).saturating_add(1 << 20).min(MAX_UNPACKED)
}

/// The codec of a packed file, by its first bytes.
#[must_use]
pub fn codec(head: &[u8]) -> Option<Codec> {
    if head.starts_with(b"\x1f\x8b\x08") {
        Some(Codec::Gzip)
    } else if head.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) {
        Some(Codec::Zstd)
    } else {
        None
    }
}

impl Codec {
    /// Its name in messages.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
            Self::Snappy => "snappy",
        }
    }

    /// Unpacks all of `packed`, to at most `most` bytes.
    ///
    /// # Errors
    /// [`Fault::TooMuch`] beyond `most` bytes, [`Fault::Undecodable`] for bytes that cannot be
    /// unpacked.
    pub fn unpack(self, packed: &[u8], most: u64) -> Result<Vec<u8>, Fault> {
        match self {
            Self::Gzip => {
                let mut out = Vec::new();
                drain(&mut flate2::read::MultiGzDecoder::new(packed), &mut out, most)?;
                Ok(out)
            }
            Self::Zstd => zstd(packed, most),
            Self::Snappy => {
                let undecodable = |error: snap::Error| Fault::Undecodable(error.to_string());
                let len = snap::raw::decompress_len(packed).map_err(undecodable)?;
                if len as u64 > most {
                    return Err(Fault::TooMuch);
                }
                snap::raw::Decoder::new().decompress_vec(packed).map_err(undecodable)
            }
        }
    }
}

/// Reads to the end, but not beyond `most` bytes in total.
fn drain(from: &mut impl Read, out: &mut Vec<u8>, most: u64) -> Result<(), Fault> {
    let left = most.saturating_sub(out.len() as u64);
    from.take(left.saturating_add(1))
        .read_to_end(out)
        .map_err(|error| Fault::Undecodable(error.to_string()))?;
    if out.len() as u64 > most { Err(Fault::TooMuch) } else { Ok(()) }
}

/// The first bytes of a zstd frame up to its window size, which is reduced to what `most` bytes and
/// the largest block need. The decoder buffers a whole window before it returns bytes, so a large
/// window would take memory for nothing.
fn frame_start(frame: &[u8], most: u64) -> Vec<u8> {
    // RFC 8878, 3.1.1.1: magic, descriptor, and the window size unless the frame is a single
    // segment.
    let mut start: Vec<u8> = frame.iter().take(6).copied().collect();
    let size = |byte: u8| (1_u64 << (10 + (byte >> 3))) / 8 * (8 + u64::from(byte & 7));
    if let [0x28, 0xb5, 0x2f, 0xfd, descriptor, window] = start.as_mut_slice()
        && *descriptor & 0x20 == 0
        && let Some(enough) = (0..*window).find(|&byte| size(byte) >= most.max(1 << 17))
    {
        *window = enough;
    }
    start
}

fn zstd(packed: &[u8], most: u64) -> Result<Vec<u8>, Fault> {
    let mut out = Vec::new();
    let mut rest = packed;
    while !rest.is_empty() {
        let before = rest.len();
        let left = most.saturating_sub(out.len() as u64);
        let start = frame_start(rest, left);
        rest = rest.get(start.len()..).unwrap_or_default();
        let frame = start.chain(&mut rest);
        let mut frame = match StreamingDecoder::new_with_max_window_size(frame, MAX_WINDOW) {
            Ok(frame) => frame,
            Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame {
                length, ..
            })) => {
                rest = rest
                    .get(length as usize..)
                    .ok_or_else(|| Fault::Undecodable("a skippable frame is cut off".to_owned()))?;
                continue;
            }
            Err(error) => return Err(Fault::Undecodable(error.to_string())),
        };
        // The decoder returns no bytes before its window is full.
        if frame.decoder.content_size() > left {
            return Err(Fault::TooMuch);
        }
        drain(&mut frame, &mut out, most)?;
        let (declared, actual) =
            (frame.decoder.get_checksum_from_data(), frame.decoder.get_calculated_checksum());
        if declared.is_some() && declared != actual {
            return Err(Fault::Undecodable("its checksum does not match".to_owned()));
        }
        drop(frame);
        if rest.len() == before {
            break;
        }
    }
    Ok(out)
}

/// The error for a fault.
pub fn fault(name: &str, part: &str, codec: Codec, packed: u64, most: u64, fault: Fault) -> Error {
    match fault {
        Fault::TooMuch => Error::Format {
            name: name.to_owned(),
            part: part.to_owned(),
            found: format!("{packed} packed bytes unpack to more than {most}"),
            expected: format!(
                "at most {} MiB, and at most {MAX_RATIO} times the packed size",
                MAX_UNPACKED >> 20
            ),
            advice: "If you trust the file, unpack it and open its content instead.",
        },
        Fault::Undecodable(reason) => Error::Format {
            name: name.to_owned(),
            part: part.to_owned(),
            found: format!(
                "{} data that cannot be unpacked ({})",
                codec.name(),
                crate::text::shorten_to(&reason, 120)
            ),
            expected: format!("complete {} data with matching checksums", codec.name()),
            advice: "Copy or download the file again, or pack it again.",
        },
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(6));
        encoder.write_all(bytes).expect("memory");
        encoder.finish().expect("memory")
    }

    fn zstd(bytes: &[u8]) -> Vec<u8> {
        ruzstd::encoding::compress_to_vec(bytes, ruzstd::encoding::CompressionLevel::Fastest)
    }

    #[test]
    fn several_members_and_frames_are_one_file() {
        let text = "one,two,three\n".repeat(1000);
        for (codec, pack) in [(Codec::Gzip, gzip as fn(&[u8]) -> Vec<u8>), (Codec::Zstd, zstd)] {
            let mut packed = pack(text.as_bytes());
            packed.extend(pack(text.as_bytes()));
            let twice = text.repeat(2);
            assert_eq!(codec.unpack(&packed, 1 << 20).expect("whole"), twice.as_bytes(), "{codec:?}");
            assert!(matches!(codec.unpack(&packed, 27_999), Err(Fault::TooMuch)), "{codec:?}");
            assert!(codec.unpack(&packed, 28_000).is_ok(), "{codec:?}");
            packed.truncate(packed.len() - 9);
            assert!(matches!(codec.unpack(&packed, 1 << 20), Err(Fault::Undecodable(_))), "{codec:?}");
        }
    }

    #[test]
    fn a_zstd_window_is_no_larger_than_the_limit_needs() {
        // A window of 128 MiB, and one last block of 100,000 equal bytes.
        let mut frame = vec![0x28, 0xb5, 0x2f, 0xfd, 0, 17 << 3];
        frame.extend((100_000_u32 << 3 | 0b011).to_le_bytes().into_iter().take(3));
        frame.push(b'x');
        assert_eq!(frame_start(&frame, 1000), [0x28, 0xb5, 0x2f, 0xfd, 0, 7 << 3], "128 KiB");
        assert_eq!(frame_start(&frame, 1 << 20), [0x28, 0xb5, 0x2f, 0xfd, 0, 10 << 3], "1 MiB");
        assert_eq!(frame_start(&frame, 1 << 40), frame[..6]);
        assert_eq!(Codec::Zstd.unpack(&frame, 100_000).expect("whole"), vec![b'x'; 100_000]);
        assert!(matches!(Codec::Zstd.unpack(&frame, 99_999), Err(Fault::TooMuch)));
        assert!(matches!(Codec::Zstd.unpack(&frame, 0), Err(Fault::TooMuch)));
    }

    #[test]
    fn the_length_that_snappy_declares_is_checked_first() {
        // Declares 2^32 - 1 bytes and has none.
        let claims = [0xff, 0xff, 0xff, 0xff, 0x0f];
        assert!(matches!(Codec::Snappy.unpack(&claims, 1000), Err(Fault::TooMuch)));
    }
}
