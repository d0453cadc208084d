//! The page's own reader of reports against `serde_json`: the same reports from the same texts, and a refusal at the same
//! line of texts that are spoiled.

// `serde_json` is only the measure; what is measured is the same in browsers, and export tests run there.
#![cfg(not(target_arch = "wasm32"))]
#![expect(clippy::unwrap_used, reason = "a test may fail where it stands")]

#[path = "arbitrary/mod.rs"]
mod arbitrary;
#[expect(dead_code, reason = "the tests of links use more of it")]
mod synthetic;

use proptest::prelude::{ProptestConfig, any, prop_assert, prop_assert_eq, proptest};
use report::{Report, json, parse_json};
use synthetic::{DOMAINS, PAPER_STEPS, SMALL};

/// The two fields that say what the rest is.
#[derive(serde::Deserialize)]
#[expect(dead_code, reason = "only their kinds matter")]
struct Head {
    #[serde(default)]
    format: Option<String>,
    #[serde(default)]
    version: Option<u64>,
}

/// Holds the reader against `serde_json` at one text.
fn compare(text: &str) -> Result<(), String> {
    let checked = |report: Report| report.check().is_ok().then_some(report);
    // As `parse_json` does: what is no JSON, or of another kind, is refused before any other field is looked at.
    let expected = serde_json::from_str::<Head>(text).and_then(|_| serde_json::from_str::<Report>(text));
    match (expected, parse_json(text)) {
        (Ok(expected), Ok(found)) if checked(expected.clone()).as_ref() == Some(&found) => Ok(()),
        (Ok(expected), Err(report::Error::Inconsistent { .. } | report::Error::Setting { .. }))
            if expected.check().is_err() =>
        {
            Ok(())
        }
        (Ok(expected), Err(report::Error::NotAReport { .. } | report::Error::LaterReport { .. }))
            if expected.format != report::FORMAT || expected.version > report::VERSION =>
        {
            Ok(())
        }
        (Err(expected), Err(found)) => {
            // It takes the end of a line that stands in a string for the begin of the next line.
            let lines = [expected.line(), expected.line() - usize::from(expected.column() == 0)];
            let found = found.to_string();
            let same = lines.iter().any(|line| found.contains(&format!("at line {line} column")))
                || found.contains("its `format`")
                || found.contains("no `version`")
                || found.contains("later version");
            if same { Ok(()) } else { Err(format!("serde_json: {expected}\nhere: {found}")) }
        }
        (expected, found) => Err(format!("serde_json: {:?}\nhere: {:?}", expected.err(), found.err())),
    }
}

/// Spoils a text in one place.
fn spoil(text: &str, way: u8, place: usize, with: usize) -> String {
    const PIECES: [&str; 16] =
        ["", ",", ":", "\"", "{", "}", "[", "]", "-", "0", ".", "e", "null", "true", "\\u00e9", "\n"];
    let mut at = place % (text.len() + 1);
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    let (before, after) = text.split_at(at);
    let piece = PIECES[with % PIECES.len()];
    let line = |text: &str| text.lines().next().unwrap_or_default().to_owned();
    match way % 5 {
        0 => before.to_owned(),
        1 => [before, piece, after].concat(),
        2 => [before, piece, after.get(after.chars().next().map_or(0, char::len_utf8)..).unwrap()].concat(),
        3 => [before, after.get(line(after).len()..).unwrap()].concat(),
        _ => [before, &line(after), "\n", after].concat(),
    }
}

fn full() -> Report {
    synthetic::report(&PAPER_STEPS, SMALL, &DOMAINS, 5, true)
}

#[test]
fn odd_texts_are_taken_and_refused_alike() {
    let text = json(&full());
    let swap = |from: &str, to: &str| {
        let swapped = text.replacen(from, to, 1);
        assert_ne!(swapped, text, "{from}");
        compare(&swapped).unwrap_or_else(|difference| panic!("{from} to {to}: {difference}"));
    };
    compare(&text).unwrap();
    compare(&text.replace('\n', " ")).unwrap();
    compare(&text.replace('\n', "\r\n\t")).unwrap();
    for to in [
        "1.0",
        "1e0",
        "-1",
        "-0",
        "01",
        "1.",
        "18446744073709551616",
        "4294967296",
        "null",
        "\"1\"",
        "[]",
        "+1",
    ] {
        swap("\"version\": 1", &format!("\"version\": {to}"));
    }
    for to in [
        "7",
        "0.7000",
        "7e-1",
        "7E-01",
        "1e999",
        "-1e999",
        "1e-999",
        "0.70000000000000000000000000001",
        "NaN",
        ".7",
        "-",
        "0x1",
    ] {
        swap("\"tau\": 0.7", &format!("\"tau\": {to}"));
    }
    for to in [
        "\"exact\"",
        "\"other\"",
        "{ \"other\": 1 }",
        "{}",
        "{ \"sampled\": { \"per_checkpoint\": 5, \"x\": 1 } }",
        "null",
    ] {
        let mut report = full();
        report.settings.pairs = report::PairBudget::Exact;
        let swapped = json(&report).replacen("\"pairs\": \"exact\"", &format!("\"pairs\": {to}"), 1);
        compare(&swapped).unwrap_or_else(|difference| panic!("pairs {to}: {difference}"));
    }
    for to in [
        r"a\u00e9\ud83d\ude00\n\/",
        r"\ud83d",
        r"\ud83d\u0041",
        r"\ude00",
        r"\x",
        r"\u12g4",
        r"\u+123",
        "\u{1}",
        "\u{7f}é",
        r"\",
    ] {
        swap("\"title\": \"", &format!("\"title\": \"{to}"));
    }
    swap("\"title\"", "\"unknown\": [1, {\"a\": [null, true, false, \"\\t\", -1.5e3]}],\n\"title\"");
    swap("\"title\"", "\"title\": \"twice\", \"title\"");
    swap("\"tau\"", "\"unknown\": 1, \"tau\"");
    swap("\"title\"", &format!("\"deep\": {}{}, \"title\"", "[".repeat(100), "]".repeat(100)));
    assert!(
        parse_json(&text.replacen("\"title\"", &format!("\"deep\": {}", "[".repeat(1_000_000)), 1)).is_err()
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_report_is_read_alike(seed in any::<u64>(), checkpoints in 0_usize..6, domains in 0_usize..4) {
        let report = arbitrary::report(seed, checkpoints, domains);
        let text = json(&report);
        prop_assert!(compare(&text).is_ok());
        prop_assert!(parse_json(&text).unwrap() == report);
    }

    #[test]
    fn any_spoiled_report_is_refused_alike(seed in any::<u64>(), way: u8, place: usize, with: usize) {
        let text = spoil(&json(&arbitrary::report(seed, 2, 1)), way, place, with);
        prop_assert_eq!(compare(&text), Ok(()));
    }
}
