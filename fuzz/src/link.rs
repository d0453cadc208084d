//! Links changed behind their checksum: the coded bytes are changed, not the letters that they are written with.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use crc::{CRC_32_ISO_HDLC, Crc};
use libfuzzer_sys::fuzzer_mutate;

/// The beginning of every link.
const BEGINNING: &str = "#r=1d.";

/// Bytes of the checksum.
const SUM: usize = 4;

/// The coded bytes of a link, whatever its checksum says.
fn coded(text: &[u8]) -> Option<Vec<u8>> {
    let text = text.trim_ascii().strip_prefix(BEGINNING.as_bytes())?;
    let payload = URL_SAFE_NO_PAD.decode(text).ok()?;
    let length = payload.iter().take(4).position(|byte| byte & 128 == 0)? + 1;
    payload.get(length + SUM..).map(<[u8]>::to_vec)
}

fn link(coded: &[u8]) -> String {
    let mut payload = Vec::new();
    let mut length = coded.len();
    while length >= 128 {
        payload.push(length as u8 | 128);
        length >>= 7;
    }
    payload.push(length as u8);
    payload.extend(Crc::<u32>::new(&CRC_32_ISO_HDLC).checksum(coded).to_le_bytes());
    payload.extend(coded);
    format!("{BEGINNING}{}", URL_SAFE_NO_PAD.encode(payload))
}

/// Changes a link: mostly its coded bytes, now and then its letters.
#[must_use]
pub fn mutate(data: &mut [u8], size: usize, max: usize, seed: u32) -> usize {
    let before = size;
    let coded = data.get(..size).and_then(coded);
    let Some(mut coded) = coded.filter(|_| !seed.is_multiple_of(16)) else {
        return fuzzer_mutate(data, size, max);
    };
    let size = coded.len();
    let most = size + 16;
    coded.resize(most, 0);
    let size = fuzzer_mutate(&mut coded, size, most);
    coded.truncate(size);
    let text = link(&coded);
    match data.get_mut(..text.len()) {
        Some(place) if text.len() <= max => {
            place.copy_from_slice(text.as_bytes());
            text.len()
        }
        _ => fuzzer_mutate(data, before, max),
    }
}
