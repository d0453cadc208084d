//! Charts of the experts of single tokens.

#![expect(clippy::unwrap_used, reason = "a test fails by it")]

#[expect(dead_code, reason = "only the other tests need ragged reports")]
mod common;

use common::{NASTY, small};
use figures::{Cell, ChartOptions, TOKENS_SHOWN, expert_tokens, tokens};
use report::{ExpertTokens, SampleMeta, TokenCount, TokenExperts, TokenIds};
use serde_json::Value;

/// Two layers of two experts per token.
fn experts(step: u64, ids: &[u16]) -> TokenExperts {
    let sample = SampleMeta { id: "s<0>".into(), domain: "math".into() };
    TokenExperts {
        sample,
        step,
        layers: 2,
        k: 2,
        ordered: true,
        ids: ids.to_vec(),
        names: None,
        listed: None,
    }
}

fn specification(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

#[test]
fn flips_are_outlined_counted_and_listed() {
    let report = small();
    let early = experts(1, &[0, 1, 2, 3, 0, 1, 2, 3]);
    let late = experts(2, &[1, 0, 2, 1, 0, 1, 2, 3]);
    let figures = tokens(&report, Some((0, &early)), Some((4, &late)), 0, &ChartOptions::default());
    assert_eq!(figures.iter().map(|f| f.id.as_str()).collect::<Vec<_>>(), ["tokens-early", "tokens-late"]);
    let spec = specification(&figures[1].spec);
    let rows = spec["data"]["values"].as_array().unwrap();
    let flips: Vec<bool> = rows.iter().map(|row| row["flip"].as_bool().unwrap()).collect();
    assert_eq!(flips, [true, false, false, false]);
    assert_eq!((&rows[0]["experts"], &rows[0]["before"]), (&"1, 0".into(), &"0, 1".into()));
    assert!(spec["title"]["subtitle"].to_string().contains("1 of 4 first experts (25 %) differ from step"));
    assert!(figures[1].summary.contains("1 of 4 first experts"));
    let row = &figures[1].table.rows[0];
    assert_eq!(row[..3], [Cell::Integer(0), Cell::Missing, Cell::Integer(0)]);
    assert_eq!(row[3..], [Cell::text("1, 0"), Cell::text("0, 1"), Cell::text("yes")]);
    let early = specification(&figures[0].spec);
    assert!(early["data"]["values"].as_array().unwrap().iter().all(|row| row["flip"] == false));
    assert_eq!(figures[0].table.columns.len(), 4);
}

#[test]
fn checkpoints_that_cannot_be_compared_have_no_outlines() {
    let report = small();
    let (early, late) = (experts(1, &[0, 1, 2, 3]), experts(2, &[1, 0, 2, 1, 0, 1, 2, 3]));
    let figures = tokens(&report, Some((0, &early)), Some((4, &late)), 0, &ChartOptions::default());
    assert!(!figures[1].spec.contains("outlined"));
    assert_eq!(figures[1].table.columns.len(), 4);
    let alone = tokens(&report, None, Some((4, &late)), 0, &ChartOptions::default());
    assert_eq!(alone.len(), 1);
    assert!(tokens(&report, None, Some((99, &late)), 0, &ChartOptions::default()).is_empty());
}

#[test]
fn a_part_of_many_tokens_is_shown_and_names_stay_values() {
    let report = small();
    let mut late = experts(2, &[1, 0, 2, 1].repeat(100));
    let text = NASTY.iter().map(|name| name.replace(' ', "_")).filter(|name| !name.is_empty());
    let words: Vec<String> = text.cycle().take(100).collect();
    late.names = Some(TokenIds::new(&(0..100).collect::<Vec<_>>(), Some(&words.join(" "))));
    let figures = tokens(&report, None, Some((4, &late)), 1_000, &ChartOptions::default());
    let spec = specification(&figures[0].spec);
    let rows = spec["data"]["values"].as_array().unwrap();
    assert_eq!((rows.len(), &rows[0]["token"]), (2 * TOKENS_SHOWN, &(100 - TOKENS_SHOWN).into()));
    assert!(spec["title"]["subtitle"].to_string().contains("tokens 76 to 99 of 100"));
    assert_eq!(spec["encoding"]["x"]["axis"]["labelExpr"], "names[datum.value - 76]");
    assert_eq!(spec["params"][0]["value"][0], words[76]);
    // Without words, ids name the tokens.
    late.names = Some(TokenIds::new(&(0..100).collect::<Vec<_>>(), None));
    let figures = tokens(&report, None, Some((4, &late)), 0, &ChartOptions::default());
    assert_eq!(figures[0].table.rows[2][1], Cell::text("id 1"));
}

fn counted(token: u32, word: Option<&str>, count: u64, occurrences: u64) -> TokenCount {
    TokenCount { token, word: word.map(Into::into), count, occurrences }
}

#[test]
fn the_tokens_of_an_expert_have_shares_and_counts() {
    let report = small();
    let found = ExpertTokens {
        selections: vec![0, 10, 4],
        top: vec![
            vec![],
            vec![counted(7, Some("the"), 6, 8), counted(9, None, 4, 4)],
            vec![counted(7, None, 4, 8)],
        ],
        tokens: 40,
        samples: 3,
        known: 5,
        of: 6,
    };
    let draw = |expert| expert_tokens(&report, "math", 4, 1, expert, &found, &ChartOptions::default());
    let busiest = draw(None).unwrap();
    assert_eq!(busiest.id, "expert-tokens");
    assert!(busiest.title.starts_with("Tokens of expert 1 in layer 1"), "{}", busiest.title);
    let spec = specification(&busiest.spec);
    assert_eq!(spec["data"]["values"][0]["share"], 0.6);
    assert_eq!(spec["data"]["values"][0]["kept"], "6 of 8");
    assert_eq!(spec["params"][0]["value"], serde_json::json!(["the", "id 9"]));
    assert!(spec["title"]["subtitle"].to_string().contains("3 of 6 samples, evenly chosen"));
    let row = &busiest.table.rows[0];
    assert_eq!(row[..3], [Cell::text("the"), Cell::Integer(7), Cell::Integer(6)]);
    assert_eq!(row[5..], [Cell::Number(0.75, 4), Cell::Number(0.2, 4)]);
    assert!(draw(Some(2)).unwrap().title.contains("expert 2"));
    assert!(draw(Some(0)).unwrap_err().contains("never selected"));
    assert!(draw(Some(3)).unwrap_err().contains("no expert 3"));
}
