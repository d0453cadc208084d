//! The model's own tokenizer, from its `tokenizer.json`.
//!
//! The library that does the work trusts its files: a merge without its token or an odd normalizer makes it panic, and
//! added tokens get other ids than the file says. So the file is checked here first, and the library is given only what
//! ids of a text depend on. Truncation, padding and special tokens around a text do not get there: a loss is that of
//! training, where there were none.

use serde_json::{Map, Value, json};
use tokenizers::{
    DecoderWrapper, ModelWrapper, NormalizerWrapper, PostProcessorWrapper, PreTokenizerWrapper, TokenizerImpl,
};
use trace::Source;

use crate::error::Error;

/// Larger files are no tokenizers; those of the published models have 2 to 10 MiB.
const MOST_JSON: u64 = 64 << 20;

/// Longer patterns split no text; GPT-4's has 200 characters.
const MOST_PATTERN: usize = 4096;

const DAMAGED: &str = "Copy or download the model's tokenizer.json again.";

type Inner =
    TokenizerImpl<ModelWrapper, NormalizerWrapper, PreTokenizerWrapper, PostProcessorWrapper, DecoderWrapper>;

/// Turns text into token ids, and ids into text.
pub struct Tokenizer {
    name: String,
    inner: Inner,
    /// Whether the file's way from ids to text is one that is known here.
    decodes: bool,
}

impl std::fmt::Debug for Tokenizer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tokenizer").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Tokenizer {
    /// Reads a `tokenizer.json`.
    ///
    /// # Errors
    /// As [`Tokenizer::parse`], and where the file cannot be read.
    pub async fn open(source: &Source) -> Result<Self, Error> {
        check_size(source.name(), source.len())?;
        Self::parse(source.name(), &source.read(0, source.len() as usize).await?)
    }

    /// Reads the bytes of a `tokenizer.json`; `name` is for messages.
    ///
    /// # Errors
    /// [`Error::Text`] where the file is damaged, [`Error::Unsupported`] where it needs what this program has not.
    pub fn parse(name: &str, json: &[u8]) -> Result<Self, Error> {
        check_size(name, json.len() as u64)?;
        let file = File { name };
        let Value::Object(mut parts) = serde_json::from_slice(json).map_err(|error| {
            file.wrong(format!("line {}", error.line()), error.to_string(), "a tokenizer as JSON")
        })?
        else {
            return Err(file.wrong("the whole file".to_owned(), "no JSON object".to_owned(), "a tokenizer"));
        };
        let mut part = |key: &str| parts.remove(key).unwrap_or(Value::Null);
        let (normalizer, pre_tokenizer) = (part("normalizer"), part("pre_tokenizer"));
        file.component(&NORMALIZERS, &normalizer)?;
        file.component(&PRE_TOKENIZERS, &pre_tokenizer)?;
        let model = file.model(part("model"))?;
        let added = file.added_tokens(part("added_tokens"))?;
        let decoder = part("decoder");
        let decodes = decoder.is_null() || type_of(&decoder) == Some("ByteLevel");
        let inner: Inner = serde_json::from_value(json!({
            "added_tokens": added,
            "normalizer": normalizer,
            "pre_tokenizer": pre_tokenizer,
            "decoder": if decodes { decoder } else { Value::Null },
            "model": model,
        }))
        .map_err(|error| {
            file.wrong("the whole file".to_owned(), error.to_string(), "a tokenizer that can be built")
        })?;
        for token in &added {
            let (Some(content), Some(id)) = (token["content"].as_str(), token["id"].as_u64()) else {
                continue;
            };
            let gets = inner.token_to_id(content).map(u64::from);
            if gets != Some(id) {
                let gets = gets.map_or("none".to_owned(), |gets| gets.to_string());
                return Err(file.wrong(
                    "`added_tokens`".to_owned(),
                    format!("id {id} for `{content}`, which by its place in the vocabulary has {gets}"),
                    "the added tokens in order behind the vocabulary, without gaps",
                ));
            }
        }
        Ok(Self { name: name.to_owned(), inner, decodes })
    }

    /// The ids of a text alone: nothing is added before or behind it, and nothing is cut off.
    ///
    /// # Errors
    /// [`Error::Text`] where the vocabulary has neither a part of the text nor a token for the unknown.
    pub fn encode(&self, text: &str) -> Result<Vec<u32>, Error> {
        self.ids(text).map_err(|found| Error::Text {
            name: self.name.clone(),
            place: "a text".to_owned(),
            found,
            expected: "a vocabulary that covers it".to_owned(),
            advice: "Take the tokenizer that belongs to the model.",
        })
    }

    /// As [`Self::encode`]; the error is what the library says.
    pub(crate) fn ids(&self, text: &str) -> Result<Vec<u32>, String> {
        let encoding = self.inner.encode_fast(text, false).map_err(|error| error.to_string())?;
        Ok(encoding.get_ids().to_vec())
    }

    /// The text of ids; none where one is not in the vocabulary, or the file's decoder is not known here.
    pub fn decode(&self, ids: &[u32]) -> Option<String> {
        let known = self.decodes && ids.iter().all(|&id| self.inner.id_to_token(id).is_some());
        if known { self.inner.decode(ids, false).ok() } else { None }
    }
}

fn check_size(name: &str, bytes: u64) -> Result<(), Error> {
    if bytes <= MOST_JSON {
        return Ok(());
    }
    Err(Error::Text {
        name: name.to_owned(),
        place: "the whole file".to_owned(),
        found: format!("{bytes} bytes"),
        expected: format!("at most {MOST_JSON}"),
        advice: "This is no tokenizer; give the model's tokenizer.json.",
    })
}

/// A place of the file that has one of several components, or a sequence of them.
struct Place {
    key: &'static str,
    /// Where a sequence has its parts.
    parts: &'static str,
    known: &'static [&'static str],
    /// The known ones in words.
    words: &'static str,
}

const NORMALIZERS: Place = Place {
    key: "normalizer",
    parts: "normalizers",
    known: &["NFC", "NFD", "NFKC", "NFKD", "Lowercase", "StripAccents", "Prepend", "Replace"],
    words: "NFC, NFD, NFKC, NFKD, Lowercase, StripAccents, Prepend and Replace (of a fixed string)",
};

const PRE_TOKENIZERS: Place = Place {
    key: "pre_tokenizer",
    parts: "pretokenizers",
    known: &["ByteLevel", "Whitespace", "WhitespaceSplit", "Split", "Digits", "Punctuation", "Metaspace"],
    words: "ByteLevel, Whitespace, WhitespaceSplit, Split, Digits, Punctuation and Metaspace",
};

fn type_of(component: &Value) -> Option<&str> {
    component["type"].as_str()
}

/// The file, for messages.
struct File<'a> {
    name: &'a str,
}

impl File<'_> {
    fn wrong(&self, place: String, found: String, expected: &str) -> Error {
        Error::Text {
            name: self.name.to_owned(),
            place,
            found,
            expected: expected.to_owned(),
            advice: DAMAGED,
        }
    }

    fn unsupported(&self, field: &'static str, found: String, supported: &'static str) -> Error {
        Error::Unsupported { name: self.name.to_owned(), field, found, supported: supported.to_owned() }
    }

    fn component(&self, place: &Place, component: &Value) -> Result<(), Error> {
        if component.is_null() {
            return Ok(());
        }
        let unknown = |found: String| self.unsupported(place.key, found, place.words);
        let kind = type_of(component).ok_or_else(|| {
            self.wrong(format!("`{}`", place.key), "no `type`".to_owned(), "null, or an object with a `type`")
        })?;
        if kind == "Sequence" {
            let parts = component[place.parts].as_array().ok_or_else(|| {
                let found = format!("a sequence without `{}`", place.parts);
                self.wrong(format!("`{}`", place.key), found, "a list of them")
            })?;
            return parts.iter().try_for_each(|part| self.component(place, part));
        }
        if !place.known.contains(&kind) {
            return Err(unknown(format!("`{kind}`")));
        }
        let pattern = &component["pattern"];
        match (kind, pattern["String"].as_str(), pattern["Regex"].as_str()) {
            ("Replace" | "Split", Some(text), None) if !text.is_empty() => Ok(()),
            // `\K` moves where a match begins, and no tokenizer is known to need it.
            ("Split", None, Some(text)) if text.len() <= MOST_PATTERN && !text.contains("\\K") => Ok(()),
            ("Replace" | "Split", ..) => Err(unknown(format!("`{kind}` by an unusual pattern"))),
            // Nothing before a text makes the library panic, too.
            ("Prepend", ..) if component["prepend"].as_str().is_none_or(str::is_empty) => {
                Err(unknown("`Prepend` of nothing".to_owned()))
            }
            _ => Ok(()),
        }
    }

    /// The parts of a model that ids depend on.
    fn model(&self, model: Value) -> Result<Value, Error> {
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
            return Err(wrong("vocab", "no object".to_owned(), "each token with its id"));
        };
        if let Some((word, id)) = words.iter().find(|(_, id)| id.as_u64().is_none_or(|id| id >= 1 << 31)) {
            return Err(wrong("vocab", format!("`{word}` with {id}"), "an id below 2^31"));
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
                return Err(self.unsupported(name, value.to_string(), "models without one"));
            }
        }
        let merges = field("merges");
        let Some(pairs) = merges.as_array() else {
            return Err(wrong("merges", "no list".to_owned(), "pairs of tokens"));
        };
        for (at, pair) in pairs.iter().enumerate() {
            let place = format!("merges[{at}]");
            let parts = match pair {
                // A comment for the library too.
                Value::String(line) if line.starts_with("#version") => continue,
                Value::String(line) => line.split_once(' '),
                Value::Array(both) => match both.as_slice() {
                    [Value::String(a), Value::String(b)] => Some((a.as_str(), b.as_str())),
                    _ => None,
                },
                _ => None,
            };
            let Some((a, b)) = parts else {
                return Err(wrong(&place, "something else".to_owned(), "a pair of tokens"));
            };
            if let Some(missing) =
                [a, b, &format!("{a}{b}")].into_iter().find(|part| !words.contains_key(*part))
            {
                return Err(wrong(&place, format!("`{missing}`"), "tokens of the vocabulary"));
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

    fn added_tokens(&self, tokens: Value) -> Result<Vec<Value>, Error> {
        let expected = "a list of objects with `id` and `content`";
        let tokens = match tokens {
            Value::Null => Vec::new(),
            Value::Array(tokens) => tokens,
            _ => return Err(self.wrong("`added_tokens`".to_owned(), "no list".to_owned(), expected)),
        };
        for (at, token) in tokens.iter().enumerate() {
            let content = token["content"].as_str().is_some_and(|content| !content.is_empty());
            if !content || token["id"].as_u64().is_none_or(|id| id >= 1 << 31) {
                return Err(self.wrong(
                    format!("`added_tokens[{at}]`"),
                    "something else".to_owned(),
                    expected,
                ));
            }
        }
        Ok(tokens)
    }
}
