//! Samples and benchmark items as token ids: what goes through a model.

use crate::error::Error;

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
    /// The lengths of the choices' texts in characters, without the white space before them, where all are known.
    pub choice_lengths: Option<Vec<usize>>,
}

/// What goes through the model.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inputs {
    /// The samples, in the order of the trace.
    pub samples: Vec<Sample>,
    /// The items.
    pub items: Vec<Item>,
}

impl Inputs {
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
pub fn shifted(tokens: &[u32]) -> Vec<Option<u32>> {
    tokens.iter().skip(1).copied().map(Some).chain([None]).collect()
}
