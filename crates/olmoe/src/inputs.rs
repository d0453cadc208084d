//! Samples and benchmark items as token ids, ready to run through a model.

use crate::error::Error;

/// A training sample.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sample {
    /// Id of the sample.
    pub id: String,
    /// Domain of the sample.
    pub domain: String,
    /// Token ids, `[T]`.
    pub tokens: Vec<u32>,
    /// Token to predict at each position, `[T]`; none where no target counts in the loss.
    pub targets: Vec<Option<u32>>,
}

/// A benchmark item. It is correct if greedy decoding gives the answer; without an answer, if the
/// gold choice is the most likely one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// Id of the item.
    pub id: String,
    /// Domain of the item.
    pub domain: String,
    /// Token ids of the prompt.
    pub prompt: Vec<u32>,
    /// Token ids of the answer.
    pub answer: Option<Vec<u32>>,
    /// Token ids of each choice, and the index of the gold choice.
    pub choices: Option<(Vec<Vec<u32>>, usize)>,
    /// Characters of each choice's text without leading white space; none unless all are known.
    pub choice_lengths: Option<Vec<usize>>,
}

/// Samples and items to run through a model.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inputs {
    /// Samples in the order of the trace.
    pub samples: Vec<Sample>,
    /// Items in the order of their scores.
    pub items: Vec<Item>,
}

impl Inputs {
    /// Number of input tokens of all samples and items.
    pub fn tokens(&self) -> usize {
        self.samples.iter().map(|sample| sample.tokens.len()).sum::<usize>()
            + self.items.iter().map(Item::input_tokens).sum::<usize>()
    }

    /// Divides the inputs into passes of at most `max_tokens` input tokens. Samples and items keep
    /// their order over all passes. A longer sample or item gets a pass of its own.
    pub(crate) fn passes(&self, max_tokens: usize) -> Vec<Self> {
        let mut passes: Vec<Self> = Vec::new();
        let mut room = 0;
        let mut reserve = |passes: &mut Vec<Self>, len: usize| {
            if len > room || passes.is_empty() {
                passes.push(Self::default());
                room = max_tokens;
            }
            room = room.saturating_sub(len);
        };
        for sample in &self.samples {
            reserve(&mut passes, sample.tokens.len());
            passes.last_mut().into_iter().for_each(|pass| pass.samples.push(sample.clone()));
        }
        for item in &self.items {
            reserve(&mut passes, item.input_tokens());
            passes.last_mut().into_iter().for_each(|pass| pass.items.push(item.clone()));
        }
        passes
    }

    /// Checks token ids against the vocabulary and lengths against the model's positions.
    ///
    /// # Errors
    /// [`Error::Input`] with the first sample or item that does not fit.
    pub fn check(&self, vocabulary: usize, max_positions: usize) -> Result<(), Error> {
        let check = |what: &'static str, id: &str, mut tokens: &mut dyn Iterator<Item = u32>, len: usize| {
            let wrong = |found: String, expected: String, advice| {
                Err(Error::Input { what, id: id.to_owned(), found, expected, advice })
            };
            if let Some(token) = Iterator::find(&mut tokens, |&token| token as usize >= vocabulary) {
                return wrong(
                    format!("token {token}"),
                    format!("token ids below {vocabulary}, the size of the model's vocabulary"),
                    "Use the tokenizer of this model.",
                );
            }
            if len > max_positions {
                return wrong(
                    format!("{len} tokens"),
                    format!("at most {max_positions}, the `max_position_embeddings` of the model"),
                    "Shorten it, or leave it out.",
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
    /// Upper bound of input tokens. The last token of a continuation is predicted, not an input;
    /// equal continuations are counted twice.
    fn input_tokens(&self) -> usize {
        let continuations = self.choices.iter().flat_map(|(choices, _)| choices).chain(&self.answer);
        self.prompt.len() + continuations.map(|tokens| tokens.len().saturating_sub(1)).sum::<usize>()
    }
}

/// Next-token targets: the following token at each position, none at the last.
pub fn next_tokens(tokens: &[u32]) -> Vec<Option<u32>> {
    tokens.iter().skip(1).copied().map(Some).chain([None]).collect()
}
