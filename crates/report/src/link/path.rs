//! State that the tree codec learns per path: recent values and the pattern in which they recur.

use std::collections::BTreeMap;

use serde_json::Value;

use super::coder::AdaptiveModel;

/// Most distinct values remembered per path.
const MOST_RECENT: usize = 64;
/// Number of recent numbers that may repeat.
const LAST: usize = 4;
/// Most patterns remembered per path.
const MOST_PATTERNS: usize = 512;

/// A value without its children.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    Null,
    Bool(bool),
    Unsigned(u64),
    Negative(i64),
    /// Bits of a float.
    Float(u64),
    Text(String),
    /// Keys of an object.
    Object(Vec<String>),
    /// Length of an array.
    Array(u64),
}

impl Token {
    pub(super) fn of(value: &Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(value) => Self::Bool(*value),
            Value::Number(number) => match (number.as_u64(), number.as_i64()) {
                (Some(value), _) => Self::Unsigned(value),
                (None, Some(value)) => Self::Negative(value),
                _ => Self::Float(number.as_f64().unwrap_or(0.0).to_bits()),
            },
            Value::String(text) => Self::Text(text.clone()),
            Value::Array(values) => Self::Array(values.len() as u64),
            Value::Object(fields) => {
                let mut keys: Vec<String> = fields.keys().cloned().collect();
                keys.sort_unstable();
                Self::Object(keys)
            }
        }
    }

    pub(super) fn kind(&self) -> u64 {
        match self {
            Self::Null => 0,
            Self::Bool(_) => 1,
            Self::Unsigned(_) => 2,
            Self::Negative(_) => 3,
            Self::Float(_) => 4,
            Self::Text(_) => 5,
            Self::Object(_) => 6,
            Self::Array(_) => 7,
        }
    }
}

impl Token {
    fn is_number(&self) -> bool {
        matches!(self, Self::Unsigned(_) | Self::Negative(_) | Self::Float(_))
    }

    pub(super) fn number(&self) -> i64 {
        match self {
            Self::Unsigned(value) | Self::Array(value) => *value as i64,
            Self::Negative(value) => *value,
            _ => 0,
        }
    }
}

/// State learned from the values at one path.
pub(super) struct Path {
    /// Distinct values, most recent last.
    pub(super) recent: Vec<Token>,
    /// Ranks of the last eight values, one byte each: position from the end of `recent`, 0 for a
    /// new value.
    ranks: u64,
    /// Rank that followed each sequence of ranks.
    patterns: BTreeMap<(u8, u64), u8>,
    /// How often a number is one of the last four.
    repeats: f64,
    /// Whether the rank differs from the pattern, by how well the pattern is known.
    pub(super) other: [AdaptiveModel; 3],
    /// Kinds of new values, as a binary tree.
    pub(super) kinds: [AdaptiveModel; 8],
    /// Last number and the one before; for a float, its digits.
    pub(super) number: i64,
    pub(super) before: i64,
    /// Decimal digits of the last float.
    pub(super) digits: i64,
    /// Typical error of each prediction of a number, and the last error of the best.
    pub(super) costs: [f64; 4],
    /// Smoothed numbers.
    pub(super) smooth: f64,
    pub(super) error: i64,
    /// Paths of the fields of an object by key.
    pub(super) fields: BTreeMap<String, usize>,
    /// Path of the elements of an array.
    pub(super) elements: Option<usize>,
}

impl Path {
    pub(super) fn new() -> Self {
        Self {
            recent: Vec::new(),
            ranks: 0,
            patterns: BTreeMap::new(),
            repeats: 0.8,
            other: [AdaptiveModel::EVEN; 3],
            kinds: [AdaptiveModel::EVEN; 8],
            number: 0,
            before: 0,
            digits: 0,
            costs: [8.0, 9.0, 10.0, 11.0],
            smooth: 0.0,
            error: 0,
            fields: BTreeMap::new(),
            elements: None,
        }
    }

    /// Contexts for looking up a pattern: the last six ranks, else the last two.
    fn contexts(&self) -> [(u8, u64); 2] {
        [(6, self.ranks & 0xFFFF_FFFF_FFFF), (2, self.ranks & 0xFFFF)]
    }

    /// Most likely rank, and how well it is known (0 is best).
    pub(super) fn expected(&self) -> (u8, usize) {
        let mut found = self.contexts().into_iter().map(|context| self.patterns.get(&context)).enumerate();
        found.find_map(|(unsure, rank)| Some((*rank?, unsure))).unwrap_or((1, 2))
    }

    /// Rank of the value among distinct values; 0 if it is coded as new.
    pub(super) fn rank(&self, token: &Token) -> u8 {
        // Varying counts are cheaper as differences.
        let most = if !token.is_number() {
            MOST_RECENT
        } else if self.repeats > 0.6 {
            LAST
        } else {
            0
        };
        let back = self.recent.iter().rev().take(most).position(|recent| recent == token);
        back.map_or(0, |back| back as u8 + 1)
    }

    pub(super) fn learn(&mut self, rank: u8, token: Token) {
        if token.is_number() {
            let repeated = self.recent.iter().rev().take(LAST).any(|recent| *recent == token);
            self.repeats += 0.1 * (f64::from(u8::from(repeated)) - self.repeats);
        }
        if let Token::Unsigned(_) | Token::Negative(_) | Token::Array(_) = token {
            (self.before, self.number) = (self.number, token.number());
        }
        for context in self.contexts() {
            if self.patterns.len() < MOST_PATTERNS || self.patterns.contains_key(&context) {
                self.patterns.insert(context, rank);
            }
        }
        self.ranks = self.ranks << 8 | u64::from(rank);
        if rank > 0 {
            self.recent.remove(self.recent.len() - usize::from(rank));
        } else if self.recent.len() == MOST_RECENT {
            self.recent.remove(0);
        }
        self.recent.push(token);
    }
}
