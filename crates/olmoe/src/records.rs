//! Samples and benchmark items as files give them: token ids, or text to tokenize.
//!
//! Files are JSON lines in Grokscope's own format (`docs/checkpoints.md`), or plain text with one
//! sample per line.

mod tokenize;

use serde::{Deserialize, de::IgnoredAny};
use trace::IdText;

use crate::error::Error;

/// Target of a token that does not count in the loss.
const IGNORED_TARGET: i64 = -100;

/// Records of files of samples and items.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InputRecords {
    samples: Vec<SampleRecord>,
    items: Vec<ItemRecord>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct SampleRecord {
    id: String,
    domain: String,
    content: Content,
    targets: Option<Vec<Option<u32>>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct ItemRecord {
    id: String,
    domain: String,
    prompt: Content,
    answer: Option<Content>,
    choices: Option<ChoicesRecord>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct ChoicesRecord {
    contents: Vec<Content>,
    /// Texts of the choices, which may also be known for choices given as ids.
    texts: Option<Vec<String>>,
    gold: usize,
}

/// Token ids or text; not empty.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Content {
    Ids(Vec<u32>),
    Text(String),
}

impl Content {
    /// Content from optional fields; ids take precedence over text. None if it would be empty.
    fn new(ids: Option<Vec<u32>>, text: Option<String>) -> Option<Self> {
        match (ids, text) {
            (Some(ids), _) => (!ids.is_empty()).then_some(Self::Ids(ids)),
            (None, Some(text)) => (!text.is_empty()).then_some(Self::Text(text)),
            (None, None) => None,
        }
    }

    fn is_text(&self) -> bool {
        matches!(self, Self::Text(_))
    }
}

/// Fields of a JSON line.
#[derive(Deserialize)]
struct Fields {
    id: IdText,
    domain: Option<String>,
    text: Option<String>,
    input_ids: Option<Vec<u32>>,
    targets: Option<Vec<i64>>,
    answer: Option<TextField>,
    answer_ids: Option<Vec<u32>>,
    choices: Option<Vec<TextField>>,
    choices_ids: Option<Vec<Vec<u32>>>,
    gold: Option<usize>,
}

/// Text, or another value that a data set has under the same name; it is ignored if ids are given.
#[derive(Deserialize)]
#[serde(untagged)]
enum TextField {
    Text(String),
    Other(IgnoredAny),
}

impl TextField {
    fn text(self) -> Option<String> {
        match self {
            Self::Text(text) => Some(text),
            Self::Other(IgnoredAny) => None,
        }
    }
}

/// Location of a line, for messages.
struct Location<'a> {
    name: &'a str,
    line: usize,
}

impl Location<'_> {
    fn error(&self, found: impl Into<String>, expected: &str) -> Error {
        Error::Text {
            name: self.name.to_owned(),
            place: format!("line {}", self.line),
            found: found.into(),
            expected: expected.to_owned(),
            advice: "Correct the line.",
        }
    }
}

impl InputRecords {
    /// Parses a file and adds its samples and items.
    ///
    /// In a `.txt` file each line with a character other than white space is a sample. Its id is
    /// the file's name with the line number, its domain the name without the extension. Every other
    /// file is JSON lines, where a line with an answer or choices is an item.
    ///
    /// # Errors
    /// [`Error::Text`] with the first line that is neither a sample nor an item.
    pub fn read(&mut self, name: &str, text: &str) -> Result<(), Error> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let file = name.rsplit(['/', '\\']).next().unwrap_or(name);
        let plain = file.rsplit_once('.').filter(|(_, ending)| ending.eq_ignore_ascii_case("txt"));
        for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            let number = index + 1;
            match plain {
                Some((stem, _)) => self.samples.push(SampleRecord {
                    id: format!("{file}:{number}"),
                    domain: stem.to_owned(),
                    content: Content::Text(line.to_owned()),
                    targets: None,
                }),
                None => self.read_line(&Location { name, line: number }, line)?,
            }
        }
        Ok(())
    }

    fn read_line(&mut self, location: &Location<'_>, line: &str) -> Result<(), Error> {
        let fields: Fields = serde_json::from_str(line).map_err(|error| {
            location.error(error.to_string(), "a JSON object with `id`, `domain` and `input_ids` or `text`")
        })?;
        let Fields { id: IdText(id), domain, text, input_ids, targets, .. } = fields;
        let domain = domain.unwrap_or_else(|| "all".to_owned());
        let content = Content::new(input_ids, text).ok_or_else(|| {
            location.error("neither `input_ids` nor `text`, or an empty one", "token ids or text")
        })?;
        let has_answer = fields.answer.is_some() || fields.answer_ids.is_some();
        let has_choices = fields.choices.is_some() || fields.choices_ids.is_some();
        if !has_answer && !has_choices {
            let targets = targets.map(|targets| parse_targets(location, &targets, &content)).transpose()?;
            self.samples.push(SampleRecord { id, domain, content, targets });
            return Ok(());
        }
        let answer = if has_answer {
            let empty = || {
                location.error(
                    "an answer without tokens or text",
                    "at least one token in `answer_ids`, or text in `answer`",
                )
            };
            let text = fields.answer.and_then(TextField::text);
            Some(Content::new(fields.answer_ids, text).ok_or_else(empty)?)
        } else {
            None
        };
        let choices = if has_choices {
            Some(parse_choices(location, fields.choices, fields.choices_ids, fields.gold)?)
        } else {
            None
        };
        self.items.push(ItemRecord { id, domain, prompt: content, answer, choices });
        Ok(())
    }

    /// Number of samples.
    pub fn samples(&self) -> usize {
        self.samples.len()
    }

    /// Id and domain of each item, in file order.
    pub fn items(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        self.items.iter().map(|item| (item.id.as_str(), item.domain.as_str()))
    }

    /// Whether a sample or item has text without ids, so that a tokenizer is required.
    pub fn needs_tokenizer(&self) -> bool {
        self.first_text().is_some()
    }

    /// Whether an optional tokenizer adds information: the texts of choices given as ids.
    pub fn gains_by_tokenizer(&self) -> bool {
        self.items.iter().any(|item| item.choices.as_ref().is_some_and(|choices| choices.texts.is_none()))
    }

    /// First sample or item that has text without ids, for messages.
    fn first_text(&self) -> Option<String> {
        let sample = self.samples.iter().find(|sample| sample.content.is_text());
        let sample = sample.map(|sample| format!("sample `{}`", sample.id));
        sample.or_else(|| {
            let item = self.items.iter().find(|item| item.contents().any(Content::is_text));
            item.map(|item| format!("item `{}`", item.id))
        })
    }
}

impl ItemRecord {
    /// The prompt and all continuations.
    fn contents(&self) -> impl Iterator<Item = &Content> {
        [&self.prompt].into_iter().chain(self.continuations())
    }

    /// The answer and the choices.
    fn continuations(&self) -> impl Iterator<Item = &Content> {
        let choices = self.choices.iter().flat_map(|choices| &choices.contents);
        self.answer.iter().chain(choices)
    }
}

/// Parses targets; their number is checked here if the content has ids.
fn parse_targets(
    location: &Location<'_>,
    targets: &[i64],
    content: &Content,
) -> Result<Vec<Option<u32>>, Error> {
    if let Content::Ids(ids) = content
        && ids.len() != targets.len()
    {
        let found = format!("{} targets for {} tokens", targets.len(), ids.len());
        return Err(location.error(found, "one target per token"));
    }
    let parse = |&target: &i64| {
        if target == IGNORED_TARGET { Some(None) } else { u32::try_from(target).ok().map(Some) }
    };
    let targets: Option<Vec<_>> = targets.iter().map(parse).collect();
    targets.ok_or_else(|| {
        location.error("a target that is no token id", "token ids, or -100 where the loss ignores the token")
    })
}

/// Parses the choices of an item; ids take precedence over texts.
fn parse_choices(
    location: &Location<'_>,
    texts: Option<Vec<TextField>>,
    ids: Option<Vec<Vec<u32>>>,
    gold: Option<usize>,
) -> Result<ChoicesRecord, Error> {
    let texts = texts.map(|texts| texts.into_iter().map(TextField::text).collect::<Option<Vec<String>>>());
    let contents: Option<Vec<Content>> = match (ids, &texts) {
        (Some(ids), Some(Some(texts))) if ids.len() != texts.len() => {
            let found = format!("{} choices as ids and {} as text", ids.len(), texts.len());
            return Err(location.error(found, "the same choices in `choices_ids` and `choices`"));
        }
        (Some(ids), _) => ids.into_iter().map(|ids| Content::new(Some(ids), None)).collect(),
        (None, Some(Some(texts))) => {
            texts.iter().map(|text| Content::new(None, Some(text.clone()))).collect()
        }
        (None, _) => None,
    };
    let contents = contents.ok_or_else(|| {
        location.error(
            "a choice without tokens or text",
            "at least one token each in `choices_ids`, or texts in `choices`",
        )
    })?;
    match gold {
        Some(gold) if gold < contents.len() => Ok(ChoicesRecord { contents, texts: texts.flatten(), gold }),
        gold => {
            let gold = gold.map_or("no gold".to_owned(), |gold| format!("gold {gold}"));
            let found = format!("{} choices and {gold}", contents.len());
            Err(location.error(found, "`gold`, the index of the correct choice from 0"))
        }
    }
}
