//! Samples and benchmark items as files give them: token ids, or text that a tokenizer is still to make ids of. JSON
//! lines (the project's own format; see docs/checkpoints.md), or plain text with a sample a line.

use serde::{Deserialize, de::IgnoredAny};
use trace::IdText;

use crate::{
    error::Error,
    inputs::{Inputs, Item, Sample, shifted},
    tokenizer::Tokenizer,
};

/// A target that is not counted.
const NOT_COUNTED: i64 = -100;

/// What files of samples and items hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GivenInputs {
    samples: Vec<GivenSample>,
    items: Vec<GivenItem>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct GivenSample {
    id: String,
    domain: String,
    tokens: Tokens,
    targets: Option<Vec<Option<u32>>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct GivenItem {
    id: String,
    domain: String,
    prompt: Tokens,
    answer: Option<Tokens>,
    choices: Option<GivenChoices>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct GivenChoices {
    tokens: Vec<Tokens>,
    /// Their texts, which may be known beside their ids.
    texts: Option<Vec<String>>,
    gold: usize,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Tokens {
    Ids(Vec<u32>),
    Text(String),
}

impl Tokens {
    /// Ids count more than text; neither may be empty.
    fn of(ids: Option<Vec<u32>>, text: Option<String>) -> Option<Self> {
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

#[derive(Deserialize)]
struct Line {
    id: IdText,
    domain: Option<String>,
    text: Option<String>,
    input_ids: Option<Vec<u32>>,
    targets: Option<Vec<i64>>,
    answer: Option<Text>,
    answer_ids: Option<Vec<u32>>,
    choices: Option<Vec<Text>>,
    choices_ids: Option<Vec<Vec<u32>>>,
    gold: Option<usize>,
}

/// Text, or something else that data sets have under the same name; where ids are given it does not matter.
#[derive(Deserialize)]
#[serde(untagged)]
enum Text {
    Text(String),
    Other(IgnoredAny),
}

impl Text {
    fn text(self) -> Option<String> {
        match self {
            Self::Text(text) => Some(text),
            Self::Other(IgnoredAny) => None,
        }
    }
}

/// A line of a file, for messages.
struct Place<'a> {
    name: &'a str,
    number: usize,
}

impl Place<'_> {
    fn wrong(&self, found: impl Into<String>, expected: &str) -> Error {
        Error::Text {
            name: self.name.to_owned(),
            place: format!("line {}", self.number),
            found: found.into(),
            expected: expected.to_owned(),
            advice: "Correct the line.",
        }
    }
}

impl GivenInputs {
    /// Reads a file's samples and items and adds them to those before.
    ///
    /// Of a file whose name ends in `.txt` each line that is not empty is a sample; its id is the file's name with the
    /// number of the line, its domain the name without the ending. Every other file is JSON lines, where a line with an
    /// answer or choices is an item.
    ///
    /// # Errors
    /// [`Error::Text`] with the first line that is neither sample nor item.
    pub fn read(&mut self, name: &str, text: &str) -> Result<(), Error> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let file = name.rsplit(['/', '\\']).next().unwrap_or(name);
        let plain = file.rsplit_once('.').filter(|(_, ending)| ending.eq_ignore_ascii_case("txt"));
        for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            let number = number + 1;
            match plain {
                Some((stem, _)) => self.samples.push(GivenSample {
                    id: format!("{file}:{number}"),
                    domain: stem.to_owned(),
                    tokens: Tokens::Text(line.to_owned()),
                    targets: None,
                }),
                None => self.read_line(&Place { name, number }, line)?,
            }
        }
        Ok(())
    }

    fn read_line(&mut self, place: &Place<'_>, line: &str) -> Result<(), Error> {
        let line: Line = serde_json::from_str(line).map_err(|error| {
            place.wrong(error.to_string(), "a JSON object with `id`, `domain` and `input_ids` or `text`")
        })?;
        let Line { id: IdText(id), domain, text, input_ids, targets, .. } = line;
        let domain = domain.unwrap_or_else(|| "all".to_owned());
        let tokens = Tokens::of(input_ids, text).ok_or_else(|| {
            place.wrong(
                "neither `input_ids` nor `text`, or an empty one",
                "token ids, or the text they are made of",
            )
        })?;
        let has_answer = line.answer.is_some() || line.answer_ids.is_some();
        let has_choices = line.choices.is_some() || line.choices_ids.is_some();
        if !has_answer && !has_choices {
            let targets = targets.map(|targets| given_targets(place, &targets, &tokens)).transpose()?;
            self.samples.push(GivenSample { id, domain, tokens, targets });
            return Ok(());
        }
        let answer = if has_answer {
            let empty = || {
                place.wrong(
                    "an answer without tokens or text",
                    "at least one token in `answer_ids`, or text in `answer`",
                )
            };
            Some(Tokens::of(line.answer_ids, line.answer.and_then(Text::text)).ok_or_else(empty)?)
        } else {
            None
        };
        let choices = if has_choices {
            Some(given_choices(place, line.choices, line.choices_ids, line.gold)?)
        } else {
            None
        };
        self.items.push(GivenItem { id, domain, prompt: tokens, answer, choices });
        Ok(())
    }

    /// How many samples there are.
    pub fn samples(&self) -> usize {
        self.samples.len()
    }

    /// Ids and domains of the items, in their order.
    pub fn items(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        self.items.iter().map(|item| (item.id.as_str(), item.domain.as_str()))
    }

    /// Whether something is given as text alone.
    pub fn needs_tokenizer(&self) -> bool {
        self.first_text().is_some()
    }

    /// Whether a tokenizer would tell more even where it is not needed: the texts of choices given as ids.
    pub fn gains_by_tokenizer(&self) -> bool {
        self.items.iter().any(|item| item.choices.as_ref().is_some_and(|choices| choices.texts.is_none()))
    }

    /// What is given as text alone, in words.
    fn first_text(&self) -> Option<String> {
        let sample = self.samples.iter().find(|sample| sample.tokens.is_text());
        let sample = sample.map(|sample| format!("sample `{}`", sample.id));
        sample.or_else(|| {
            let item = self.items.iter().find(|item| item.tokens().any(Tokens::is_text));
            item.map(|item| format!("item `{}`", item.id))
        })
    }

    /// Everything as token ids. `folder` is the checkpoint's, for messages; its tokenizer may be missing as long as
    /// nothing needs it.
    ///
    /// # Errors
    /// [`Error::Missing`] where a tokenizer is needed and there is none; [`Error::Input`] with the first sample or item
    /// that the tokenizer makes no sense of.
    pub fn tokenize(&self, folder: &str, tokenizer: Option<&Tokenizer>) -> Result<Inputs, Error> {
        if let (None, Some(text)) = (tokenizer, self.first_text()) {
            return Err(Error::Missing {
                folder: folder.to_owned(),
                missing: format!("tokenizer.json, and {text} is given as text"),
                advice: "Put the model's tokenizer.json into the folder or the one above it, or give `input_ids`.",
            });
        }
        let samples =
            self.samples.iter().map(|sample| sample.tokenize(tokenizer)).collect::<Result<_, _>>()?;
        let items = self.items.iter().map(|item| item.tokenize(tokenizer)).collect::<Result<_, _>>()?;
        Ok(Inputs { samples, items })
    }
}

impl GivenSample {
    fn tokenize(&self, tokenizer: Option<&Tokenizer>) -> Result<Sample, Error> {
        let Self { id, domain, tokens, targets } = self;
        let owner = Owner { what: "sample", id, tokenizer };
        let tokens = match tokens {
            Tokens::Ids(ids) => ids.clone(),
            Tokens::Text(text) => owner.filled(owner.ids(text)?, "a text")?,
        };
        let targets = match targets {
            None => shifted(&tokens),
            Some(targets) if targets.len() == tokens.len() => targets.clone(),
            Some(targets) => {
                let found = format!("{} targets for the {} tokens of its text", targets.len(), tokens.len());
                return Err(owner.wrong(found, "one target a token"));
            }
        };
        Ok(Sample { id: id.clone(), domain: domain.clone(), tokens, targets })
    }
}

impl GivenItem {
    /// All that it is made of.
    fn tokens(&self) -> impl Iterator<Item = &Tokens> {
        [&self.prompt].into_iter().chain(self.continuations())
    }

    fn continuations(&self) -> impl Iterator<Item = &Tokens> {
        let choices = self.choices.iter().flat_map(|choices| &choices.tokens);
        self.answer.iter().chain(choices)
    }

    /// Prompt and continuations join as in lm-evaluation-harness: white space at the prompt's end moves to the
    /// continuation, and a continuation's tokens are those of the whole text behind as many as the prompt alone has.
    fn tokenize(&self, tokenizer: Option<&Tokenizer>) -> Result<Item, Error> {
        let Self { id, domain, prompt, answer, choices } = self;
        let owner = Owner { what: "item", id, tokenizer };
        // What stays of the prompt's text, and all of it.
        let text = match prompt {
            Tokens::Text(text) if self.continuations().any(Tokens::is_text) => {
                let kept = text.trim_end_matches(is_python_space);
                if kept.len() < text.len() && !self.continuations().all(Tokens::is_text) {
                    return Err(owner.wrong(
                        "a prompt with white space at its end, and continuations as text and as ids"
                            .to_owned(),
                        "all as text, to which the white space moves, or all as ids",
                    ));
                }
                Some((kept, text.as_str()))
            }
            Tokens::Text(text) => Some((text.as_str(), text.as_str())),
            Tokens::Ids(_) => None,
        };
        let prompt = match (prompt, text) {
            (Tokens::Text(_), Some((kept, _))) => owner.filled(owner.ids(kept)?, "a prompt")?,
            (Tokens::Ids(ids), _) => ids.clone(),
            (Tokens::Text(text), None) => owner.ids(text)?,
        };
        let continuation = |tokens: &Tokens| {
            let ids = match (tokens, text) {
                (Tokens::Ids(ids), _) => ids.clone(),
                (Tokens::Text(continuation), Some((_, whole))) => {
                    let ids = owner.ids(&format!("{whole}{continuation}"))?;
                    ids.get(prompt.len()..).unwrap_or_default().to_vec()
                }
                (Tokens::Text(continuation), None) => owner.ids(continuation)?,
            };
            owner.filled(ids, "an answer or choice")
        };
        let answer = answer.as_ref().map(continuation).transpose()?;
        let mut tokenized = None;
        let mut choice_lengths = None;
        if let Some(GivenChoices { tokens, texts, gold }) = choices {
            let ids = tokens.iter().map(continuation).collect::<Result<Vec<_>, _>>()?;
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

/// Whose text is tokenized.
struct Owner<'a> {
    what: &'static str,
    id: &'a str,
    tokenizer: Option<&'a Tokenizer>,
}

impl Owner<'_> {
    fn wrong(&self, found: String, expected: &str) -> Error {
        Error::Input {
            what: self.what,
            id: self.id.to_owned(),
            found,
            expected: expected.to_owned(),
            advice: "Correct its line.",
        }
    }

    fn ids(&self, text: &str) -> Result<Vec<u32>, Error> {
        let ids = self.tokenizer.map_or_else(|| Err("no tokenizer".to_owned()), |known| known.ids(text));
        ids.map_err(|found| Error::Input {
            what: self.what,
            id: self.id.to_owned(),
            found,
            expected: "a text that the tokenizer's vocabulary covers".to_owned(),
            advice: "Take the tokenizer that belongs to the model.",
        })
    }

    fn filled(&self, ids: Vec<u32>, part: &str) -> Result<Vec<u32>, Error> {
        if ids.is_empty() {
            return Err(self.wrong(format!("{part} that has no tokens of its own"), "at least one token"));
        }
        Ok(ids)
    }
}

/// Characters of each, without the white space before it, which lm-evaluation-harness does not count; none where one
/// is not known or has no others.
fn lengths<'a>(texts: impl Iterator<Item = Option<&'a str>>) -> Option<Vec<usize>> {
    let one = |text: Option<&str>| Some(text?.trim_start().chars().count()).filter(|&length| length > 0);
    texts.map(one).collect()
}

/// What Python's `str.rstrip` takes away: the white space of Unicode and four separators.
fn is_python_space(c: char) -> bool {
    c.is_whitespace() || ('\x1c'..='\x1f').contains(&c)
}

fn given_targets(place: &Place<'_>, targets: &[i64], tokens: &Tokens) -> Result<Vec<Option<u32>>, Error> {
    if let Tokens::Ids(ids) = tokens
        && ids.len() != targets.len()
    {
        let found = format!("{} targets for {} tokens", targets.len(), ids.len());
        return Err(place.wrong(found, "one target a token"));
    }
    let one = |&target: &i64| {
        if target == NOT_COUNTED { Some(None) } else { u32::try_from(target).ok().map(Some) }
    };
    let targets: Option<Vec<_>> = targets.iter().map(one).collect();
    targets.ok_or_else(|| place.wrong("a negative target", "token ids, or -100 for none"))
}

fn given_choices(
    place: &Place<'_>,
    texts: Option<Vec<Text>>,
    ids: Option<Vec<Vec<u32>>>,
    gold: Option<usize>,
) -> Result<GivenChoices, Error> {
    let texts = texts.map(|texts| texts.into_iter().map(Text::text).collect::<Option<Vec<String>>>());
    let tokens: Option<Vec<Tokens>> = match (ids, &texts) {
        (Some(ids), Some(Some(texts))) if ids.len() != texts.len() => {
            let found = format!("{} choices as ids and {} as text", ids.len(), texts.len());
            return Err(place.wrong(found, "the same choices in both"));
        }
        (Some(ids), _) => ids.into_iter().map(|ids| Tokens::of(Some(ids), None)).collect(),
        (None, Some(Some(texts))) => texts.iter().map(|text| Tokens::of(None, Some(text.clone()))).collect(),
        (None, _) => None,
    };
    let tokens = tokens.ok_or_else(|| {
        place.wrong(
            "a choice without tokens or text",
            "at least one token each in `choices_ids`, or texts in `choices`",
        )
    })?;
    match gold {
        Some(gold) if gold < tokens.len() => Ok(GivenChoices { tokens, texts: texts.flatten(), gold }),
        gold => {
            let gold = gold.map_or("no gold".to_owned(), |gold| format!("gold {gold}"));
            let found = format!("{} choices and {gold}", tokens.len());
            Err(place.wrong(found, "`gold`, the place of the right choice from 0"))
        }
    }
}
