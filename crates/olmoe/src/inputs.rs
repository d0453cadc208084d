//! Samples and benchmark items as token ids, from JSON lines (the project's own format; see README).

use serde::Deserialize;
use trace::IdText;

use crate::error::Error;

/// A target that is not counted.
const NOT_COUNTED: i64 = -100;

/// A training sample.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sample {
    /// Its id.
    pub id: String,
    /// Its domain.
    pub domain: String,
    /// Its tokens.
    pub tokens: Vec<u32>,
    /// At each position the token to be predicted there, where it counts in the loss.
    pub targets: Vec<Option<u32>>,
}

/// A benchmark item: right if greedy decoding gives the answer, or where there is none, if the gold choice is the most
/// likely one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// Its id.
    pub id: String,
    /// Its domain.
    pub domain: String,
    /// Its tokens.
    pub prompt: Vec<u32>,
    /// The answer's tokens.
    pub answer: Option<Vec<u32>>,
    /// The choices' tokens, and which of them is right.
    pub choices: Option<(Vec<Vec<u32>>, usize)>,
}

/// What goes through the model.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inputs {
    /// The samples, in the order of the trace.
    pub samples: Vec<Sample>,
    /// The items.
    pub items: Vec<Item>,
}

#[derive(Deserialize)]
struct Line {
    id: IdText,
    domain: Option<String>,
    text: Option<String>,
    input_ids: Option<Vec<u32>>,
    targets: Option<Vec<i64>>,
    answer_ids: Option<Vec<u32>>,
    choices_ids: Option<Vec<Vec<u32>>>,
    gold: Option<usize>,
}

impl Inputs {
    /// Reads JSON lines of samples and of items; a line with an answer or choices is an item.
    ///
    /// # Errors
    /// [`Error::Text`] with the first line that is neither.
    pub fn read(&mut self, name: &str, text: &str) -> Result<(), Error> {
        for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            let wrong = |found: String, expected: &str, advice| Error::Text {
                name: name.to_owned(),
                place: format!("line {}", number + 1),
                found,
                expected: expected.to_owned(),
                advice,
            };
            let line: Line = serde_json::from_str(line).map_err(|error| {
                wrong(
                    error.to_string(),
                    "a JSON object with `id`, `domain` and `input_ids`",
                    "Correct the line.",
                )
            })?;
            let Line { id: IdText(id), domain, text, input_ids, targets, answer_ids, choices_ids, gold } =
                line;
            let domain = domain.unwrap_or_else(|| "all".to_owned());
            let Some(tokens) = input_ids.filter(|tokens| !tokens.is_empty()) else {
                let found = if text.is_some() { "`text` without `input_ids`" } else { "no `input_ids`" };
                return Err(wrong(
                    found.to_owned(),
                    "the token ids of the text",
                    "Tokenize it first (`tokenizer(text).input_ids`): this program has no tokenizer yet.",
                ));
            };
            if answer_ids.is_none() && choices_ids.is_none() {
                let targets = match targets {
                    None => shifted(&tokens),
                    Some(targets) if targets.len() == tokens.len() => given(&targets).ok_or_else(|| {
                        wrong(
                            "a negative target".to_owned(),
                            "token ids, or -100 for none",
                            "Correct the line.",
                        )
                    })?,
                    Some(targets) => {
                        let found = format!("{} targets for {} tokens", targets.len(), tokens.len());
                        return Err(wrong(found, "one target a token", "Correct the line."));
                    }
                };
                self.samples.push(Sample { id, domain, tokens, targets });
                continue;
            }
            let empty = answer_ids.as_ref().is_some_and(Vec::is_empty)
                || choices_ids.iter().flatten().any(Vec::is_empty);
            if empty {
                return Err(wrong(
                    "an answer or choice without tokens".to_owned(),
                    "at least one token",
                    "Correct the line.",
                ));
            }
            let choices = match (choices_ids, gold) {
                (None, _) => None,
                (Some(choices), Some(gold)) if gold < choices.len() => Some((choices, gold)),
                (Some(choices), gold) => {
                    let found = format!("{} choices and gold {gold:?}", choices.len());
                    return Err(wrong(
                        found,
                        "`gold`, the place of the right choice from 0",
                        "Correct the line.",
                    ));
                }
            };
            self.items.push(Item { id, domain, prompt: tokens, answer: answer_ids, choices });
        }
        Ok(())
    }

    /// Tokens that are fed.
    pub fn tokens(&self) -> usize {
        self.samples.iter().map(|sample| sample.tokens.len()).sum::<usize>()
            + self.items.iter().map(Item::fed).sum::<usize>()
    }

    /// Parts whose tokens have room in memory together; samples and items keep their order over all parts. What is
    /// longer than `tokens` by itself is a part of its own.
    pub(crate) fn parts(&self, tokens: usize) -> Vec<Self> {
        let mut parts: Vec<Self> = Vec::new();
        let mut room = 0;
        let mut part_for = |parts: &mut Vec<Self>, len: usize| {
            if len > room || parts.is_empty() {
                parts.push(Self::default());
                room = tokens;
            }
            room = room.saturating_sub(len);
        };
        for sample in &self.samples {
            part_for(&mut parts, sample.tokens.len());
            parts.last_mut().into_iter().for_each(|part| part.samples.push(sample.clone()));
        }
        for item in &self.items {
            part_for(&mut parts, item.fed());
            parts.last_mut().into_iter().for_each(|part| part.items.push(item.clone()));
        }
        parts
    }

    /// Whether everything fits a model.
    ///
    /// # Errors
    /// [`Error::Input`] with the first that does not.
    pub fn check(&self, vocabulary: usize, max_positions: usize) -> Result<(), Error> {
        let check = |what: &'static str, id: &str, mut tokens: &mut dyn Iterator<Item = u32>, len: usize| {
            let wrong = |found: String, expected: String, advice| {
                Err(Error::Input { what, id: id.to_owned(), found, expected, advice })
            };
            if let Some(token) = Iterator::find(&mut tokens, |&token| token as usize >= vocabulary) {
                return wrong(
                    format!("token {token}"),
                    format!("ids below {vocabulary}, the model's vocabulary"),
                    "Tokenize with the tokenizer that belongs to the model.",
                );
            }
            if len > max_positions {
                return wrong(
                    format!("{len} tokens"),
                    format!("at most {max_positions}, the model's positions"),
                    "Cut it, or leave it out.",
                );
            }
            Ok(())
        };
        for Sample { id, tokens, targets, .. } in &self.samples {
            let mut all = tokens.iter().copied().chain(targets.iter().flatten().copied());
            check("sample", id, &mut all, tokens.len())?;
        }
        for Item { id, prompt, answer, choices, .. } in &self.items {
            let choices = choices.iter().flat_map(|(choices, _)| choices);
            let longest = choices.clone().chain(answer).map(Vec::len).max().unwrap_or(0);
            let mut all = prompt.iter().chain(answer.iter().flatten()).chain(choices.flatten()).copied();
            check("item", id, &mut all, prompt.len() + longest.saturating_sub(1))?;
        }
        Ok(())
    }
}

impl Item {
    /// Tokens that are fed, at most: of an answer all but the last, which is predicted.
    fn fed(&self) -> usize {
        let continuations = self.choices.iter().flat_map(|(choices, _)| choices).chain(&self.answer);
        self.prompt.len() + continuations.map(|tokens| tokens.len().saturating_sub(1)).sum::<usize>()
    }
}

/// Each position predicts the next token; the last one predicts nothing.
fn shifted(tokens: &[u32]) -> Vec<Option<u32>> {
    tokens.iter().skip(1).copied().map(Some).chain([None]).collect()
}

fn given(targets: &[i64]) -> Option<Vec<Option<u32>>> {
    let one = |&target: &i64| {
        if target == NOT_COUNTED { Some(None) } else { u32::try_from(target).ok().map(Some) }
    };
    targets.iter().map(one).collect()
}
