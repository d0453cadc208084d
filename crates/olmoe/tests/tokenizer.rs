//! Tokenizers against Hugging Face's Python library (`tests/fixtures/tokenizer/README.md`), items
//! as text against items as ids, and errors of invalid files.
#![expect(clippy::unwrap_used, reason = "a test may fail by panicking")]

use std::{fs, path::PathBuf, rc::Rc};

use futures::executor::block_on;
use olmoe::{Checkpoint, Error, InputRecords, Inputs, NoObserver, Processor, Tokenizer, run};
use serde::Deserialize;
use serde_json::{Value, json};
use trace::{FileSource, Source};

fn fixture(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures").join(path)
}

fn text(path: &str) -> String {
    fs::read_to_string(fixture(path)).unwrap()
}

fn tokenizer(path: &str) -> Tokenizer {
    let source: Source = Rc::new(FileSource::open(fixture(path)).unwrap());
    block_on(Tokenizer::open(&source)).unwrap()
}

fn tokenize(lines: &str, tokenizer: Option<&Tokenizer>) -> Result<Inputs, Error> {
    let mut records = InputRecords::default();
    records.read("data/lines.jsonl", lines)?;
    records.tokenize("step7", tokenizer)
}

/// Asserts that an error's message contains all `words`.
#[track_caller]
fn assert_message(error: Error, words: &[&str]) {
    let message = error.to_string();
    for word in words {
        assert!(message.contains(word), "`{word}` is not in: {message}");
    }
}

#[derive(Deserialize)]
struct Golden {
    strings: Vec<String>,
    pairs: Vec<(String, String)>,
    neox: Expected,
    split: Expected,
}

#[derive(Deserialize)]
struct Expected {
    ids: Vec<Vec<u32>>,
    decoded: Vec<String>,
    pairs: Vec<(Vec<u32>, Vec<u32>)>,
}

/// Calls `check` for each golden tokenizer.
fn for_each_tokenizer(check: impl Fn(&Tokenizer, &Golden, &Expected)) {
    let golden: Golden = serde_json::from_str(&text("tokenizer/golden.json")).unwrap();
    check(&tokenizer("tokenizer/neox.json"), &golden, &golden.neox);
    check(&tokenizer("tokenizer/split.json"), &golden, &golden.split);
}

#[test]
fn ids_and_texts_match() {
    for_each_tokenizer(|tokenizer, golden, expected| {
        assert_eq!(golden.strings.len(), expected.ids.len());
        for (at, text) in golden.strings.iter().enumerate() {
            let ids = tokenizer.encode(text).unwrap();
            assert_eq!(ids, expected.ids[at], "{text:?}");
            assert_eq!(tokenizer.decode(&ids).as_ref(), Some(&expected.decoded[at]), "{text:?}");
        }
        assert!(tokenizer.encode("").unwrap().is_empty());
        assert_eq!(tokenizer.decode(&[1_000_000]), None);
    });
}

#[test]
fn prompts_and_continuations_join_as_in_lm_evaluation_harness() {
    for_each_tokenizer(|tokenizer, golden, expected| {
        for ((prompt, continuation), (prompt_ids, ids)) in golden.pairs.iter().zip(&expected.pairs) {
            let item = json!({ "id": "i", "text": prompt, "answer": continuation, "choices": [continuation], "gold": 0 });
            let found = tokenize(&item.to_string(), Some(tokenizer));
            if ids.is_empty() {
                // The continuation merges into the last token of the prompt.
                assert_message(found.unwrap_err(), &["item `i`", "no tokens of its own"]);
                continue;
            }
            let [item] = &found.unwrap().items[..] else { unreachable!() };
            assert_eq!(item.prompt, *prompt_ids, "{prompt:?}");
            assert_eq!(item.answer.as_ref(), Some(ids), "{prompt:?} {continuation:?}");
            assert_eq!(item.choices, Some((vec![ids.clone()], 0)));
            let length = continuation.trim_start().chars().count();
            assert_eq!(item.choice_lengths, Some(vec![length]));
        }
    });
}

#[test]
fn texts_of_the_example_run_match_its_ids() {
    let tokenizer = tokenizer("demo-run/tokenizer.json");
    for file in ["demo-run/samples.jsonl", "demo-run/items.jsonl"] {
        for line in text(file).lines() {
            let line: Value = serde_json::from_str(line).unwrap();
            let ids: Vec<u32> = serde_json::from_value(line["input_ids"].clone()).unwrap();
            assert_eq!(tokenizer.encode(line["text"].as_str().unwrap()).unwrap(), ids);
        }
    }
    // Its unknown token is 0.
    assert_eq!(tokenizer.encode("add nine 22").unwrap(), [23, 0, 22]);
    assert_eq!(tokenizer.decode(&[23, 0, 22]).unwrap(), "add 0 22");
}

#[test]
fn items_as_text_score_like_items_as_ids() {
    let tokenizer = tokenizer("demo-run/tokenizer.json");
    let paths = fs::read_dir(fixture("demo-run/step3000")).unwrap().map(|entry| entry.unwrap().path());
    let files: Vec<Source> = paths.map(|path| Rc::new(FileSource::open(&path).unwrap()) as Source).collect();
    let checkpoint = block_on(Checkpoint::open("step3000", &files)).unwrap();
    let mut as_ids = InputRecords::default();
    let mut as_text = InputRecords::default();
    let sample = r#"{"id": "s", "text": "add 1 2", "input_ids": [23, 1, 2], "targets": [-100, -100, 3]}"#;
    as_ids.read("samples.jsonl", sample).unwrap();
    as_text.read("samples.jsonl", &sample.replace("input_ids", "unread")).unwrap();
    for line in text("demo-run/items.jsonl").lines().step_by(9) {
        as_ids.read("items.jsonl", line).unwrap();
        let line: Value = serde_json::from_str(line).unwrap();
        let choices: Vec<String> = (0..23).map(|number| format!(" {number}")).collect();
        let line = json!({
            "id": line["id"], "domain": line["domain"], "text": line["text"],
            "answer": format!(" {}", line["answer_ids"][0]), "choices": choices, "gold": line["gold"],
        });
        as_text.read("items.jsonl", &line.to_string()).unwrap();
    }
    assert!(!as_ids.needs_tokenizer() && as_ids.gains_by_tokenizer());
    assert!(as_text.needs_tokenizer() && !as_text.gains_by_tokenizer());
    let by_ids = as_ids.tokenize("step3000", Some(&tokenizer)).unwrap();
    let by_text = as_text.tokenize("step3000", Some(&tokenizer)).unwrap();
    assert_eq!(by_ids, by_text);
    let scores =
        |inputs: &Inputs| block_on(run(&checkpoint, inputs, &Processor::cpu(), &NoObserver)).unwrap().scores;
    let scored = scores(&by_text);
    assert_eq!(scored, scores(&by_ids));
    assert!(scored.iter().all(|score| score.greedy.is_some() && score.choice_norm.is_some()));
    // Longer numbers gain by the division, so that the measures differ for some items.
    assert!(scored.iter().any(|score| score.choice != score.choice_norm));
    // Without a tokenizer, `acc_norm` is unknown and the other scores are the same.
    let without = scores(&as_ids.tokenize("step3000", None).unwrap());
    assert!(without.iter().all(|score| score.choice_norm.is_none()));
    assert!(without.iter().zip(&scored).all(|(a, b)| (a.greedy, a.choice) == (b.greedy, b.choice)));
}

#[test]
fn plain_text_has_one_sample_per_line() {
    let tokenizer = tokenizer("tokenizer/neox.json");
    let mut records = InputRecords::default();
    records.read("folder/notes.v2.txt", "\u{feff}The dog\r\n\r\n  is lazy \n").unwrap();
    assert_eq!((records.samples(), records.items().len()), (2, 0));
    let samples = records.tokenize("step7", Some(&tokenizer)).unwrap().samples;
    let names: Vec<_> = samples.iter().map(|s| (s.id.as_str(), s.domain.as_str())).collect();
    assert_eq!(names, [("notes.v2.txt:1", "notes.v2"), ("notes.v2.txt:3", "notes.v2")]);
    assert_eq!(samples[0].tokens, tokenizer.encode("The dog").unwrap());
    assert_eq!(samples[1].tokens, tokenizer.encode("  is lazy ").unwrap());
    let next: Vec<_> = samples[0].tokens.iter().skip(1).copied().map(Some).chain([None]).collect();
    assert_eq!(samples[0].targets, next);
}

#[test]
fn invalid_lines() {
    let tokenizer = tokenizer("tokenizer/neox.json");
    let error = |line: &str| tokenize(line, Some(&tokenizer)).unwrap_err();
    let without = tokenize(r#"{"id": "a", "input_ids": [1], "answer": " x"}"#, None).unwrap_err();
    assert_message(without, &["step7", "no tokenizer.json", "item `a`", "Put the model's tokenizer.json"]);
    assert_message(error(r#"{"id": "a", "text": ""}"#), &["lines.jsonl", "line 1", "empty"]);
    assert_message(error(r#"{"id": "a", "text": "", "answer": "x"}"#), &["line 1", "empty"]);
    assert_message(
        error(r#"{"id": "a", "text": "  ", "answer": "x"}"#),
        &["item `a`", "prompt", "no tokens"],
    );
    assert_message(error(r#"{"id": "a", "text": "x", "answer": ""}"#), &["line 1", "answer"]);
    assert_message(error(r#"{"id": "a", "text": "x", "answer": 5}"#), &["line 1", "answer"]);
    assert_message(
        error(r#"{"id": "a", "text": "x", "choices": ["a", ""], "gold": 0}"#),
        &["line 1", "choice"],
    );
    assert_message(
        error(r#"{"id": "a", "text": "x", "choices": ["a", 1], "gold": 0}"#),
        &["line 1", "choice"],
    );
    assert_message(
        error(r#"{"id": "a", "text": "x", "choices": ["a"]}"#),
        &["line 1", "1 choices and no gold"],
    );
    let counts = r#"{"id": "a", "text": "x", "choices": ["a"], "choices_ids": [[1], [2]], "gold": 0}"#;
    assert_message(error(counts), &["2 choices as ids and 1 as text"]);
    assert_message(
        error(r#"{"id": "a", "text": "lazy", "targets": [1, 2, 3, 4, 5, 6]}"#),
        &["sample `a`", "6 targets"],
    );
    let mixed = r#"{"id": "a", "text": "x ", "answer": "y", "choices_ids": [[1]], "gold": 0}"#;
    assert_message(error(mixed), &["item `a`", "white space at its end"]);
    // Ids take precedence over text, and an `answer` that is no text is ignored beside them.
    let both = r#"{"id": "a", "text": "x", "input_ids": [7], "answer": 5, "answer_ids": [3]}"#;
    let items = tokenize(both, None).unwrap().items;
    assert_eq!((&items[0].prompt[..], items[0].answer.as_deref()), (&[7][..], Some(&[3][..])));
}

/// Error of a fixture with the value at a JSON pointer replaced.
fn error_with(path: &str, pointer: &str, value: Value) -> Error {
    let mut json: Value = serde_json::from_str(&text(path)).unwrap();
    *json.pointer_mut(pointer).unwrap() = value;
    Tokenizer::parse("step7/tokenizer.json", &serde_json::to_vec(&json).unwrap()).unwrap_err()
}

#[test]
fn invalid_files() {
    let parse = |bytes: &[u8]| Tokenizer::parse("step7/tokenizer.json", bytes).unwrap_err();
    assert_message(parse(b""), &["step7/tokenizer.json", "line 1", "download"]);
    assert_message(parse(b"[]"), &["not a JSON object"]);
    assert_message(parse(b"{}"), &["model.type", "nothing", "BPE"]);
    assert_message(parse(&text("tokenizer/neox.json").into_bytes()[..5000]), &["tokenizer.json", "EOF"]);
    assert_message(parse(&vec![b' '; (64 << 20) + 1]), &["67108865 bytes", "at most 67108864"]);

    let neox = |pointer: &str, value: Value| error_with("tokenizer/neox.json", pointer, value);
    assert_message(neox("/model/type", json!("Unigram")), &["model.type", "`Unigram`", "BPE and WordLevel"]);
    assert_message(neox("/model/vocab", json!([])), &["model.vocab"]);
    assert_message(neox("/model/vocab/a", json!(-1)), &["model.vocab", "`a` with -1"]);
    assert_message(
        neox("/model/merges/3", json!(["a", "\u{120}nowhere"])),
        &["merges[3]", "`\u{120}nowhere`"],
    );
    // Both parts are tokens, but their concatenation is not: the library would panic.
    assert_message(neox("/model/merges/0", json!(["<|endoftext|>", "<|endoftext|>"])), &["merges[0]"]);
    assert_message(neox("/model/merges/0", json!("a")), &["merges[0]", "pair"]);
    assert_message(
        neox("/model/continuing_subword_prefix", json!("long prefix")),
        &["continuing_subword_prefix"],
    );
    assert_message(
        neox("/normalizer", json!({ "type": "Precompiled" })),
        &["normalizer", "`Precompiled`", "NFC"],
    );
    assert_message(
        neox("/normalizer", json!({ "type": "Prepend", "prepend": "" })),
        &["`Prepend` with an empty text"],
    );
    assert_message(
        neox("/pre_tokenizer", json!({ "type": "Sequence" })),
        &["pre_tokenizer", "pretokenizers"],
    );
    assert_message(neox("/pre_tokenizer", json!(5)), &["pre_tokenizer", "type"]);
    assert_message(neox("/added_tokens/2/id", json!(7)), &["added_tokens", "id 7"]);
    assert_message(neox("/added_tokens/2/content", json!("")), &["added_tokens[2]"]);
    let regex = "/pre_tokenizer/pretokenizers/0/pattern/Regex";
    assert_message(
        error_with("tokenizer/split.json", regex, json!("(?=ab\\K)")),
        &["pre_tokenizer", "unsupported pattern"],
    );
    assert_message(
        error_with("tokenizer/split.json", regex, json!("(a")),
        &["tokenizer.json", "the tokenizers library accepts"],
    );
}

/// Deterministic random numbers (xorshift).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % end as u64) as usize
    }
}

/// Replaces one value somewhere in the tree. Each level is chosen evenly, so that vocabularies and
/// merges do not dominate.
fn mutate(value: &mut Value, numbers: &mut Numbers) {
    let len = match &*value {
        Value::Object(map) => map.len(),
        Value::Array(list) => list.len(),
        _ => 0,
    };
    if len > 0 && numbers.below(8) > 0 {
        let at = numbers.below(len);
        match value {
            Value::Object(map) => {
                map.values_mut().nth(at).into_iter().for_each(|value| mutate(value, numbers));
            }
            Value::Array(list) => list.get_mut(at).into_iter().for_each(|value| mutate(value, numbers)),
            _ => {}
        }
        return;
    }
    let values = [
        json!(null),
        json!(true),
        json!(""),
        json!(" "),
        json!("e\u{301}"),
        json!(-1),
        json!(0),
        json!(u32::MAX),
        json!(1e300),
        json!([]),
        json!({}),
        json!("\u{10ffff}"),
        json!("(?<=a)|$|^|\\b"),
        json!("Removed"),
        json!("MergedWithNext"),
        json!({ "Regex": "" }),
        json!({ "Regex": "(?=.)" }),
        json!({ "String": "e" }),
    ];
    *value = values[numbers.below(values.len())].clone();
}

/// A sequence of one to three random components.
fn sequence(list: &str, components: &[Value], numbers: &mut Numbers) -> Value {
    let some: Vec<&Value> =
        (0..=numbers.below(3)).map(|_| &components[numbers.below(components.len())]).collect();
    json!({ "type": "Sequence", list: some })
}

fn random_normalizer(numbers: &mut Numbers) -> Value {
    let components = [
        json!({ "type": "NFC" }),
        json!({ "type": "NFD" }),
        json!({ "type": "NFKC" }),
        json!({ "type": "NFKD" }),
        json!({ "type": "Lowercase" }),
        json!({ "type": "StripAccents" }),
        json!({ "type": "Strip", "strip_left": true, "strip_right": true }),
        json!({ "type": "Prepend", "prepend": "" }),
        json!({ "type": "Prepend", "prepend": "\u{2581}" }),
        json!({ "type": "Replace", "pattern": { "String": "e" }, "content": "" }),
        json!({ "type": "Replace", "pattern": { "String": " " }, "content": "\u{2581}" }),
    ];
    sequence("normalizers", &components, numbers)
}

fn random_pre_tokenizer(numbers: &mut Numbers) -> Value {
    let split = |pattern: &str, behavior: &str, invert: bool| json!({ "type": "Split", "pattern": { "Regex": pattern }, "behavior": behavior, "invert": invert });
    let byte_level = |space: bool, regex: bool| json!({ "type": "ByteLevel", "add_prefix_space": space, "trim_offsets": true, "use_regex": regex });
    let metaspace = |scheme: &str| json!({ "type": "Metaspace", "replacement": "\u{2581}", "prepend_scheme": scheme, "split": true });
    let components = [
        split("\\s*", "MergedWithPrevious", true),
        split("", "Isolated", false),
        split("(?<=a)|$|^|\\b", "MergedWithNext", false),
        split(".", "Removed", false),
        split("(?=.)", "Contiguous", false),
        byte_level(true, true),
        byte_level(true, false),
        byte_level(false, true),
        metaspace("first"),
        metaspace("always"),
        json!({ "type": "Digits", "individual_digits": true }),
        json!({ "type": "Punctuation", "behavior": "Contiguous" }),
        json!({ "type": "Whitespace" }),
        json!({ "type": "WhitespaceSplit" }),
    ];
    sequence("pretokenizers", &components, numbers)
}

#[test]
fn mutated_files_never_panic() {
    let golden: Golden = serde_json::from_str(&text("tokenizer/golden.json")).unwrap();
    let mut numbers = Numbers(0x9E37_79B9_7F4A_7C15);
    let mut accepted = 0;
    for path in ["tokenizer/neox.json", "tokenizer/split.json", "demo-run/tokenizer.json"] {
        let whole: Value = serde_json::from_str(&text(path)).unwrap();
        for _ in 0..100 {
            let mut json = whole.clone();
            match numbers.below(4) {
                0 => json["normalizer"] = random_normalizer(&mut numbers),
                1 => json["pre_tokenizer"] = random_pre_tokenizer(&mut numbers),
                2 => {
                    json["normalizer"] = random_normalizer(&mut numbers);
                    json["pre_tokenizer"] = random_pre_tokenizer(&mut numbers);
                }
                _ => (0..=numbers.below(3)).for_each(|_| mutate(&mut json, &mut numbers)),
            }
            let Ok(tokenizer) = Tokenizer::parse("t", &serde_json::to_vec(&json).unwrap()) else { continue };
            accepted += 1;
            for text in golden.strings.iter().map(String::as_str).chain([
                "",
                "e\u{301}\u{301} e",
                "\u{2581} ",
                "\u{130}\u{df}\u{1c5}",
            ]) {
                if let Ok(ids) = tokenizer.encode(text) {
                    tokenizer.decode(&ids);
                }
            }
        }
    }
    assert!(accepted > 20, "only {accepted} mutated files are still tokenizers");
}
