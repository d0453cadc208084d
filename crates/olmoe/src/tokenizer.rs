//! The model's tokenizer, from its `tokenizer.json`.
//!
//! The `tokenizers` library trusts its files. It panics on a merge whose token is absent and on
//! some normalizers, and ignores the ids of added tokens. The file is therefore checked first, and
//! the library receives only what the ids of a text depend on. Truncation, padding and special
//! tokens around a text are left out, because the training loss was computed without them.

mod check;

use serde_json::{Value, json};
use tokenizers::{
    DecoderWrapper, ModelWrapper, NormalizerWrapper, PostProcessorWrapper, PreTokenizerWrapper, TokenizerImpl,
};
use trace::Source;

use self::check::{Checker, NORMALIZERS, PRE_TOKENIZERS, WHOLE_FILE, type_of};
use crate::error::Error;

/// Upper bound of the file's size in bytes. Published models have 2 to 10 MiB.
const MAX_JSON: u64 = 64 << 20;

type Inner =
    TokenizerImpl<ModelWrapper, NormalizerWrapper, PreTokenizerWrapper, PostProcessorWrapper, DecoderWrapper>;

/// Turns text into token ids, and ids into text.
pub struct Tokenizer {
    name: String,
    inner: Inner,
    /// Whether the file's decoder is supported.
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
    /// Those of [`Tokenizer::parse`], and [`Error::File`] if the file cannot be read.
    pub async fn open(source: &Source) -> Result<Self, Error> {
        check_size(source.name(), source.len())?;
        Self::parse(source.name(), &source.read(0, source.len() as usize).await?)
    }

    /// Parses the bytes of a `tokenizer.json`; `name` is its name in messages.
    ///
    /// # Errors
    /// [`Error::Text`] if the file is invalid, [`Error::Unsupported`] if it uses an unsupported model,
    /// normalizer or pre-tokenizer.
    pub fn parse(name: &str, json: &[u8]) -> Result<Self, Error> {
        check_size(name, json.len() as u64)?;
        let checker = Checker { name };
        let Value::Object(mut parts) = serde_json::from_slice(json).map_err(|error| {
            checker.wrong(format!("line {}", error.line()), error.to_string(), "a tokenizer in JSON")
        })?
        else {
            let found = "not a JSON object".to_owned();
            return Err(checker.wrong(WHOLE_FILE.to_owned(), found, "a tokenizer"));
        };
        let mut part = |key: &str| parts.remove(key).unwrap_or(Value::Null);
        let (normalizer, pre_tokenizer) = (part("normalizer"), part("pre_tokenizer"));
        checker.component(&NORMALIZERS, &normalizer)?;
        checker.component(&PRE_TOKENIZERS, &pre_tokenizer)?;
        let model = checker.model(part("model"))?;
        let added = checker.added_tokens(part("added_tokens"))?;
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
            checker.wrong(
                WHOLE_FILE.to_owned(),
                error.to_string(),
                "settings that the tokenizers library accepts",
            )
        })?;
        for token in &added {
            let (Some(content), Some(id)) = (token["content"].as_str(), token["id"].as_u64()) else {
                continue;
            };
            let assigned = inner.token_to_id(content).map(u64::from);
            if assigned != Some(id) {
                let assigned = assigned.map_or("none".to_owned(), |assigned| assigned.to_string());
                return Err(checker.wrong(
                    "`added_tokens`".to_owned(),
                    format!("id {id} for `{content}`, whose place in the vocabulary gives {assigned}"),
                    "the added tokens in order after the vocabulary, without gaps",
                ));
            }
        }
        Ok(Self { name: name.to_owned(), inner, decodes })
    }

    /// Encodes a text. No special tokens are added, and nothing is truncated.
    ///
    /// # Errors
    /// [`Error::Text`] if the vocabulary has neither a part of the text nor an unknown token.
    pub fn encode(&self, text: &str) -> Result<Vec<u32>, Error> {
        self.ids(text).map_err(|found| Error::Text {
            name: self.name.clone(),
            place: "a text".to_owned(),
            found,
            expected: "a vocabulary that covers it".to_owned(),
            advice: "Use the tokenizer of this model.",
        })
    }

    /// Encodes like [`Self::encode`], with the library's message as error.
    pub(crate) fn ids(&self, text: &str) -> Result<Vec<u32>, String> {
        let encoding = self.inner.encode_fast(text, false).map_err(|error| error.to_string())?;
        Ok(encoding.get_ids().to_vec())
    }

    /// Decodes ids to text; none if an id is not in the vocabulary, or the file's decoder is not
    /// supported.
    pub fn decode(&self, ids: &[u32]) -> Option<String> {
        let known = self.decodes && ids.iter().all(|&id| self.inner.id_to_token(id).is_some());
        if known { self.inner.decode(ids, false).ok() } else { None }
    }
}

/// Checks that a file is at most [`MAX_JSON`] bytes.
fn check_size(name: &str, bytes: u64) -> Result<(), Error> {
    if bytes <= MAX_JSON {
        return Ok(());
    }
    Err(Error::Text {
        name: name.to_owned(),
        place: WHOLE_FILE.to_owned(),
        found: format!("{bytes} bytes"),
        expected: format!("at most {MAX_JSON} bytes"),
        advice: "Use the model's own tokenizer.json.",
    })
}
