//! Links changed behind their checksum: figures and names are changed, not the letters that they are written with.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use crc::{CRC_32_ISO_HDLC, Crc};
use libfuzzer_sys::fuzzer_mutate;
use miniz_oxide::inflate::core::{DecompressorOxide, decompress, inflate_flags};

/// What every link begins with.
const BEGINNING: &str = "#r=1d.";

/// The list of phrases that names are deflated behind.
const PHRASES: &[u8] = include_bytes!("../../crates/report/src/link/phrases-v1.txt");

/// Most bytes of names that are changed as text.
const MAX_NAMES: usize = 8 << 10;

/// The parts of a link.
struct Link {
    /// Deflated.
    names: Vec<u8>,
    figures: Vec<u8>,
}

/// A number of at most four bytes, and what comes after it.
fn number(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let end = bytes.iter().take(4).position(|byte| byte & 128 == 0)?;
    let value = bytes.iter().take(end + 1).rev().fold(0, |value, byte| value << 7 | usize::from(byte & 127));
    Some((value, bytes.get(end + 1..)?))
}

fn push_number(bytes: &mut Vec<u8>, mut value: usize) {
    while value >= 128 {
        bytes.push(value as u8 | 128);
        value >>= 7;
    }
    bytes.push(value as u8);
}

impl Link {
    /// Takes a link apart, whatever its checksum says.
    fn of(text: &[u8]) -> Option<Self> {
        let text = text.trim_ascii().strip_prefix(BEGINNING.as_bytes())?;
        let payload = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (_, rest) = number(&payload)?;
        let (names, rest) = number(rest.get(4..)?)?;
        let (names, figures) = rest.split_at_checked(names)?;
        Some(Self { names: names.to_vec(), figures: figures.to_vec() })
    }

    fn text(&self) -> String {
        let mut rest = Vec::new();
        push_number(&mut rest, self.names.len());
        rest.extend_from_slice(&self.names);
        rest.extend_from_slice(&self.figures);
        let mut payload = Vec::new();
        push_number(&mut payload, rest.len());
        payload.extend(Crc::<u32>::new(&CRC_32_ISO_HDLC).checksum(&rest).to_le_bytes());
        payload.extend(rest);
        format!("{BEGINNING}{}", URL_SAFE_NO_PAD.encode(payload))
    }

    /// The names as text.
    fn plain_names(&self) -> Vec<u8> {
        let mut plain = vec![0; PHRASES.len() + MAX_NAMES];
        if let Some(phrases) = plain.get_mut(..PHRASES.len()) {
            phrases.copy_from_slice(PHRASES);
        }
        let flags = inflate_flags::TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF;
        let mut state = DecompressorOxide::new();
        let (_, _, written) = decompress(&mut state, &self.names, &mut plain, PHRASES.len(), flags);
        plain.truncate(PHRASES.len() + written);
        plain.split_off(PHRASES.len())
    }

    /// Takes names as they are, as one block that is not packed.
    fn set_names(&mut self, plain: &[u8]) {
        self.names.clear();
        if plain.is_empty() {
            return;
        }
        let len = plain.len() as u16;
        self.names.push(1);
        self.names.extend(len.to_le_bytes());
        self.names.extend((!len).to_le_bytes());
        self.names.extend_from_slice(plain);
    }
}

/// Changes some bytes of a list, which may grow by a few.
fn change(mut bytes: Vec<u8>) -> Vec<u8> {
    let size = bytes.len();
    let most = size + 16;
    bytes.resize(most, 0);
    let size = fuzzer_mutate(&mut bytes, size, most);
    bytes.truncate(size);
    bytes
}

/// Changes a link: mostly its figures, at times its names, packed or as text, and now and then its letters.
#[must_use]
pub fn mutate(data: &mut [u8], size: usize, max: usize, seed: u32) -> usize {
    let link = data.get(..size).and_then(Link::of);
    let Some(mut link) = link.filter(|_| !seed.is_multiple_of(16)) else {
        return fuzzer_mutate(data, size, max);
    };
    match seed / 16 % 8 {
        0 => link.names = change(link.names),
        1 | 2 => {
            let mut names = change(link.plain_names());
            names.truncate(MAX_NAMES);
            link.set_names(&names);
        }
        _ => link.figures = change(link.figures),
    }
    let text = link.text();
    match data.get_mut(..text.len()) {
        Some(place) if text.len() <= max => {
            place.copy_from_slice(text.as_bytes());
            text.len()
        }
        _ => fuzzer_mutate(data, size, max),
    }
}
