//! Tokenization of records. Prompts and continuations are joined as in lm-evaluation-harness.

use super::{ChoicesRecord, Content, InputRecords, ItemRecord, SampleRecord};
use crate::{
    error::Error,
    inputs::{Inputs, Item, Sample, next_tokens},
    tokenizer::Tokenizer,
};

impl InputRecords {
    /// Converts all records to token ids. `folder` is the checkpoint's, for messages. The tokenizer
    /// is optional unless [`InputRecords::needs_tokenizer`].
    ///
    /// # Errors
    /// [`Error::Missing`] if a tokenizer is required and none is given; [`Error::Input`] with the first
    /// sample or item that the tokenizer cannot encode, or whose parts do not fit together.
    pub fn tokenize(&self, folder: &str, tokenizer: Option<&Tokenizer>) -> Result<Inputs, Error> {
        if let (None, Some(record)) = (tokenizer, self.first_text()) {
            return Err(Error::Missing {
                folder: folder.to_owned(),
                missing: format!("tokenizer.json, which the text of {record} requires"),
                advice: "Put the model's tokenizer.json into this folder or the one above it, or give `input_ids`.",
            });
        }
        let samples =
            self.samples.iter().map(|sample| sample.tokenize(tokenizer)).collect::<Result<_, _>>()?;
        let items = self.items.iter().map(|item| item.tokenize(tokenizer)).collect::<Result<_, _>>()?;
        Ok(Inputs { samples, items })
    }
}

impl SampleRecord {
    fn tokenize(&self, tokenizer: Option<&Tokenizer>) -> Result<Sample, Error> {
        let Self { id, domain, content, targets } = self;
        let encoder = RecordEncoder { what: "sample", id, tokenizer };
        let tokens = match content {
            Content::Ids(ids) => ids.clone(),
            Content::Text(text) => encoder.require_tokens(encoder.ids(text)?, "a text")?,
        };
        let targets = match targets {
            None => next_tokens(&tokens),
            Some(targets) if targets.len() == tokens.len() => targets.clone(),
            Some(targets) => {
                let found = format!("{} targets for the {} tokens of its text", targets.len(), tokens.len());
                return Err(encoder.error(found, "one target per token"));
            }
        };
        Ok(Sample { id: id.clone(), domain: domain.clone(), tokens, targets })
    }
}

impl ItemRecord {
    /// Converts an item to token ids as lm-evaluation-harness does. White space at the end of the
    /// prompt moves to the continuation. Prompt and continuation are tokenized together; the first
    /// tokens, as many as the prompt alone has, are the prompt's, and the others are the
    /// continuation's.
    fn tokenize(&self, tokenizer: Option<&Tokenizer>) -> Result<Item, Error> {
        let Self { id, domain, prompt, answer, choices } = self;
        let encoder = RecordEncoder { what: "item", id, tokenizer };
        // The prompt without the white space that moves, and the whole prompt.
        let text = match prompt {
            Content::Text(text) if self.continuations().any(Content::is_text) => {
                let kept = text.trim_end_matches(is_python_space);
                if kept.len() < text.len() && !self.continuations().all(Content::is_text) {
                    return Err(encoder.error(
                        "a prompt with white space at its end, and continuations both as text and as ids"
                            .to_owned(),
                        "all continuations as text, to which the white space moves, or all as ids",
                    ));
                }
                Some((kept, text.as_str()))
            }
            Content::Text(text) => Some((text.as_str(), text.as_str())),
            Content::Ids(_) => None,
        };
        let prompt = match (prompt, text) {
            (Content::Text(_), Some((kept, _))) => encoder.require_tokens(encoder.ids(kept)?, "a prompt")?,
            (Content::Ids(ids), _) => ids.clone(),
            (Content::Text(text), None) => encoder.ids(text)?,
        };
        let continuation = |content: &Content| {
            let ids = match (content, text) {
                (Content::Ids(ids), _) => ids.clone(),
                (Content::Text(continuation), Some((_, whole))) => {
                    let ids = encoder.ids(&format!("{whole}{continuation}"))?;
                    ids.get(prompt.len()..).unwrap_or_default().to_vec()
                }
                (Content::Text(continuation), None) => encoder.ids(continuation)?,
            };
            encoder.require_tokens(ids, "an answer or choice")
        };
        let answer = answer.as_ref().map(continuation).transpose()?;
        let mut tokenized = None;
        let mut choice_lengths = None;
        if let Some(ChoicesRecord { contents, texts, gold }) = choices {
            let ids = contents.iter().map(continuation).collect::<Result<Vec<_>, _>>()?;
            choice_lengths = match (texts, tokenizer) {
                (Some(texts), _) => lengths(texts.iter().map(|text| Some(text.as_str()))),
                (None, Some(tokenizer)) => {
                    let texts: Vec<_> = ids.iter().map(|ids| tokenizer.decode(ids)).collect();
                    lengths(texts.iter().map(Option::as_deref))
                }
                (None, None) => None,
            };
            tokenized = Some((ids, *gold));
        }
        let (id, domain) = (id.clone(), domain.clone());
        Ok(Item { id, domain, prompt, answer, choices: tokenized, choice_lengths })
    }
}

/// Encodes the texts of one record; errors name the record.
struct RecordEncoder<'a> {
    /// `sample` or `item`.
    what: &'static str,
    id: &'a str,
    tokenizer: Option<&'a Tokenizer>,
}

impl RecordEncoder<'_> {
    fn error(&self, found: String, expected: &str) -> Error {
        Error::Input {
            what: self.what,
            id: self.id.to_owned(),
            found,
            expected: expected.to_owned(),
            advice: "Correct its line in the file.",
        }
    }

    fn ids(&self, text: &str) -> Result<Vec<u32>, Error> {
        let ids = self.tokenizer.map_or_else(|| Err("no tokenizer".to_owned()), |known| known.ids(text));
        ids.map_err(|found| Error::Input {
            what: self.what,
            id: self.id.to_owned(),
            found,
            expected: "a text that the tokenizer's vocabulary covers".to_owned(),
            advice: "Use the tokenizer of this model.",
        })
    }

    fn require_tokens(&self, ids: Vec<u32>, part: &str) -> Result<Vec<u32>, Error> {
        if ids.is_empty() {
            return Err(self.error(format!("{part} that has no tokens of its own"), "at least one token"));
        }
        Ok(ids)
    }
}

/// Characters of each text without leading white space, which lm-evaluation-harness does not count.
/// None if a text is unknown or has no other characters.
fn lengths<'a>(texts: impl Iterator<Item = Option<&'a str>>) -> Option<Vec<usize>> {
    let length = |text: Option<&str>| Some(text?.trim_start().chars().count()).filter(|&length| length > 0);
    texts.map(length).collect()
}

/// Whether Python's `str.rstrip` strips a character: Unicode white space and four separators.
fn is_python_space(c: char) -> bool {
    c.is_whitespace() || ('\x1c'..='\x1f').contains(&c)
}
