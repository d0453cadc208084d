//! Texts of a column. Those that follow each other are mostly the same, and then share their memory.

use std::rc::Rc;

/// Bytes that the different texts of one page may have; ids have few.
const MAX_BYTES: usize = 16 << 20;

/// Collects the texts of one page.
#[derive(Debug, Default)]
pub(super) struct Texts {
    texts: Vec<Rc<str>>,
    bytes: usize,
}

impl Texts {
    /// Adds a text; `None` for other bytes than UTF-8, and beyond [`MAX_BYTES`].
    pub fn push(&mut self, text: &[u8]) -> Option<()> {
        let text = match self.texts.last() {
            Some(last) if last.as_bytes() == text => Rc::clone(last),
            _ => {
                self.bytes += text.len();
                if self.bytes > MAX_BYTES {
                    return None;
                }
                Rc::from(std::str::from_utf8(text).ok()?)
            }
        };
        self.texts.push(text);
        Some(())
    }

    /// The texts in order.
    pub fn finish(self) -> Vec<Rc<str>> {
        self.texts
    }
}

/// Decodes exactly `count` texts, each after its length (`PLAIN`); `None` when the bytes do not hold them.
pub fn plain(mut bytes: &[u8], count: usize) -> Option<Vec<Rc<str>>> {
    let mut texts = Texts::default();
    for _ in 0..count {
        let (length, rest) = bytes.split_first_chunk()?;
        let (text, rest) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
        texts.push(text)?;
        bytes = rest;
    }
    Some(texts.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_after_their_lengths() {
        let bytes = b"\x02\0\0\0s0\x02\0\0\0s0\x03\0\0\0s10";
        let texts = plain(bytes, 3).expect("texts");
        assert_eq!(texts.join(" "), "s0 s0 s10");
        assert!(Rc::ptr_eq(&texts[0], &texts[1]));
        assert_eq!(plain(&bytes[..18], 3), None);
        assert_eq!(plain(b"\x01\0\0\0\xff", 1), None);
        assert_eq!(plain(b"\xff\xff\xff\xffab", 1), None);
    }
}
