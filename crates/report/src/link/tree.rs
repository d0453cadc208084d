//! Codes any JSON value: everything in a report except the figures of its courses.
//!
//! The codec learns recent values and their pattern per path (`domains[].memorization.eps`). It is
//! trained with a prototype report, so keys and common words cost almost nothing, and a new field
//! of the model needs no code here.

use serde_json::Value;

use super::{
    coder::{AdaptiveModel, Coder},
    numbers::Numbers,
    path::{Path, Token},
    text::Texts,
};
use crate::Error;

/// Most values per link.
const MOST_VALUES: u64 = 200_000;
/// Most bytes of JSON per link.
const MOST_JSON: usize = 2 << 20;
/// Deepest nesting of lists and objects.
const MOST_DEPTH: usize = 16;
/// Most distinct paths.
const MOST_PATHS: usize = 256;
/// Most decimal digits of a float that is coded as a decimal; others are coded as 64 bits.
const MOST_DIGITS: u32 = 15;

/// Adaptive codec for JSON values.
pub(super) struct Codec<'a> {
    pub(super) coder: Coder<'a>,
    numbers: Numbers,
    /// All texts so far.
    names: Vec<String>,
    known: AdaptiveModel,
    paths: Vec<Path>,
    texts: Texts,
    values_left: u64,
    json: String,
}

impl<'a> Codec<'a> {
    /// Creates a codec trained with `prototype`.
    pub(super) fn new(coder: Coder<'a>, prototype: &Value) -> Result<Self, Error> {
        let mut codec = Self {
            coder: Coder::trainer(),
            numbers: Numbers::new(),
            names: Vec::new(),
            known: AdaptiveModel::EVEN,
            paths: vec![Path::new()],
            texts: Texts::new()?,
            values_left: MOST_VALUES,
            json: String::new(),
        };
        // Several times, so that it also learns recurring reports.
        for _ in 0..4 {
            codec.node(0, None, Some(prototype), 0)?;
        }
        codec.json.clear();
        Ok(Self { coder, values_left: MOST_VALUES, ..codec })
    }

    /// Codes `given`, or reads a value; returns it as JSON text.
    pub(super) fn value(&mut self, given: Option<&Value>) -> Result<String, Error> {
        self.node(0, None, given, 0)?;
        Ok(std::mem::take(&mut self.json))
    }

    /// Subtracts `amount` from the remaining number of values.
    pub(super) fn spend(&mut self, amount: u64) -> Result<(), Error> {
        let Some(left) = self.values_left.checked_sub(amount) else {
            let found = MOST_VALUES - self.values_left + amount;
            return Err(Error::LinkTooLarge { what: "figures", found, most: MOST_VALUES });
        };
        self.values_left = left;
        Ok(())
    }

    fn node(
        &mut self,
        path: usize,
        basis: Option<usize>,
        given: Option<&Value>,
        depth: usize,
    ) -> Result<(), Error> {
        self.spend(1)?;
        if depth > MOST_DEPTH {
            return Err(Error::LinkInvalid { place: "nesting is too deep" });
        }
        match self.token(path, basis, given.map(Token::of))? {
            Token::Null => self.push("null")?,
            Token::Bool(value) => self.push(&value.to_string())?,
            Token::Unsigned(value) => self.push(&value.to_string())?,
            Token::Negative(value) => self.push(&value.to_string())?,
            // The shortest decimal that gives the same float; it is valid JSON.
            Token::Float(bits) => self.push(&format!("{:?}", f64::from_bits(bits)))?,
            Token::Text(text) => self.push(&Value::String(text).to_string())?,
            Token::Array(length) => {
                let elements = match self.paths[path].elements {
                    Some(elements) => elements,
                    None => self.new_path()?,
                };
                self.paths[path].elements = Some(elements);
                for at in 0..length {
                    self.push(if at == 0 { "[" } else { "," })?;
                    let element = given.and_then(Value::as_array).and_then(|values| values.get(at as usize));
                    self.node(elements, None, element, depth + 1)?;
                }
                self.push(if length == 0 { "[]" } else { "]" })?;
            }
            Token::Object(keys) => {
                self.push("{")?;
                let mut basis = None;
                for (at, key) in keys.iter().enumerate() {
                    let field = match self.paths[path].fields.get(key) {
                        Some(field) => *field,
                        None => self.new_path()?,
                    };
                    self.paths[path].fields.insert(key.clone(), field);
                    self.push(if at == 0 { "" } else { "," })?;
                    self.push(&Value::String(key.clone()).to_string())?;
                    self.push(":")?;
                    let value = given.and_then(Value::as_object).and_then(|fields| fields.get(key));
                    self.node(field, basis, value, depth + 1)?;
                    let last = self.paths[field].recent.last();
                    if matches!(last, Some(Token::Unsigned(_))) {
                        basis = basis.or(Some(field));
                    }
                }
                self.push("}")?;
            }
        }
        Ok(())
    }

    fn new_path(&mut self) -> Result<usize, Error> {
        at_most("different fields", self.paths.len(), MOST_PATHS)?;
        self.paths.push(Path::new());
        Ok(self.paths.len() - 1)
    }

    fn push(&mut self, json: &str) -> Result<(), Error> {
        at_most("bytes of JSON", self.json.len() + json.len(), MOST_JSON)?;
        self.json += json;
        Ok(())
    }

    /// Codes a value that may be a recent one of this path.
    fn token(&mut self, path: usize, basis: Option<usize>, given: Option<Token>) -> Result<Token, Error> {
        let place = &mut self.paths[path];
        let rank = given.as_ref().map_or(0, |token| place.rank(token));
        let (expected, unsure) = place.expected();
        let rank = if self.coder.bit(&mut place.other[unsure], rank != expected)? {
            self.numbers.unsigned(&mut self.coder, 1.5, u64::from(rank))?
        } else {
            u64::from(expected)
        };
        let known = usize::try_from(rank).ok().and_then(|rank| place.recent.len().checked_sub(rank));
        let known = known.ok_or(Error::LinkInvalid { place: "reference to a missing value" })?;
        let token = match place.recent.get(known) {
            Some(token) => token.clone(),
            None => self.new_token(path, basis, given)?,
        };
        self.paths[path].learn(rank as u8, token.clone());
        Ok(token)
    }

    fn new_token(&mut self, path: usize, basis: Option<usize>, given: Option<Token>) -> Result<Token, Error> {
        let kind = given.as_ref().map_or(0, Token::kind);
        let kind = (0..3).rev().try_fold(1, |node, place| {
            let bit = self.coder.bit(&mut self.paths[path].kinds[node], kind >> place & 1 == 1)?;
            Ok::<_, Error>(node << 1 | usize::from(bit))
        })?;
        Ok(match (kind - 8, given) {
            (0, _) => Token::Null,
            (1, given) => Token::Bool(self.coder.plain(1, u64::from(given == Some(Token::Bool(true))))? == 1),
            (2, given) => Token::Unsigned(self.number(path, basis, given)? as u64),
            (3, given) => Token::Negative(self.number(path, basis, given)?),
            (4, Some(Token::Float(bits))) => Token::Float(self.float(path, f64::from_bits(bits))?.to_bits()),
            (4, _) => Token::Float(self.float(path, 0.0)?.to_bits()),
            (5, Some(Token::Text(text))) => Token::Text(self.text(Some(&text))?),
            (5, _) => Token::Text(self.text(None)?),
            (6, given) => {
                let given = if let Some(Token::Object(keys)) = given { keys } else { Vec::new() };
                let count = self.numbers.unsigned(&mut self.coder, 4.0, given.len() as u64)?;
                self.spend(count)?;
                Token::Object(
                    (0..count as usize)
                        .map(|at| self.text(given.get(at).map(String::as_str)))
                        .collect::<Result<_, _>>()?,
                )
            }
            (_, given) => Token::Array(self.number(path, basis, given)? as u64),
        })
    }

    /// Codes a number, predicted from the last number of the path, a linear trend, or the
    /// proportion to its neighbour `basis` in the object.
    fn number(&mut self, path: usize, basis: Option<usize>, given: Option<Token>) -> Result<i64, Error> {
        let ratio = basis.map_or((1, 1), |basis| (self.paths[basis].number, self.paths[basis].before));
        self.predicted(path, ratio, given.map_or(0, |token| token.number()))
    }

    fn predicted(&mut self, path: usize, ratio: (i64, i64), value: i64) -> Result<i64, Error> {
        let path = &mut self.paths[path];
        let in_proportion = i128::from(path.number) * i128::from(ratio.0) / i128::from(ratio.1).max(1);
        let line = path.number.wrapping_add(path.number.wrapping_sub(path.before));
        let predictions = [path.number, line, in_proportion as i64, path.smooth.round() as i64];
        let (mut best, mut cost) = (path.number, f64::INFINITY);
        for (prediction, usual) in predictions.iter().zip(&path.costs) {
            if *usual < cost {
                (best, cost) = (*prediction, *usual);
            }
        }
        let error = value.wrapping_sub(best);
        path.error = self.numbers.signed(&mut self.coder, cost, path.error, error)?;
        let value = best.wrapping_add(path.error);
        for (prediction, usual) in predictions.iter().zip(&mut path.costs) {
            *usual += 0.35 * (value.wrapping_sub(*prediction).unsigned_abs() as f64 - *usual);
        }
        path.smooth += 0.2 * (value as f64 - path.smooth);
        Ok(value)
    }

    /// Codes a float exactly: as a short decimal, or as its 64 bits.
    fn float(&mut self, path: usize, value: f64) -> Result<f64, Error> {
        let power = |digits: u32| (0..digits).fold(1.0, |power, _| power * 10.0);
        let decimal = |digits: u32| (value * power(digits)).round();
        let exactly = |digits: &u32| {
            let sound = decimal(*digits).abs() < 9e15;
            sound && (decimal(*digits) / power(*digits)).to_bits() == value.to_bits()
        };
        let usual = self.paths[path].digits;
        let digits = std::iter::once(usual as u32).chain(0..=MOST_DIGITS).find(exactly);
        let longer = i64::from(digits.unwrap_or(MOST_DIGITS + 1)) - usual;
        let digits = usual.wrapping_add(self.numbers.signed(&mut self.coder, 0.3, 0, longer)?);
        let digits = digits.clamp(0, i64::from(MOST_DIGITS + 1)) as u32;
        let read = if digits <= MOST_DIGITS {
            let number = self.predicted(path, (1, 1), decimal(digits) as i64)?;
            let path = &mut self.paths[path];
            (path.before, path.number, path.digits) = (path.number, number, i64::from(digits));
            number as f64 / power(digits)
        } else {
            f64::from_bits(self.coder.plain(64, value.to_bits())?)
        };
        if read.is_finite() {
            Ok(read)
        } else {
            Err(Error::LinkInvalid { place: "a figure is not a number" })
        }
    }

    /// Codes a text: one used before, or a new one.
    fn text(&mut self, given: Option<&str>) -> Result<String, Error> {
        let at = given.and_then(|text| self.names.iter().position(|name| name == text));
        if self.coder.bit(&mut self.known, at.is_some())? {
            let bits = usize::BITS - self.names.len().leading_zeros();
            let at = self.coder.plain(bits, at.unwrap_or(0) as u64)? as usize;
            let invalid = Error::LinkInvalid { place: "reference to a missing name" };
            return self.names.get(at).cloned().ok_or(invalid);
        }
        let length = given.map_or(0, str::len) as u64;
        let length = self.numbers.unsigned(&mut self.coder, 16.0, length)?;
        let text = self.texts.code(&mut self.coder, length, given)?;
        self.names.push(text.clone());
        Ok(text)
    }
}

fn at_most(what: &'static str, found: usize, most: usize) -> Result<(), Error> {
    if found <= most {
        Ok(())
    } else {
        Err(Error::LinkTooLarge { what, found: found as u64, most: most as u64 })
    }
}
