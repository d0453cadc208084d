//! The envelope of a link: text form, version, length, checksum.
//!
//! `#r=`, version, codec, `.`, then base64url of: the number of bytes after the checksum, a CRC-32 of them, the bytes.
//! The number has seven bits per byte, lowest first.

use base64::{
    Engine as _,
    alphabet::URL_SAFE,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use crc::{CRC_32_ISO_HDLC, Crc, NoTable};

use crate::Error;

/// CRC-32 as zip and gzip have it. Links are short: a table, 16 KiB of the page, would save some microseconds.
const CHECKSUM: Crc<u32, NoTable> = Crc::<u32, NoTable>::new(&CRC_32_ISO_HDLC);

/// Without padding; what a cut link ends with may hold bits of the next byte.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new()
        .with_encode_padding(false)
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::RequireNone),
);

/// The beginning of a link's fragment.
pub const FRAGMENT: &str = "#r=";

/// Version of the link format that is written here.
const LINK_VERSION: &str = "1";

/// The codec: JSON and predicted figures in an arithmetic coder.
const CODEC: &str = "d";

/// Longest link that is read, in characters.
const MOST_CHARACTERS: usize = 1 << 20;

/// Bytes of the checksum.
const SUM: usize = 4;

/// Bytes as `#r=1d.…`.
pub(super) fn to_text(bytes: &[u8]) -> String {
    let mut payload = Vec::with_capacity(bytes.len() + 8);
    let mut length = bytes.len();
    while length >= 128 {
        payload.push(length as u8 | 128);
        length >>= 7;
    }
    payload.push(length as u8);
    payload.extend(CHECKSUM.checksum(bytes).to_le_bytes());
    payload.extend(bytes);
    format!("{FRAGMENT}{LINK_VERSION}{CODEC}.{}", BASE64.encode(payload))
}

/// The data of a link, from `1d.` on: of a whole address, of a fragment with or without `#` and with other
/// parameters (`&view=…`) around, or of the data alone.
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
    let (head, body) = data.split_once('.').filter(|(head, _)| head.len() < 16)?;
    let (version, codec) = head.split_at(head.bytes().take_while(u8::is_ascii_digit).count());
    let sound =
        !version.is_empty() && !codec.is_empty() && codec.bytes().all(|byte| byte.is_ascii_lowercase());
    sound.then_some((version, codec, body))
}

/// Reads the envelope and returns its bytes.
pub(super) fn from_text(text: &str) -> Result<Vec<u8>, Error> {
    let damaged = |place| Error::LinkDamaged { place };
    let (version, codec, body) = fragment_of(text).and_then(version_of).ok_or(Error::NotALink)?;
    if version != LINK_VERSION || codec != CODEC {
        return Err(Error::LaterLink { version: format!("{version}{codec}") });
    }
    if body.len() > MOST_CHARACTERS {
        let (found, most) = (body.len() as u64, MOST_CHARACTERS as u64);
        return Err(Error::LinkTooLarge { what: "characters", found, most });
    }
    // Mail programs break long lines.
    let body: Vec<u8> = body.bytes().filter(|byte| !byte.is_ascii_whitespace() && *byte != b'=').collect();
    // A cut link may end inside a group of four; what is whole of it still has the length.
    let whole = if body.len() % 4 == 1 { body.len() - 1 } else { body.len() };
    let payload = BASE64
        .decode(body.get(..whole).unwrap_or_default())
        .map_err(|_| damaged("it has characters that a link never has"))?;
    let cut = |expected| Error::LinkCut { arrived: body.len(), expected };
    let start = payload.iter().take(3).position(|byte| *byte < 128);
    let start =
        start.ok_or(if payload.len() < 3 { cut(16) } else { damaged("its length is out of range") })? + 1;
    let length =
        payload.iter().take(start).rev().fold(0, |length, byte| length << 7 | usize::from(byte & 127));
    let expected = (start + SUM + length).saturating_mul(4).div_ceil(3);
    if body.len() < expected {
        return Err(cut(expected));
    }
    if body.len() > expected {
        return Err(damaged("something is appended to it"));
    }
    let (sum, bytes) =
        payload.get(start..).and_then(|rest| rest.split_at_checked(SUM)).ok_or(cut(expected))?;
    if CHECKSUM.checksum(bytes).to_le_bytes() != sum {
        return Err(damaged("its checksum does not fit"));
    }
    Ok(bytes.to_vec())
}
