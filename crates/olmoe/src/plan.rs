//! Which sequences go through the model, and what is asked of their tokens.
//!
//! Sequences lie behind each other by form, so that those of one form are attended to together and no padding exists.
//! The same tokens are computed once, whoever asks for them; choices of an item are branches that share its prompt.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
    rc::Rc,
};

use crate::{inputs::Inputs, rows::Sight};

/// How much is computed at once.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Tokens of a block; a longer sequence has a block of its own.
    pub block: usize,
    /// Scores of one head in one call of attention.
    pub scores: usize,
}

/// Everything that one pass computes.
#[derive(Debug)]
pub struct Plan {
    /// Tokens of all sequences, `[N]`.
    pub tokens: Vec<u32>,
    /// The rows that are computed at once.
    pub blocks: Vec<Block>,
    /// Where each sample's tokens start; they are as many as the sample has.
    pub sample_starts: Vec<usize>,
    /// Rows of tokens whose predictions are asked for, ascending.
    pub rows: Vec<usize>,
    /// `(place in rows, token)` whose log-likelihood is asked for.
    pub queries: Vec<(usize, u32)>,
    /// For each sample its queries.
    pub sample_queries: Vec<Vec<usize>>,
    /// For each item what decides whether it is right.
    pub item_queries: Vec<ItemQueries>,
}

/// Rows that are computed at once, and their sequences.
#[derive(Debug)]
pub struct Block {
    /// Its rows among all.
    pub rows: Range<usize>,
    /// Runs of sequences of one form; they start inside the block.
    pub groups: Vec<Group>,
}

/// A stem of tokens, and branches that each go on from its end and do not see each other.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Form {
    /// Tokens of the stem.
    pub stem: usize,
    /// Tokens of each branch.
    pub branches: Vec<usize>,
}

/// Sequences of one form that lie behind each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// First row, inside its block.
    pub start: usize,
    /// Sequences.
    pub count: usize,
    /// The form of each.
    pub form: Rc<Form>,
}

/// What decides whether an item is right.
#[derive(Debug, Default)]
pub struct ItemQueries {
    /// `(place in rows, token)` that greedy decoding must give; none where there is no answer.
    pub greedy: Option<Vec<(usize, u32)>>,
    /// The queries of each choice.
    pub choices: Vec<Vec<usize>>,
}

impl Form {
    /// Its tokens.
    pub fn len(&self) -> usize {
        self.stem + self.branches.iter().sum::<usize>()
    }

    /// `(branch, position)` of each token; the stem is no branch.
    pub fn places(&self) -> Vec<(Option<usize>, usize)> {
        let stem = (0..self.stem).map(|position| (None, position));
        let branches = self.branches.iter().enumerate();
        let branches =
            branches.flat_map(|(branch, &len)| (0..len).map(move |at| (Some(branch), self.stem + at)));
        stem.chain(branches).collect()
    }
}

impl Form {
    /// What each token sees of a sequence that begins at a place: the stem and its own branch, up to itself.
    pub fn sights(&self, start: usize) -> impl Iterator<Item = Sight> + '_ {
        let stem = (0..self.stem).map(move |at| [start..start + at + 1, start + at + 1..start + at + 1]);
        let mut next = start + self.stem;
        let branches = self.branches.iter().flat_map(move |&len| {
            let first = next;
            next += len;
            (0..len).map(move |at| [start..start + self.stem, first..first + at + 1])
        });
        stem.chain(branches)
    }
}

/// A sequence: a stem and its branches.
struct Wanted {
    stem: Vec<u32>,
    branches: Vec<Vec<u32>>,
    /// Its first row, once all are in order.
    start: usize,
}

impl Wanted {
    fn form(&self) -> Form {
        Form { stem: self.stem.len(), branches: self.branches.iter().map(Vec::len).collect() }
    }
}

/// Collects what is asked, before rows have their places.
#[derive(Default)]
struct Asked {
    sequences: Vec<Wanted>,
    known: BTreeMap<(Vec<u32>, Vec<Vec<u32>>), usize>,
    /// `(sequence, place in it)`.
    rows: BTreeSet<(usize, usize)>,
    queries: Vec<((usize, usize), u32)>,
}

impl Asked {
    fn sequence(&mut self, stem: Vec<u32>, branches: Vec<Vec<u32>>) -> usize {
        let sequences = &mut self.sequences;
        *self.known.entry((stem, branches)).or_insert_with_key(|(stem, branches)| {
            sequences.push(Wanted { stem: stem.clone(), branches: branches.clone(), start: 0 });
            sequences.len() - 1
        })
    }

    fn query(&mut self, row: (usize, usize), token: u32) -> usize {
        self.rows.insert(row);
        self.queries.push((row, token));
        self.queries.len() - 1
    }
}

/// The branches of one item on their way into a sequence.
struct Branches {
    stem: usize,
    /// Each with its first place in the sequence.
    all: Vec<(Vec<u32>, usize)>,
}

impl Branches {
    /// Of all continuations only what is fed counts: the last token is predicted, never fed.
    fn new<'a>(stem: usize, continuations: impl Iterator<Item = &'a Vec<u32>>) -> Self {
        let mut all: Vec<(Vec<u32>, usize)> = Vec::new();
        let mut next = stem;
        for continuation in continuations {
            let fed = fed(continuation);
            if !fed.is_empty() && !all.iter().any(|(known, _)| known == fed) {
                all.push((fed.to_vec(), next));
                next += fed.len();
            }
        }
        Self { stem, all }
    }

    /// The place in the sequence whose prediction is the continuation's token `at`.
    fn place(&self, continuation: &[u32], at: usize) -> usize {
        let first =
            self.all.iter().find(|(known, _)| known == fed(continuation)).map_or(0, |(_, first)| *first);
        if at == 0 { self.stem - 1 } else { first + at - 1 }
    }
}

fn fed(continuation: &[u32]) -> &[u32] {
    continuation.split_last().map_or(&[], |(_, rest)| rest)
}

/// Plans a pass.
pub fn plan(inputs: &Inputs, limits: Limits) -> Plan {
    let mut asked = Asked::default();
    let mut sample_sequences = Vec::new();
    let mut sample_queries = Vec::new();
    for sample in &inputs.samples {
        let at = asked.sequence(sample.tokens.clone(), Vec::new());
        let targets = sample.targets.iter().enumerate();
        let queries =
            targets.filter_map(|(place, target)| Some(asked.query((at, place), (*target)?))).collect();
        sample_sequences.push(at);
        sample_queries.push(queries);
    }
    let mut items = Vec::new();
    for item in &inputs.items {
        let choices = item.choices.as_ref().map_or(&[][..], |(choices, _)| choices);
        let branches = Branches::new(item.prompt.len(), item.answer.iter().chain(choices));
        let fed = branches.all.iter().map(|(branch, _)| branch.clone());
        // A single branch only makes the stem longer, and a plain sequence may be known already.
        let at = match branches.all.as_slice() {
            [(branch, _)] => asked.sequence([item.prompt.as_slice(), branch].concat(), Vec::new()),
            _ => asked.sequence(item.prompt.clone(), fed.collect()),
        };
        let greedy = item.answer.as_ref().map(|answer| {
            let wanted = answer.iter().enumerate();
            wanted.map(|(place, &token)| ((at, branches.place(answer, place)), token)).collect::<Vec<_>>()
        });
        let choices: Vec<Vec<usize>> = choices
            .iter()
            .map(|choice| {
                let tokens = choice.iter().enumerate();
                tokens
                    .map(|(place, &token)| asked.query((at, branches.place(choice, place)), token))
                    .collect()
            })
            .collect();
        for (row, _) in greedy.iter().flatten() {
            asked.rows.insert(*row);
        }
        items.push((greedy, choices));
    }
    let Asked { mut sequences, rows, queries, .. } = asked;
    let (tokens, blocks) = arrange(&mut sequences, limits);

    let row_of = |&(sequence, place): &(usize, usize)| sequences[sequence].start + place;
    let mut rows: Vec<usize> = rows.iter().map(row_of).collect();
    rows.sort_unstable();
    let place = |row: &(usize, usize)| rows.binary_search(&row_of(row)).unwrap_or_default();
    let item_queries = items
        .into_iter()
        .map(|(greedy, choices)| ItemQueries {
            greedy: greedy.map(|rows| rows.iter().map(|(row, token)| (place(row), *token)).collect()),
            choices,
        })
        .collect();
    Plan {
        sample_starts: sample_sequences.iter().map(|&at| sequences[at].start).collect(),
        queries: queries.iter().map(|(row, token)| (place(row), *token)).collect(),
        sample_queries,
        item_queries,
        tokens,
        blocks,
        rows,
    }
}

/// Gives every sequence its rows: by length and form, in blocks.
fn arrange(sequences: &mut [Wanted], limits: Limits) -> (Vec<u32>, Vec<Block>) {
    let mut order: Vec<usize> = (0..sequences.len()).collect();
    let forms: Vec<Rc<Form>> = sequences.iter().map(|sequence| Rc::new(sequence.form())).collect();
    order.sort_by_key(|&at| (forms[at].len(), Rc::clone(&forms[at])));
    let mut tokens: Vec<u32> = Vec::new();
    let mut blocks: Vec<Block> = Vec::new();
    for at in order {
        let len = forms[at].len();
        let start = tokens.len();
        sequences[at].start = start;
        tokens.extend(sequences[at].stem.iter().chain(sequences[at].branches.iter().flatten()));
        match blocks.last_mut() {
            Some(last) if last.rows.len() + len <= limits.block => last.take(&forms[at], limits),
            _ => {
                let mut fresh = Block { rows: start..start, groups: Vec::new() };
                fresh.take(&forms[at], limits);
                blocks.push(fresh);
            }
        }
    }
    (tokens, blocks)
}

impl Block {
    fn take(&mut self, form: &Rc<Form>, limits: Limits) {
        let (start, len) = (self.rows.len(), form.len());
        self.rows.end += len;
        match self.groups.last_mut() {
            Some(group) if group.form == *form && (group.count + 1) * len * len <= limits.scores => {
                group.count += 1;
            }
            _ => self.groups.push(Group { start, count: 1, form: Rc::clone(form) }),
        }
    }
}
