//! Checks of a `tokenizer.json` before the library builds a tokenizer from it.

use serde_json::{Map, Value, json};

use crate::error::Error;

/// Upper bound of a pattern in bytes. GPT-4's has 200.
const MAX_PATTERN: usize = 4096;

/// Place of an error that concerns the whole file.
pub const WHOLE_FILE: &str = "the whole file";

/// Advice for a file that is not valid.
const COPY_AGAIN: &str = "Copy or download the model's tokenizer.json again.";

/// Field that has a component, or a sequence of components.
pub struct ComponentField {
    key: &'static str,
    /// Key of the list in a sequence.
    list: &'static str,
    /// Supported types of components.
    supported: &'static [&'static str],
    /// Supported types in words, for messages.
    words: &'static str,
}

pub const NORMALIZERS: ComponentField = ComponentField {
    key: "normalizer",
    list: "normalizers",
    supported: &["NFC", "NFD", "NFKC", "NFKD", "Lowercase", "StripAccents", "Prepend", "Replace"],
    words: "NFC, NFD, NFKC, NFKD, Lowercase, StripAccents, Prepend and Replace (of a fixed string)",
};

pub const PRE_TOKENIZERS: ComponentField = ComponentField {
    key: "pre_tokenizer",
    list: "pretokenizers",
    supported: &["ByteLevel", "Whitespace", "WhitespaceSplit", "Split", "Digits", "Punctuation", "Metaspace"],
    words: "ByteLevel, Whitespace, WhitespaceSplit, Split, Digits, Punctuation and Metaspace",
};

pub fn type_of(component: &Value) -> Option<&str> {
    component["type"].as_str()
}

/// Checks parts of a file; errors name the file.
pub struct Checker<'a> {
    pub name: &'a str,
}

impl Checker<'_> {
    pub fn wrong(&self, place: String, found: String, expected: &str) -> Error {
        Error::Text {
            name: self.name.to_owned(),
            place,
            found,
            expected: expected.to_owned(),
            advice: COPY_AGAIN,
        }
    }

    fn unsupported(&self, field: &'static str, found: String, supported: &'static str) -> Error {
        Error::Unsupported {
            name: self.name.to_owned(),
            field,
            found,
            supported: supported.to_owned(),
            advice: "Tokenize the text elsewhere and give `input_ids`.",
        }
    }

    /// Checks a component, or all components of a sequence.
    pub fn component(&self, field: &ComponentField, component: &Value) -> Result<(), Error> {
        if component.is_null() {
            return Ok(());
        }
        let unsupported = |found: String| self.unsupported(field.key, found, field.words);
        let kind = type_of(component).ok_or_else(|| {
            self.wrong(format!("`{}`", field.key), "no `type`".to_owned(), "null, or an object with a `type`")
        })?;
        if kind == "Sequence" {
            let parts = component[field.list].as_array().ok_or_else(|| {
                let found = format!("a sequence without `{}`", field.list);
                self.wrong(format!("`{}`", field.key), found, "a list of components")
            })?;
            return parts.iter().try_for_each(|part| self.component(field, part));
        }
        if !field.supported.contains(&kind) {
            return Err(unsupported(format!("`{kind}`")));
        }
        let pattern = &component["pattern"];
        match (kind, pattern["String"].as_str(), pattern["Regex"].as_str()) {
            ("Replace" | "Split", Some(text), None) if !text.is_empty() => Ok(()),
            // `\K` moves the start of a match, and no known tokenizer uses it.
            ("Split", None, Some(text)) if text.len() <= MAX_PATTERN && !text.contains("\\K") => Ok(()),
            ("Replace" | "Split", ..) => Err(unsupported(format!("`{kind}` with an unsupported pattern"))),
            // The library panics on an empty prefix.
            ("Prepend", ..) if component["prepend"].as_str().is_none_or(str::is_empty) => {
                Err(unsupported("`Prepend` with an empty text".to_owned()))
            }
            _ => Ok(()),
        }
    }

    /// Checks a model and keeps only the fields that ids depend on.
    pub fn model(&self, model: Value) -> Result<Value, Error> {
        const MODELS: &str = "BPE and WordLevel";
        let wrong = |field: &str, found: String, expected: &str| {
            self.wrong(format!("`model.{field}`"), found, expected)
        };
        let kind = match type_of(&model) {
            Some("BPE") => "BPE",
            Some("WordLevel") => "WordLevel",
            Some(other) => return Err(self.unsupported("model.type", format!("`{other}`"), MODELS)),
            None => return Err(wrong("type", "nothing".to_owned(), MODELS)),
        };
        let Value::Object(mut model) = model else {
            return Err(wrong("type", "nothing".to_owned(), MODELS));
        };
        let mut field = |key: &str| model.remove(key).unwrap_or(Value::Null);
        let vocab = field("vocab");
        let Some(words) = vocab.as_object() else {
            return Err(wrong("vocab", "not an object".to_owned(), "an object of tokens and their ids"));
        };
        if let Some((word, id)) = words.iter().find(|(_, id)| id.as_u64().is_none_or(|id| id >= 1 << 31)) {
            return Err(wrong("vocab", format!("`{word}` with {id}"), "ids below 2^31"));
        }
        if kind == "WordLevel" {
            return Ok(json!({ "type": kind, "vocab": vocab, "unk_token": field("unk_token") }));
        }
        let affixes = ["continuing_subword_prefix", "end_of_word_suffix"];
        for (affix, name) in
            affixes.into_iter().zip(["model.continuing_subword_prefix", "model.end_of_word_suffix"])
        {
            let value = field(affix);
            if value.as_str().is_some_and(|text| !text.is_empty()) {
                return Err(self.unsupported(name, value.to_string(), "none, or an empty text"));
            }
        }
        let merges = field("merges");
        let Some(pairs) = merges.as_array() else {
            return Err(wrong("merges", "not a list".to_owned(), "a list of pairs of tokens"));
        };
        for (at, pair) in pairs.iter().enumerate() {
            let place = format!("merges[{at}]");
            let parts = match pair {
                // A comment, which the library skips too.
                Value::String(line) if line.starts_with("#version") => continue,
                Value::String(line) => line.split_once(' '),
                Value::Array(both) => match both.as_slice() {
                    [Value::String(a), Value::String(b)] => Some((a.as_str(), b.as_str())),
                    _ => None,
                },
                _ => None,
            };
            let Some((a, b)) = parts else {
                return Err(wrong(&place, "no pair".to_owned(), "a pair of tokens"));
            };
            if let Some(missing) =
                [a, b, &format!("{a}{b}")].into_iter().find(|part| !words.contains_key(*part))
            {
                return Err(wrong(&place, format!("`{missing}`, which is not in the vocabulary"), "tokens"));
            }
        }
        let mut kept = Map::new();
        for key in ["unk_token", "fuse_unk", "byte_fallback", "ignore_merges"] {
            kept.insert(key.to_owned(), field(key));
        }
        kept.insert("type".to_owned(), json!(kind));
        kept.insert("vocab".to_owned(), vocab);
        kept.insert("merges".to_owned(), merges);
        Ok(Value::Object(kept))
    }

    /// Checks the list of added tokens.
    pub fn added_tokens(&self, tokens: Value) -> Result<Vec<Value>, Error> {
        let expected = "a list of objects with `id` below 2^31 and `content`";
        let tokens = match tokens {
            Value::Null => Vec::new(),
            Value::Array(tokens) => tokens,
            _ => return Err(self.wrong("`added_tokens`".to_owned(), "not a list".to_owned(), expected)),
        };
        for (at, token) in tokens.iter().enumerate() {
            let content = token["content"].as_str().is_some_and(|content| !content.is_empty());
            if !content || token["id"].as_u64().is_none_or(|id| id >= 1 << 31) {
                let found = "an entry without valid `id` and `content`".to_owned();
                return Err(self.wrong(format!("`added_tokens[{at}]`"), found, expected));
            }
        }
        Ok(tokens)
    }
}
