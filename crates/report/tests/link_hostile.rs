//! Cut, changed and fabricated links: each gives an error with advice, within bounded time and
//! memory.

// Properties need a source of randomness that browsers give differently.
#![cfg(not(target_arch = "wasm32"))]
#![expect(clippy::unwrap_used, reason = "a test may fail where it stands")]

#[path = "arbitrary/mod.rs"]
mod arbitrary;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use crc::{CRC_32_ISO_HDLC, Crc};
use proptest::prelude::{ProptestConfig, any, prop, prop_assert, proptest};
use report::{
    Error,
    link::{self, LinkOptions, fragment_of},
};

/// A usual link.
fn usual() -> String {
    link::encode(&arbitrary::report(5, 8, 3), &LinkOptions::EVERYTHING).unwrap()
}

fn push_number(bytes: &mut Vec<u8>, mut number: usize) {
    while number >= 128 {
        bytes.push(number as u8 | 128);
        number >>= 7;
    }
    bytes.push(number as u8);
}

/// A link with a valid envelope around any bytes.
fn link_of(bytes: &[u8]) -> String {
    let mut payload = Vec::new();
    push_number(&mut payload, bytes.len());
    payload.extend(Crc::<u32>::new(&CRC_32_ISO_HDLC).checksum(bytes).to_le_bytes());
    payload.extend(bytes);
    format!("#r=1d.{}", URL_SAFE_NO_PAD.encode(payload))
}

/// Bytes that look like anything, from a small seeded generator.
fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    };
    std::iter::repeat_with(next).take(length).collect()
}

fn error(text: &str) -> Error {
    link::decode(text).unwrap_err()
}

#[test]
fn errors_say_what_to_do() {
    let link = usual();
    let half = &link[..link.len() / 2];
    let message = |text: &str| error(text).to_string();
    let (data, arrived) = (link.len() - 6, half.len() - 6);
    assert!(message(half).contains(&format!("cut: {arrived} of {data} characters")), "{}", message(half));
    assert!(message(&link.replace("1d.", "2d.")).contains("later version of Grokscope"));
    assert!(message("https://example.org/").contains("not a Grokscope link"));
    let place = link.len() / 2;
    let other = if link.as_bytes()[place] == b'x' { "y" } else { "x" };
    let mut changed = link.clone();
    changed.replace_range(place..=place, other);
    assert!(message(&changed).contains("not valid"));
}

#[test]
fn later_versions_are_told_apart() {
    for text in ["#r=2d.AAAA", "#r=1z.AAAA", "#r=10d.AAAA", "#r=1dx.AAAA"] {
        assert!(matches!(error(text), Error::LaterLink { .. }), "{text}");
    }
}

#[test]
fn every_cut_is_called_a_cut() {
    let text = usual();
    let whole = text.len() - "#r=1d.".len();
    for length in "#r=1d.".len()..text.len() {
        match error(&text[..length]) {
            Error::LinkCut { arrived, expected } => {
                assert_eq!(arrived, length - "#r=1d.".len());
                assert!(expected == whole || arrived < 3, "{expected} of {whole}");
            }
            other => panic!("{length}: {other}"),
        }
    }
}

#[test]
fn the_data_is_found_in_addresses() {
    for text in [
        "1d.AbC_-",
        "r=1d.AbC_-",
        "#r=1d.AbC_-",
        "#r=1d.AbC_-&view=layers",
        "#view=layers&r=1d.AbC_-&theme=dark",
        "https://example.org/grokscope/#r=1d.AbC_-",
        "  https://example.org/?lang=en#r=1d.AbC_-&embed=1\n",
        "?r=1d.AbC_-",
    ] {
        assert_eq!(fragment_of(text), Some("1d.AbC_-"), "{text}");
    }
    for text in
        ["", "#", "r=", "#r=abc", "https://example.org/", "1.5", "x1d.abc", "é1d.abc", "#r=ééééééééééé1d."]
    {
        assert_eq!(fragment_of(text), None, "{text}");
    }
}

#[test]
fn line_breaks_of_mail_are_removed() {
    let text = usual();
    let broken = [&text[..80], &text[80..200], &text[200..]].join("\r\n");
    assert_eq!(link::decode(&broken).unwrap(), link::decode(&text).unwrap());
}

#[test]
fn what_is_appended_is_an_error() {
    let text = usual();
    for end in ["A", ".", "AAAA"] {
        assert!(matches!(error(&format!("{text}{end}")), Error::LinkInvalid { .. }), "{end}");
    }
}

#[test]
fn very_long_texts_are_refused() {
    let text = format!("#r=1d.{}", "A".repeat(3 << 20));
    assert!(matches!(error(&text), Error::LinkTooLarge { .. }));
}

#[test]
fn figures_that_were_not_written_are_an_error() {
    for seed in 0..300 {
        let length = [0, 1, 5, 40, 400, 4_000][seed as usize % 6];
        assert!(link::decode(&link_of(&noise(seed, length))).is_err(), "seed {seed}");
    }
    for byte in [0x00, 0x55, 0xFF] {
        for length in [1, 1_000, 100_000] {
            assert!(link::decode(&link_of(&vec![byte; length])).is_err(), "{length} times {byte}");
        }
    }
}

#[test]
fn long_noise_is_an_error() {
    for seed in 0..12 {
        let mut bits = noise(seed, 600_000);
        // Likely bits first, so that sizes become large before anything fails.
        bits[..(seed as usize) * 3].fill(if seed % 2 == 0 { 0x00 } else { 0xFF });
        assert!(link::decode(&link_of(&bits)).is_err());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_an_error(text in "\\PC{0,200}") {
        prop_assert!(link::decode(&text).is_err());
        let link = format!("#r=1d.{text}");
        prop_assert!(link::decode(&link).is_err());
    }

    #[test]
    fn any_change_is_an_error(seed in any::<u64>(), place in any::<prop::sample::Index>(), byte in "[A-Za-z0-9_-]", cut in any::<bool>()) {
        let report = arbitrary::report(seed % 64, 3, 2);
        let text = link::encode(&report, &LinkOptions::EVERYTHING).unwrap();
        let place = 6 + place.index(text.len() - 6);
        let mut changed = text.clone();
        if cut {
            changed.truncate(place);
        } else {
            changed.replace_range(place..=place, &byte);
        }
        // The last character may hold bits that mean nothing.
        if changed != text && place + 1 < text.len() {
            prop_assert!(link::decode(&changed).is_err());
        }
    }

    /// Changed bits with a valid checksum give another report or an error.
    #[test]
    fn changed_bits_do_no_harm(seed in any::<u64>(), place in any::<prop::sample::Index>(), bit in 0_u8..8) {
        let report = arbitrary::report(seed % 64, 3, 2);
        let text = link::encode(&report, &LinkOptions::EVERYTHING).unwrap();
        let payload = URL_SAFE_NO_PAD.decode(&text[6..]).unwrap();
        let start = payload.iter().position(|byte| byte & 128 == 0).unwrap() + 5;
        let mut bits = payload[start..].to_vec();
        if !bits.is_empty() {
            let place = place.index(bits.len());
            bits[place] ^= 1 << bit;
        }
        if let Ok(read) = link::decode(&link_of(&bits)) {
            prop_assert!(read.check().is_ok());
        }
    }
}
