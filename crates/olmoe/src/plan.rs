//! Plan of a pass: the order of all sequences, and the tokens whose predictions are needed.
//!
//! Sequences are sorted by shape, so that those of one shape are attended to together without
//! padding. Equal sequences are computed once. The choices of an item are branches that share its
//! prompt.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
    rc::Rc,
};

use crate::{inputs::Inputs, rowwise::VisibleKeys};

/// Limits of what is computed at once.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Tokens per batch; a longer sequence gets a batch of its own.
    pub batch: usize,
    /// Attention scores per head in one call.
    pub scores: usize,
}

/// Plan of one pass.
#[derive(Debug)]
pub struct Plan {
    /// Tokens of all sequences, `[N]`; the index of a token is its row.
    pub tokens: Vec<u32>,
    /// Batches, which cover all rows in order.
    pub batches: Vec<Batch>,
    /// First row of each sample.
    pub sample_starts: Vec<usize>,
    /// Rows whose predictions are needed, ascending.
    pub rows: Vec<usize>,
    /// `(index into rows, token)` whose log-likelihood is needed.
    pub queries: Vec<(usize, u32)>,
    /// Indices of the queries of each sample.
    pub sample_queries: Vec<Vec<usize>>,
    /// Queries of each item.
    pub item_queries: Vec<ItemQueries>,
}

/// Rows that are computed at once.
#[derive(Debug)]
pub struct Batch {
    /// Rows of the batch among all rows.
    pub rows: Range<usize>,
    /// Sequences of the batch, grouped by shape.
    pub groups: Vec<Group>,
}

/// Shape of a sequence: a stem, and branches that continue it and do not see each other.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SequenceShape {
    /// Tokens of the stem.
    pub stem: usize,
    /// Tokens of each branch.
    pub branches: Vec<usize>,
}

/// Consecutive sequences of one shape.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// First row, relative to the batch.
    pub start: usize,
    /// Number of sequences.
    pub count: usize,
    /// Shape of each sequence.
    pub shape: Rc<SequenceShape>,
}

/// Predictions that decide whether an item is correct.
#[derive(Debug, Default)]
pub struct ItemQueries {
    /// `(index into rows, token)` that greedy decoding must give; none without an answer.
    pub greedy: Option<Vec<(usize, u32)>>,
    /// Indices of the queries of each choice.
    pub choices: Vec<Vec<usize>>,
}

impl SequenceShape {
    /// Number of tokens.
    pub fn len(&self) -> usize {
        self.stem + self.branches.iter().sum::<usize>()
    }

    /// Position of each token, for its rotary embedding. Each branch continues at the stem's end.
    pub fn positions(&self) -> impl Iterator<Item = usize> + Clone + '_ {
        let branches = self.branches.iter().flat_map(move |&len| (0..len).map(move |at| self.stem + at));
        (0..self.stem).chain(branches)
    }

    /// Keys that each token sees, if the sequence begins at key `start`: the stem and the token's
    /// own branch, up to the token itself.
    pub fn visible_keys(&self, start: usize) -> impl Iterator<Item = VisibleKeys> + '_ {
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

/// A sequence of tokens: a stem and its branches.
struct Sequence {
    stem: Vec<u32>,
    branches: Vec<Vec<u32>>,
    /// First row, once all sequences are sorted.
    start: usize,
}

impl Sequence {
    fn shape(&self) -> SequenceShape {
        SequenceShape { stem: self.stem.len(), branches: self.branches.iter().map(Vec::len).collect() }
    }
}

/// `(index of the sequence, index of the token in it)`, used until sequences have rows.
type TokenIndex = (usize, usize);

/// Collects sequences and queries before sequences have rows.
#[derive(Default)]
struct PlanBuilder {
    sequences: Vec<Sequence>,
    /// Index of each sequence by its tokens, so that equal sequences are added once.
    indices: BTreeMap<(Vec<u32>, Vec<Vec<u32>>), usize>,
    rows: BTreeSet<TokenIndex>,
    queries: Vec<(TokenIndex, u32)>,
}

impl PlanBuilder {
    fn add_sequence(&mut self, stem: Vec<u32>, branches: Vec<Vec<u32>>) -> usize {
        let sequences = &mut self.sequences;
        *self.indices.entry((stem, branches)).or_insert_with_key(|(stem, branches)| {
            sequences.push(Sequence { stem: stem.clone(), branches: branches.clone(), start: 0 });
            sequences.len() - 1
        })
    }

    fn add_query(&mut self, row: TokenIndex, token: u32) -> usize {
        self.rows.insert(row);
        self.queries.push((row, token));
        self.queries.len() - 1
    }
}

/// Distinct branches of one item.
struct Branches {
    stem: usize,
    /// Input tokens of each branch, with the index of its first token in the sequence.
    all: Vec<(Vec<u32>, usize)>,
}

impl Branches {
    /// Collects the input tokens of continuations. The last token of each is only predicted.
    fn new<'a>(stem: usize, continuations: impl Iterator<Item = &'a Vec<u32>>) -> Self {
        let mut all: Vec<(Vec<u32>, usize)> = Vec::new();
        let mut next = stem;
        for continuation in continuations {
            let inputs = input_tokens(continuation);
            if !inputs.is_empty() && !all.iter().any(|(known, _)| known == inputs) {
                all.push((inputs.to_vec(), next));
                next += inputs.len();
            }
        }
        Self { stem, all }
    }

    /// Index of the token in the sequence that predicts token `at` of the continuation.
    fn predictor(&self, continuation: &[u32], at: usize) -> usize {
        let first = self
            .all
            .iter()
            .find(|(known, _)| known == input_tokens(continuation))
            .map_or(0, |(_, first)| *first);
        if at == 0 { self.stem - 1 } else { first + at - 1 }
    }
}

/// Input tokens of a continuation: all but the last, which is only predicted.
fn input_tokens(continuation: &[u32]) -> &[u32] {
    continuation.split_last().map_or(&[], |(_, rest)| rest)
}

/// Plans a pass over the inputs.
pub fn plan(inputs: &Inputs, limits: Limits) -> Plan {
    let mut builder = PlanBuilder::default();
    let mut sample_sequences = Vec::new();
    let mut sample_queries = Vec::new();
    for sample in &inputs.samples {
        let sequence = builder.add_sequence(sample.tokens.clone(), Vec::new());
        let targets = sample.targets.iter().enumerate();
        let queries = targets
            .filter_map(|(token, target)| Some(builder.add_query((sequence, token), (*target)?)))
            .collect();
        sample_sequences.push(sequence);
        sample_queries.push(queries);
    }
    let mut items = Vec::new();
    for item in &inputs.items {
        let choices = item.choices.as_ref().map_or(&[][..], |(choices, _)| choices);
        let branches = Branches::new(item.prompt.len(), item.answer.iter().chain(choices));
        // A single branch is appended to the stem, since an equal sequence may already exist.
        let sequence = match branches.all.as_slice() {
            [(branch, _)] => builder.add_sequence([item.prompt.as_slice(), branch].concat(), Vec::new()),
            all => {
                let all = all.iter().map(|(branch, _)| branch.clone()).collect();
                builder.add_sequence(item.prompt.clone(), all)
            }
        };
        let greedy = item.answer.as_ref().map(|answer| {
            let tokens = answer.iter().enumerate();
            tokens.map(|(at, &token)| ((sequence, branches.predictor(answer, at)), token)).collect::<Vec<_>>()
        });
        let choices: Vec<Vec<usize>> = choices
            .iter()
            .map(|choice| {
                let tokens = choice.iter().enumerate();
                tokens
                    .map(|(at, &token)| builder.add_query((sequence, branches.predictor(choice, at)), token))
                    .collect()
            })
            .collect();
        for (row, _) in greedy.iter().flatten() {
            builder.rows.insert(*row);
        }
        items.push((greedy, choices));
    }
    let PlanBuilder { mut sequences, rows, queries, .. } = builder;
    let (tokens, batches) = arrange(&mut sequences, limits);

    let row_of = |&(sequence, token): &TokenIndex| sequences[sequence].start + token;
    let mut rows: Vec<usize> = rows.iter().map(row_of).collect();
    rows.sort_unstable();
    let index_of = |token: &TokenIndex| rows.binary_search(&row_of(token)).unwrap_or_default();
    let item_queries = items
        .into_iter()
        .map(|(greedy, choices)| ItemQueries {
            greedy: greedy.map(|rows| rows.iter().map(|(row, token)| (index_of(row), *token)).collect()),
            choices,
        })
        .collect();
    Plan {
        sample_starts: sample_sequences.iter().map(|&sequence| sequences[sequence].start).collect(),
        queries: queries.iter().map(|(row, token)| (index_of(row), *token)).collect(),
        sample_queries,
        item_queries,
        tokens,
        batches,
        rows,
    }
}

/// Assigns rows to all sequences, sorted by length and shape, and divides the rows into batches.
fn arrange(sequences: &mut [Sequence], limits: Limits) -> (Vec<u32>, Vec<Batch>) {
    let mut order: Vec<usize> = (0..sequences.len()).collect();
    let shapes: Vec<Rc<SequenceShape>> = sequences.iter().map(|sequence| Rc::new(sequence.shape())).collect();
    order.sort_by_key(|&at| (shapes[at].len(), Rc::clone(&shapes[at])));
    let mut tokens: Vec<u32> = Vec::new();
    let mut batches: Vec<Batch> = Vec::new();
    for at in order {
        let len = shapes[at].len();
        let start = tokens.len();
        sequences[at].start = start;
        tokens.extend(sequences[at].stem.iter().chain(sequences[at].branches.iter().flatten()));
        match batches.last_mut() {
            Some(last) if last.rows.len() + len <= limits.batch => last.push(&shapes[at], limits),
            _ => {
                let mut batch = Batch { rows: start..start, groups: Vec::new() };
                batch.push(&shapes[at], limits);
                batches.push(batch);
            }
        }
    }
    (tokens, batches)
}

impl Batch {
    /// Adds the next sequence.
    fn push(&mut self, shape: &Rc<SequenceShape>, limits: Limits) {
        let (start, len) = (self.rows.len(), shape.len());
        self.rows.end += len;
        match self.groups.last_mut() {
            Some(group) if group.shape == *shape && (group.count + 1) * len * len <= limits.scores => {
                group.count += 1;
            }
            _ => self.groups.push(Group { start, count: 1, shape: Rc::clone(shape) }),
        }
    }
}
