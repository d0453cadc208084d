//! The envelope of a link: text form, version, length, checksum.
//!
//! `#r=`, version, codec, `.`, then base64url of: the number of bytes after the checksum (LEB128),
//! their CRC-32, and the bytes.

use base64::{
    Engine as _,
    alphabet::URL_SAFE,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use crc::{CRC_32_ISO_HDLC, Crc, NoTable};

use crate::Error;

/// CRC-32 of zip and gzip. Links are short: a 16 KiB table would save only microseconds.
const CHECKSUM: Crc<u32, NoTable> = Crc::<u32, NoTable>::new(&CRC_32_ISO_HDLC);

/// Without padding; trailing bits are allowed, because a cut link may end within a byte.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new()
        .with_encode_padding(false)
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::RequireNone),
);

/// Start of the fragment of a link.
pub const FRAGMENT: &str = "#r=";

/// Link format version that is written.
const LINK_VERSION: &str = "1";

/// The codec: JSON and predicted figures in an arithmetic coder.
const CODEC: &str = "d";

/// Largest number of characters of a link that is read.
const MOST_CHARACTERS: usize = 1 << 20;

/// Size of the checksum in bytes.
const SUM: usize = 4;

/// Encodes bytes as `#r=1d.…`.
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

/// Finds the data of a link, from `1d.` on. The text is an address, a fragment with or without `#`
/// and with other parameters (`&view=…`), or the data alone.
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

/// Decodes the envelope and returns its bytes.
pub(super) fn from_text(text: &str) -> Result<Vec<u8>, Error> {
    let invalid = |place| Error::LinkInvalid { place };
    let (version, codec, body) = fragment_of(text).and_then(version_of).ok_or(Error::NotALink)?;
    if version != LINK_VERSION || codec != CODEC {
        return Err(Error::LaterLink { version: format!("{version}{codec}") });
    }
    if body.len() > MOST_CHARACTERS {
        let (found, most) = (body.len() as u64, MOST_CHARACTERS as u64);
        return Err(Error::LinkTooLarge { what: "characters", found, most });
    }
    // Mail programs wrap long lines.
    let body: Vec<u8> = body.bytes().filter(|byte| !byte.is_ascii_whitespace() && *byte != b'=').collect();
    // A cut link may end within a group of four characters; the length can still be read from the
    // complete bytes.
    let whole = if body.len() % 4 == 1 { body.len() - 1 } else { body.len() };
    let payload =
        BASE64.decode(body.get(..whole).unwrap_or_default()).map_err(|_| invalid("unexpected characters"))?;
    let cut = |expected| Error::LinkCut { arrived: body.len(), expected };
    let start = payload.iter().take(3).position(|byte| *byte < 128);
    let start = start.ok_or(if payload.len() < 3 { cut(16) } else { invalid("length out of range") })? + 1;
    let length =
        payload.iter().take(start).rev().fold(0, |length, byte| length << 7 | usize::from(byte & 127));
    let expected = (start + SUM + length).saturating_mul(4).div_ceil(3);
    if body.len() < expected {
        return Err(cut(expected));
    }
    if body.len() > expected {
        return Err(invalid("extra data at the end"));
    }
    let (sum, bytes) =
        payload.get(start..).and_then(|rest| rest.split_at_checked(SUM)).ok_or(cut(expected))?;
    if CHECKSUM.checksum(bytes).to_le_bytes() != sum {
        return Err(invalid("the checksum does not match"));
    }
    Ok(bytes.to_vec())
}
