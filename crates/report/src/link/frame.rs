//! The outside of a link: text form, length, checksum, names.
//!
//! `#r=`, version, codec, `.`, then base64url of: how many bytes follow the checksum, a CRC-32 of them, how many bytes
//! the deflated names take, the deflated names, the bits. Numbers have seven bits a byte, lowest first.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use crc::{CRC_32_ISO_HDLC, Crc, NoTable};
use miniz_oxide::{
    deflate::core::{CompressorOxide, TDEFLFlush, TDEFLStatus, compress, create_comp_flags_from_zip_params},
    inflate::{TINFLStatus, core as inflate},
};

use super::tree::MOST_TEXT;
use crate::Error;

/// CRC-32 as zip and gzip have it. Links are short: a table, 16 KiB of the page, would save some microseconds.
const CHECKSUM: Crc<u32, NoTable> = Crc::<u32, NoTable>::new(&CRC_32_ISO_HDLC);

/// What a link's fragment begins with.
pub const FRAGMENT: &str = "#r=";

/// Version of the link format that is written here.
const LINK_VERSION: &str = "1";

/// The codec: names deflated, figures as predicted steps in a range coder.
const CODEC: &str = "d";

/// Longest link that is looked at, in characters.
const MOST_CHARACTERS: usize = 1 << 20;

/// Names and phrases that names and notes are likely to share, for the deflater to point at. Version 1 has this
/// very text for ever.
const PHRASES: &[u8] = include_bytes!("phrases-v1.txt");

/// What a link holds.
pub(super) struct Frame {
    pub(super) texts: Vec<u8>,
    pub(super) bits: Vec<u8>,
}

fn push_number(bytes: &mut Vec<u8>, mut number: usize) {
    while number >= 128 {
        bytes.push(number as u8 | 128);
        number >>= 7;
    }
    bytes.push(number as u8);
}

/// A number of at most four bytes, and where it ends.
fn take_number(bytes: &[u8], mut place: usize) -> Option<(usize, usize)> {
    let mut number = 0;
    for shift in [0, 7, 14, 21] {
        let byte = usize::from(*bytes.get(place)?);
        place += 1;
        number |= (byte & 127) << shift;
        if byte < 128 {
            return Some((number, place));
        }
    }
    None
}

/// Names and bits as `#r=1d.…`.
pub(super) fn to_text(texts: &[u8], bits: &[u8]) -> String {
    assemble(&deflate(texts), bits)
}

fn assemble(packed: &[u8], bits: &[u8]) -> String {
    let mut rest = Vec::with_capacity(packed.len() + bits.len() + 4);
    push_number(&mut rest, packed.len());
    rest.extend_from_slice(packed);
    rest.extend_from_slice(bits);
    let mut payload = Vec::with_capacity(rest.len() + 8);
    push_number(&mut payload, rest.len());
    payload.extend_from_slice(&CHECKSUM.checksum(&rest).to_le_bytes());
    payload.extend_from_slice(&rest);
    format!("{FRAGMENT}{LINK_VERSION}{CODEC}.{}", URL_SAFE_NO_PAD.encode(payload))
}

/// The part of a text that is a link's data, from `1d.` on: of a whole address, of a fragment with or without
/// `#` and with other parameters (`&view=…`) around, or of the data alone.
#[must_use]
pub fn fragment_of(text: &str) -> Option<&str> {
    let text = text.trim();
    let fragment = text.split_once('#').map_or(text, |(_, fragment)| fragment);
    let parameters = fragment.trim_start_matches('?');
    let named = parameters.split('&').find_map(|parameter| parameter.strip_prefix("r="));
    let data = named.or_else(|| parameters.split('&').next())?;
    version_of(data).map(|_| data)
}

/// Version, codec and data of `1d.…`.
fn version_of(data: &str) -> Option<(&str, &str, &str)> {
    let (head, body) =
        data.get(..16).unwrap_or(data).split_once('.').map(|(head, _)| (head, &data[head.len() + 1..]))?;
    let digits = head.bytes().take_while(u8::is_ascii_digit).count();
    let (version, codec) = head.split_at(digits);
    let sound =
        !version.is_empty() && !codec.is_empty() && codec.bytes().all(|byte| byte.is_ascii_lowercase());
    sound.then_some((version, codec, body))
}

/// Reads the outside of a link.
pub(super) fn from_text(text: &str) -> Result<Frame, Error> {
    if text.len() > 2 * MOST_CHARACTERS {
        return Err(Error::LinkTooLarge {
            what: "characters",
            found: text.len() as u64,
            most: MOST_CHARACTERS as u64,
        });
    }
    let (version, codec, body) = fragment_of(text).and_then(version_of).ok_or(Error::NotALink)?;
    if version != LINK_VERSION || codec != CODEC {
        return Err(Error::LaterLink { version: format!("{version}{codec}") });
    }
    // Mail programs break long lines.
    let body: Vec<u8> = body.bytes().filter(|byte| !byte.is_ascii_whitespace() && *byte != b'=').collect();
    if body.len() > MOST_CHARACTERS {
        let found = body.len() as u64;
        return Err(Error::LinkTooLarge { what: "characters", found, most: MOST_CHARACTERS as u64 });
    }
    if let Some(place) = body.iter().position(|byte| !(byte.is_ascii_alphanumeric() || b"-_".contains(byte)))
    {
        let place = if place == 0 { "it has no data" } else { "it has characters that a link never has" };
        return Err(Error::LinkDamaged { place });
    }
    // A cut link may end in the middle of a group of four; what is whole of it still tells its length.
    let whole = if body.len() % 4 == 1 { body.len() - 1 } else { body.len() };
    let payload = base64_lenient(body.get(..whole).unwrap_or(&[]));
    let cut = |expected| Error::LinkCut { arrived: body.len(), expected };
    let Some((length, start)) = take_number(&payload, 0) else { return Err(cut(16)) };
    let expected = (start + 4 + length).saturating_mul(4).div_ceil(3);
    if body.len() < expected {
        return Err(cut(expected));
    }
    if body.len() > expected {
        return Err(Error::LinkDamaged { place: "something is appended to it" });
    }
    let damaged = |place| Error::LinkDamaged { place };
    let (Some(sum), Some(rest)) = (payload.get(start..start + 4), payload.get(start + 4..)) else {
        return Err(cut(expected));
    };
    if CHECKSUM.checksum(rest).to_le_bytes() != sum {
        return Err(damaged("its checksum does not fit"));
    }
    let (packed, names) = take_number(rest, 0).ok_or(damaged("it has no names"))?;
    let end = names + packed;
    let texts = inflate_names(rest.get(names..end).ok_or(damaged("it has no names"))?)?;
    Ok(Frame { texts, bits: rest.get(end..).unwrap_or_default().to_vec() })
}

/// Decodes base64url whose last bits may be anything.
fn base64_lenient(text: &[u8]) -> Vec<u8> {
    use base64::{
        alphabet::URL_SAFE,
        engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
    };
    let config = GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::RequireNone);
    GeneralPurpose::new(&URL_SAFE, config).decode(text).unwrap_or_default()
}

/// Deflates names behind the phrases, which the reader has too.
fn deflate(texts: &[u8]) -> Vec<u8> {
    if texts.is_empty() {
        return Vec::new();
    }
    let flags = create_comp_flags_from_zip_params(10, -15, 0);
    let mut compressor = CompressorOxide::new(flags);
    let mut packed = vec![0; PHRASES.len() + texts.len() + 4_096];
    // The phrases go through first, and what they come to is dropped.
    let (_, _, dropped) = compress(&mut compressor, PHRASES, &mut packed, TDEFLFlush::Sync);
    let (mut read, mut written) = (0, dropped);
    loop {
        let rest = texts.get(read..).unwrap_or(&[]);
        let (status, taken, given) =
            compress(&mut compressor, rest, &mut packed[written..], TDEFLFlush::Finish);
        read += taken;
        written += given;
        if status != TDEFLStatus::Okay {
            break;
        }
        packed.resize(packed.len() + 4_096, 0);
    }
    packed.truncate(written);
    packed.drain(..dropped);
    packed
}

/// Inflates names; more than a link may hold is refused when the room for them is full.
fn inflate_names(packed: &[u8]) -> Result<Vec<u8>, Error> {
    if packed.is_empty() {
        return Ok(Vec::new());
    }
    let mut room = PHRASES.len() + 32 * 1_024;
    loop {
        let mut texts = vec![0; room];
        texts[..PHRASES.len()].copy_from_slice(PHRASES);
        let mut state = inflate::DecompressorOxide::new();
        let flags = inflate::inflate_flags::TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF;
        let (status, taken, given) =
            inflate::decompress(&mut state, packed, &mut texts, PHRASES.len(), flags);
        match status {
            TINFLStatus::Done if taken == packed.len() => {
                texts.truncate(PHRASES.len() + given);
                texts.drain(..PHRASES.len());
                return Ok(texts);
            }
            TINFLStatus::HasMoreOutput if room < PHRASES.len() + MOST_TEXT => {
                room = PHRASES.len() + MOST_TEXT;
            }
            TINFLStatus::HasMoreOutput => {
                return Err(Error::LinkTooLarge {
                    what: "bytes of names and notes",
                    found: given as u64 + 1,
                    most: MOST_TEXT as u64,
                });
            }
            _ => return Err(Error::LinkDamaged { place: "its names cannot be inflated" }),
        }
    }
}
