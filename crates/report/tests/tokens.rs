//! Experts of single tokens of `run-a`, against numbers computed with NumPy.

#![expect(clippy::unwrap_used, reason = "a test fails by it")]

#[expect(dead_code, reason = "other tests need the rest")]
mod golden;
#[expect(dead_code, reason = "other tests need the rest")]
mod support;

use futures::executor::block_on;
use report::{Analysis, Error, ExpertTokens, NoProgress, TokenExperts, TraceRun};

use golden::run_a;
use support::parts;

/// Token ids of `run-a`: `100 + (7 sample + 3 position) mod 11`, named by letters.
fn list(files: &[(String, Vec<u8>)], shift: usize) -> (String, Vec<u8>) {
    let run = files.iter().find(|(name, _)| name.ends_with("run.json")).unwrap();
    let run: serde_json::Value = serde_json::from_slice(&run.1).unwrap();
    let mut lines = String::new();
    for (sample, found) in run["samples"].as_array().unwrap().iter().enumerate() {
        let tokens = found["tokens"].as_u64().unwrap() as usize + shift;
        let ids: Vec<usize> = (0..tokens).map(|at| 100 + (7 * sample + 3 * at) % 11).collect();
        let words: Vec<String> =
            ids.iter().map(|id| char::from(b'a' + (id - 100) as u8).to_string()).collect();
        let (id, domain) = (&found["id"], &found["domain"]);
        let line =
            serde_json::json!({ "id": id, "domain": domain, "input_ids": ids, "text": words.join(" ") });
        lines += &format!("{line}\n");
    }
    ("run-a/samples.jsonl".to_owned(), lines.into_bytes())
}

fn run(shift: Option<usize>) -> TraceRun {
    let mut files = run_a();
    files.extend(shift.map(|shift| list(&files, shift)));
    report::assemble(&parts(&files)).unwrap()
}

fn experts(run: &TraceRun, sample: usize, checkpoint: usize) -> Result<TokenExperts, Error> {
    block_on(Analysis::new().token_experts(run, sample, checkpoint))
}

fn top(run: &TraceRun, domain: &str, layer: usize) -> Result<ExpertTokens, Error> {
    block_on(Analysis::new().expert_tokens(run, domain, 6, layer, &NoProgress))
}

#[test]
fn experts_and_flips_are_those_of_numpy() {
    let run = run(None);
    let (early, late) = (experts(&run, 0, 0).unwrap(), experts(&run, 0, 6).unwrap());
    assert_eq!((late.sample.id.as_str(), late.step, late.tokens(), late.k), ("math-00", 7000, 13, 4));
    assert_eq!(early.of(0, 1), [9, 3, 7, 1]);
    assert_eq!(late.of(0, 1), [1, 9, 12, 0]);
    assert!(late.of(13, 0).is_empty() && late.of(0, 4).is_empty());
    assert_eq!((&late.names, late.listed), (&None, None));
    let flips = late.flips(&early).unwrap();
    assert_eq!(flips.len(), 13 * 4);
    let of_layer = |layer: usize| flips.iter().skip(layer).step_by(4).filter(|&&flip| flip).count();
    assert_eq!([0, 1, 2, 3].map(of_layer), [6, 9, 8, 9]);
    let before = experts(&run, 0, 5).unwrap();
    assert_eq!(late.flips(&before).unwrap().iter().filter(|&&flip| flip).count(), 12);
    // Without an order, sets are compared.
    let unordered = TokenExperts { ordered: false, ..early };
    assert_eq!(late.flips(&unordered).unwrap().iter().filter(|&&flip| flip).count(), 45);
    assert!(matches!(experts(&run, 48, 0), Err(Error::NoTokens { .. })));
    assert!(matches!(experts(&run, 0, 7), Err(Error::NoTokens { .. })));
}

#[test]
fn another_number_of_tokens_or_of_unordered_experts_is_not_compared() {
    let run = run(None);
    let late = experts(&run, 0, 6).unwrap();
    let mut shorter = experts(&run, 0, 0).unwrap();
    shorter.ids.truncate(12 * 4 * 4);
    let error = late.flips(&shorter).unwrap_err().to_string();
    assert!(error.contains("12 tokens at step 1000 and 13 at step 7000"), "{error}");
    let one = TokenExperts { k: 1, ordered: false, ids: vec![0; 13 * 4], ..shorter };
    assert!(late.flips(&one).unwrap_err().to_string().contains("1 experts without an order"));
}

#[test]
fn the_tokens_of_an_expert_are_those_of_numpy() {
    let run = run(Some(0));
    let named = experts(&run, 0, 6).unwrap().names.unwrap();
    assert_eq!(named.ids[..3], [100, 103, 106]);
    assert_eq!(named.words().take(3).collect::<Vec<_>>(), ["a", "d", "g"]);
    let found = top(&run, "math", 2).unwrap();
    assert_eq!((found.tokens, found.samples, found.known, found.of), (335, 24, 24, 24));
    assert_eq!(found.selections[9], 332);
    assert_eq!(found.selections.iter().sum::<u64>(), 4 * 335);
    let counts = |expert: usize, found: &ExpertTokens| {
        let top = found.top[expert].iter().take(5);
        top.map(|token| (token.token, token.count, token.occurrences)).collect::<Vec<_>>()
    };
    let expected = [(103, 32, 32), (107, 32, 32), (100, 31, 32), (101, 31, 31), (104, 31, 31)];
    assert_eq!(counts(9, &found), expected);
    assert_eq!(found.top[9][1].word.as_deref(), Some("h"));
    let found = top(&run, "math", 0).unwrap();
    let expected = [(103, 3, 32), (110, 3, 29), (101, 2, 31), (107, 2, 32), (109, 2, 29)];
    assert_eq!((found.selections[3], counts(3, &found)), (16, expected.to_vec()));
}

#[test]
fn samples_with_another_number_of_tokens_are_not_counted_as_reduced() {
    let mut files = run_a();
    let (name, text) = list(&files, 0);
    let mut lines: Vec<String> = String::from_utf8(text).unwrap().lines().map(str::to_owned).collect();
    // The first sample has a token more than in the trace.
    lines[0] = lines[0].replacen("[100,", "[100,100,", 1);
    files.push((name, lines.join("\n").into_bytes()));
    let run = report::assemble(&parts(&files)).unwrap();
    let found = top(&run, "math", 2).unwrap();
    assert_eq!((found.samples, found.known, found.of), (23, 23, 24));
}

#[test]
fn missing_identities_are_named() {
    let without = top(&run(None), "math", 0).unwrap_err().to_string();
    assert!(without.contains("no token ids of \"math\" are known"), "{without}");
    let longer = run(Some(1));
    let error = top(&longer, "math", 0).unwrap_err().to_string();
    assert!(error.contains("14 token ids of `math-00`") && error.contains("13 tokens"), "{error}");
    let found = experts(&longer, 0, 6).unwrap();
    assert_eq!((found.names, found.listed), (None, Some(14)));
    assert!(matches!(top(&longer, "nowhere", 0), Err(Error::NoTokens { .. })));
    assert!(matches!(top(&longer, "math", 4), Err(Error::NoTokens { .. })));
}
