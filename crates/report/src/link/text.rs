//! Codes names and notes as bytes: as a repeat of an earlier text, else with a model of the
//! previous byte.

use std::collections::BTreeMap;

use super::coder::{AdaptiveModel, Coder};
use crate::Error;

/// Phrases that are likely in notes and names. They are part of link version 1.
const PHRASES: &str = include_str!("phrases-v1.txt");
/// Number of previous bytes that predict a repeat.
const CONTEXT: usize = 4;
/// Most bytes of one name or note.
const MOST_NAME: u64 = 4_096;
/// Most bytes of all names and notes together.
const MOST_TEXT: usize = 1 << 18;

/// Text codec with its history.
pub(super) struct Texts {
    /// All texts so far, and the last position after each context.
    history: Vec<u8>,
    ends: BTreeMap<[u8; CONTEXT], usize>,
    /// Whether a repeat ends, by the number of bytes repeated.
    other: [AdaptiveModel; 16],
    /// Bytes as binary trees, by the previous byte.
    bytes: Vec<[AdaptiveModel; 256]>,
}

impl Texts {
    /// Creates a codec with the phrases as history.
    pub(super) fn new() -> Result<Self, Error> {
        let bytes = vec![[AdaptiveModel::EVEN; 256]; 256];
        let other = [AdaptiveModel::EVEN; 16];
        let mut texts = Self { history: Vec::new(), ends: BTreeMap::new(), other, bytes };
        for phrase in PHRASES.lines() {
            texts.code(&mut Coder::trainer(), phrase.len() as u64, Some(phrase))?;
        }
        Ok(texts)
    }

    /// Codes a text of `length` bytes.
    pub(super) fn code(
        &mut self,
        coder: &mut Coder<'_>,
        length: u64,
        given: Option<&str>,
    ) -> Result<String, Error> {
        for (what, found, most) in [
            ("bytes in a name or note", length, MOST_NAME),
            ("bytes of names and notes", self.history.len() as u64 + length, MOST_TEXT as u64),
        ] {
            if found > most {
                return Err(Error::LinkTooLarge { what, found, most });
            }
        }
        let (start, mut alike) = (self.history.len(), 0);
        for at in 0..length as usize {
            let byte = given.and_then(|text| text.as_bytes().get(at)).copied().unwrap_or(0);
            let context = self.history.last_chunk().copied();
            let end = context.and_then(|context| self.ends.insert(context, self.history.len()));
            let likely = end.and_then(|end| self.history.get(end)).copied();
            let same = match likely {
                Some(likely) => !coder.bit(&mut self.other[alike.min(15)], byte != likely)?,
                None => false,
            };
            alike = if same { alike + 1 } else { 0 };
            let byte =
                if let Some(likely) = likely.filter(|_| same) { likely } else { self.byte(coder, byte)? };
            self.history.push(byte);
        }
        let bytes = self.history.get(start..).unwrap_or_default();
        let text =
            std::str::from_utf8(bytes).map_err(|_| Error::LinkInvalid { place: "a name is not UTF-8" });
        text.map(str::to_owned)
    }

    fn byte(&mut self, coder: &mut Coder<'_>, byte: u8) -> Result<u8, Error> {
        let models = &mut self.bytes[usize::from(self.history.last().copied().unwrap_or(0))];
        let node = (0..8).rev().try_fold(1, |node, place| {
            let bit = coder.bit(&mut models[node], byte >> place & 1 == 1)?;
            Ok::<_, Error>(node << 1 | usize::from(bit))
        })?;
        Ok(node as u8)
    }
}
