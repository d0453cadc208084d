//! Text in UTF-16, as `>` of Windows PowerShell writes it, becomes UTF-8 in memory.

use std::rc::Rc;

use crate::{
    error::Error,
    io::source::{ByteSource as _, MemorySource, Source},
};

/// The largest file that is decoded.
const MAX: u64 = 256 << 20;

/// Bytes read at once; an even number.
const CHUNK: u64 = 4 << 20;

/// Characters at the beginning of a text without byte order mark that must be ASCII.
const LOOKED_AT: usize = 64;

/// How the two bytes of a unit lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    Little,
    Big,
}

impl Order {
    fn unit(self, pair: [u8; 2]) -> u16 {
        match self {
            Self::Little => u16::from_le_bytes(pair),
            Self::Big => u16::from_be_bytes(pair),
        }
    }
}

/// The order of a text in UTF-16, by the first bytes of a file: a byte order mark, or every second byte 0 beside plain
/// characters. `None` for anything else.
pub fn order(head: &[u8]) -> Option<Order> {
    let is_text = |bytes: &[u8], order: Order| {
        let units = bytes.as_chunks::<2>().0.iter().take(LOOKED_AT).map(|&pair| order.unit(pair));
        let plain = |unit: u16| matches!(unit, 0x20..=0x7e | 0x09 | 0x0a | 0x0d);
        bytes.len() >= 4 && units.into_iter().all(plain)
    };
    match head {
        // The mark alone does not prove UTF-16, but text has no control character after it.
        [0xff, 0xfe, 0, 0, ..] => None,
        [0xff, 0xfe, rest @ ..] if starts_as_text(rest, Order::Little) => Some(Order::Little),
        [0xfe, 0xff, rest @ ..] if starts_as_text(rest, Order::Big) => Some(Order::Big),
        _ => [Order::Little, Order::Big].into_iter().find(|&order| is_text(head, order)),
    }
}

/// Whether the units after a byte order mark are characters.
fn starts_as_text(bytes: &[u8], order: Order) -> bool {
    let units = bytes.as_chunks::<2>().0.iter().take(LOOKED_AT).map(|&pair| order.unit(pair));
    char::decode_utf16(units).all(|c| match c {
        Ok(c) => !c.is_control() || c.is_whitespace(),
        // The last one may be cut in two.
        Err(_) => bytes.len() / 2 > LOOKED_AT,
    })
}

/// The same file in UTF-8, without byte order marks.
///
/// # Errors
/// [`Error::TooLarge`] over 256 MiB, [`Error::Text`] with the byte where it is not UTF-16, and what the source returns.
pub async fn decode(source: &Source, order: Order) -> Result<Source, Error> {
    let name = source.name();
    if source.len() > MAX {
        return Err(Error::TooLarge {
            name: name.to_owned(),
            what: "the text in UTF-16".to_owned(),
            bytes: source.len(),
            limit: MAX,
            advice: "Save the file in UTF-8, which is read in pieces of any size.",
        });
    }
    let broken = |at: u64, found: &str| Error::Text {
        name: name.to_owned(),
        place: format!("byte {at}"),
        found: found.to_owned(),
        expected: "text in UTF-16".to_owned(),
        advice: "Write the file again in UTF-8.",
    };
    let mut text = String::new();
    // The first half of a character that needs two units.
    let mut half: Option<u16> = None;
    let mut at = 0;
    while at < source.len() {
        let len = CHUNK.min(source.len() - at);
        let bytes = source.read(at, len as usize).await?;
        let (pairs, rest) = bytes.as_chunks::<2>();
        let units = half.into_iter().chain(pairs.iter().map(|&pair| order.unit(pair)));
        let start = at - if half.is_some() { 2 } else { 0 };
        let mut read = 0_u64;
        half = None;
        for c in char::decode_utf16(units) {
            match c {
                Ok('\u{feff}') => read += 2,
                Ok(c) => {
                    text.push(c);
                    read += 2 * c.len_utf16() as u64;
                }
                Err(error) if start + read + 2 == at + 2 * pairs.len() as u64 && at + len < source.len() => {
                    half = Some(error.unpaired_surrogate());
                    read += 2;
                }
                Err(_) => return Err(broken(start + read, "half of a character")),
            }
        }
        at += len;
        if !rest.is_empty() {
            return Err(broken(at - 1, "half of a character at the end of the file"));
        }
    }
    Ok(Rc::new(MemorySource::new(name, text.into_bytes())))
}

#[cfg(all(test, not(target_arch = "wasm32")))]
mod tests {
    use futures::executor::block_on;

    use super::*;

    fn bytes(text: &str, order: Order) -> Vec<u8> {
        text.encode_utf16()
            .flat_map(|unit| match order {
                Order::Little => unit.to_le_bytes(),
                Order::Big => unit.to_be_bytes(),
            })
            .collect()
    }

    #[expect(clippy::expect_used, reason = "a helper that fails fails its test")]
    fn decoded(bytes: &[u8]) -> Result<String, Error> {
        let source: Source = Rc::new(MemorySource::new("t.csv", bytes));
        let order = order(bytes).expect("UTF-16");
        block_on(async {
            let source = decode(&source, order).await?;
            assert_eq!(source.name(), "t.csv");
            Ok(String::from_utf8(source.read(0, source.len() as usize).await?).expect("UTF-8"))
        })
    }

    #[test]
    fn both_orders_with_and_without_mark() {
        let text = "domain,step\r\nmath,1000\r\n".repeat(9) + "größe,𝛼\n";
        for order in [Order::Little, Order::Big] {
            assert_eq!(decoded(&bytes(&format!("\u{feff}{text}"), order)).unwrap(), text);
            assert_eq!(decoded(&bytes(&text, order)).unwrap(), text);
        }
        assert_eq!(decoded(&bytes("\u{feff}日本語", Order::Little)).unwrap(), "日本語");
    }

    #[test]
    fn characters_over_the_end_of_a_piece() {
        let text = format!("{}𝛼{}𝛼", "a".repeat(CHUNK as usize / 2 - 1), "b".repeat(CHUNK as usize / 2 - 2));
        assert_eq!(decoded(&bytes(&text, Order::Little)).unwrap(), text);
    }

    #[test]
    fn what_is_broken_has_a_place() {
        let mut odd = bytes("{\"a\": 1}", Order::Little);
        odd.push(b'x');
        assert!(decoded(&odd).unwrap_err().to_string().contains("byte 16"));
        let mut half = bytes(&"a".repeat(100), Order::Little);
        half[150..152].copy_from_slice(&0xd835_u16.to_le_bytes());
        assert!(decoded(&half).unwrap_err().to_string().contains("byte 150"));
    }

    #[test]
    fn other_files_are_left_alone() {
        let safetensors = b"\x58\x02\0\0\0\0\0\0{\"a\":1}";
        for head in [
            &b"{\"id\": 1}"[..],
            b"",
            b"\xff\xfe",
            b"\xff\xfe\0\0a\0\0\0",
            safetensors,
            b"\x93NUMPY\x01\0v\0",
        ] {
            let found = order(head);
            assert!(found.is_none() || head == b"\xff\xfe", "{head:?}: {found:?}");
        }
        // Numbers of two bytes that are not characters.
        assert_eq!(order(&[1, 0, 2, 0, 3, 0, 4, 0]), None);
    }
}
