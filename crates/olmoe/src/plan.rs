//! Which sequences go through the model, and what is asked of their tokens.
//!
//! Sequences lie behind each other by length, so that those of one length are attended to together and no padding
//! exists. The same tokens are computed once, whoever asks for them.

use std::collections::BTreeMap;

use crate::inputs::Inputs;

/// Rows of scores that one attention call may have, over all of its sequences and one head: bounds its memory.
const MOST_SCORES: usize = 1 << 22;

/// Everything that one pass computes.
#[derive(Debug)]
pub struct Plan {
    /// Tokens of all sequences, `[N]`.
    pub tokens: Vec<u32>,
    /// Runs of sequences of one length.
    pub groups: Vec<Group>,
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

/// Sequences of one length that lie behind each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Group {
    /// First row.
    pub start: usize,
    /// Sequences.
    pub count: usize,
    /// Tokens of each.
    pub len: usize,
}

/// What decides whether an item is right.
#[derive(Debug, Default)]
pub struct ItemQueries {
    /// `(place in rows, token)` that greedy decoding must give; none where there is no answer.
    pub greedy: Option<Vec<(usize, u32)>>,
    /// The queries of each choice.
    pub choices: Vec<Vec<usize>>,
}

/// A sequence and who has asked for it.
struct Wanted {
    tokens: Vec<u32>,
    start: usize,
}

/// Collects what is asked, before rows have their places.
#[derive(Default)]
struct Asked {
    /// `(sequence, position)` to `place`, filled when all are known.
    rows: BTreeMap<(usize, usize), usize>,
    queries: Vec<((usize, usize), u32)>,
}

impl Asked {
    fn query(&mut self, sequence: usize, position: usize, token: u32) -> usize {
        self.rows.insert((sequence, position), 0);
        self.queries.push(((sequence, position), token));
        self.queries.len() - 1
    }
}

/// Plans a pass.
pub fn plan(inputs: &Inputs) -> Plan {
    let mut sequences: Vec<Wanted> = Vec::new();
    let mut known: BTreeMap<Vec<u32>, usize> = BTreeMap::new();
    let mut sequence = |tokens: Vec<u32>| {
        *known.entry(tokens).or_insert_with_key(|tokens| {
            sequences.push(Wanted { tokens: tokens.clone(), start: 0 });
            sequences.len() - 1
        })
    };
    let mut asked = Asked::default();
    let mut sample_sequences = Vec::new();
    let mut sample_queries = Vec::new();
    for sample in &inputs.samples {
        let at = sequence(sample.tokens.clone());
        let targets = sample.targets.iter().enumerate();
        let queries =
            targets.filter_map(|(position, target)| Some(asked.query(at, position, (*target)?))).collect();
        sample_sequences.push(at);
        sample_queries.push(queries);
    }
    let mut items = Vec::new();
    for item in &inputs.items {
        let last = item.prompt.len() - 1;
        // The last token of an answer is predicted, never fed.
        let mut fed = |answer: &[u32]| {
            let before_last = answer.split_last().map_or(&[][..], |(_, rest)| rest);
            sequence([&item.prompt, before_last].concat())
        };
        let greedy = item.answer.as_ref().map(|answer| {
            let at = fed(answer);
            let wanted = answer.iter().enumerate();
            wanted.map(|(place, &token)| ((at, last + place), token)).collect::<Vec<_>>()
        });
        let choices = item.choices.iter().flat_map(|(choices, _)| choices);
        let choices: Vec<Vec<usize>> = choices
            .map(|choice| {
                let at = fed(choice);
                let tokens = choice.iter().enumerate();
                tokens.map(|(place, &token)| asked.query(at, last + place, token)).collect()
            })
            .collect();
        for (row, _) in greedy.iter().flatten() {
            asked.rows.insert(*row, 0);
        }
        items.push((greedy, choices));
    }

    let mut order: Vec<usize> = (0..sequences.len()).collect();
    order.sort_by_key(|&at| sequences[at].tokens.len());
    let mut tokens = Vec::new();
    let mut groups: Vec<Group> = Vec::new();
    for at in order {
        let len = sequences[at].tokens.len();
        sequences[at].start = tokens.len();
        match groups.last_mut() {
            Some(group) if group.len == len && (group.count + 1) * len * len <= MOST_SCORES => {
                group.count += 1;
            }
            _ => groups.push(Group { start: tokens.len(), count: 1, len }),
        }
        tokens.extend_from_slice(&sequences[at].tokens);
    }

    let row_of = |&(sequence, position): &(usize, usize)| sequences[sequence].start + position;
    let mut rows: Vec<usize> = asked.rows.keys().map(row_of).collect();
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
        queries: asked.queries.iter().map(|(row, token)| (place(row), *token)).collect(),
        sample_queries,
        item_queries,
        tokens,
        groups,
        rows,
    }
}
