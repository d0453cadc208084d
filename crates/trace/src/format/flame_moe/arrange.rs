//! Puts rows that columns identify in order: by layer, sample and token. Every layer must have the same tokens.

use std::rc::Rc;

use crate::{
    error::Error,
    format::flame_moe::{
        keys::{Keys, Table},
        layer::{RowSample, RowSamples},
    },
};

const ADVICE: &str =
    "Write one row per token and layer (or one per selected expert), for the same tokens in every layer.";

/// The selections of a file in order.
pub struct Arranged {
    /// Numbers of the layers, ascending, with the ids of each, `[T,k]`; number `None` where no column tells it.
    pub layers: Vec<(Option<u64>, Rc<[u16]>)>,
    /// Experts per token.
    pub k: usize,
    /// Tokens of each layer.
    pub tokens: usize,
    /// Whose the tokens are.
    pub samples: Option<RowSamples>,
}

/// Layer, sample and token of a row.
type Key = (u16, u32, u32);

/// Arranges `ids`, `[rows, width]`. With `one_per_row` a token has as many rows as experts.
///
/// # Errors
/// [`Error::Format`] for rows that come twice, and when layers have different tokens.
pub fn arrange(
    table: &Table<'_>,
    mut keys: Keys,
    ids: &[u16],
    width: usize,
    one_per_row: bool,
) -> Result<Arranged, Error> {
    let named = keys.samples.is_some();
    if !named {
        keys.samples = sample_of_rows(table, &keys)?;
    }
    let key = |row: &u32| -> Key {
        let row = *row as usize;
        let layer = keys.layers.as_ref().and_then(|layers| layers.get(row)).copied().unwrap_or(0);
        let sample = keys.samples.as_ref().and_then(|samples| samples.get(row)).copied().unwrap_or(0);
        (layer, sample, keys.tokens.as_ref().and_then(|tokens| tokens.get(row)).copied().unwrap_or(0))
    };
    let slot = |row: &u32| keys.slots.as_ref().and_then(|slots| slots.get(*row as usize)).copied();
    // The caller has fewer ids than 2^32.
    let mut order: Vec<u32> = (0..(ids.len() / width.max(1)) as u32).collect();
    if !order.is_sorted_by_key(|row| (key(row), slot(row))) {
        order.sort_by_key(|row| (key(row), slot(row)));
    }
    let told = Told { table, keys: &keys };
    // Rows of a token.
    let rows = if one_per_row { told.rows_of_a_token(&order, &key)? } else { 1 };
    let entries: Vec<Key> = order.iter().step_by(rows).map(&key).collect();
    if keys.tokens.is_some()
        && let Some([twice, _]) = entries.array_windows().find(|[a, b]| a == b)
    {
        return Err(told.wrong(*twice, "two rows", "one"));
    }
    let k = rows * width;
    let mut layers: Vec<(u16, Vec<u16>)> = Vec::new();
    let mut first: Option<&[Key]> = None;
    let mut rest = order.as_slice();
    for layer in entries.chunk_by(|a, b| a.0 == b.0) {
        match first {
            None => first = Some(layer),
            Some(first) => told.same_tokens(first, layer)?,
        }
        let (here, after) = rest.split_at(rest.len().min(layer.len() * rows));
        rest = after;
        let mut selected = Vec::with_capacity(layer.len() * k);
        for &row in here {
            let start = row as usize * width;
            selected.extend_from_slice(ids.get(start..start + width).unwrap_or_default());
        }
        for (token, key) in selected.chunks_exact(k.max(1)).zip(layer) {
            let twice =
                token.iter().enumerate().find(|&(at, id)| token.get(..at).is_some_and(|b| b.contains(id)));
            if let Some((_, expert)) = twice {
                return Err(told.wrong(*key, &format!("expert {expert} twice"), "different experts"));
            }
        }
        layers.push((layer.first().map_or(0, |key| key.0), selected));
    }
    let first = first.unwrap_or_default();
    let samples = keys.samples.is_some().then(|| samples(&keys, first, named));
    let numbered = keys.layers.is_some();
    Ok(Arranged {
        k,
        tokens: first.len(),
        samples: samples.filter(|samples| named || samples.offsets.len() > 2),
        layers: layers
            .into_iter()
            .map(|(layer, ids)| (numbered.then(|| u64::from(layer)), ids.into()))
            .collect(),
    })
}

/// Names and ends of the samples, from the keys of one layer.
fn samples(keys: &Keys, layer: &[Key], named: bool) -> RowSamples {
    let (mut offsets, mut names) = (vec![0], Vec::new());
    for sample in layer.chunk_by(|a, b| a.1 == b.1) {
        offsets.push(offsets.last().copied().unwrap_or(0) + sample.len());
        let at = sample.first().map_or(0, |key| key.1) as usize;
        if let Some(id) = keys.names.get(at) {
            names.push(RowSample { id: Rc::clone(id), domain: keys.domains.get(at).cloned() });
        }
    }
    RowSamples { names: named.then_some(names), offsets }
}

/// The sample of each row by its token: positions go up by one, and begin again with every sample. `None` where no column
/// tells tokens.
fn sample_of_rows(table: &Table<'_>, keys: &Keys) -> Result<Option<Vec<u32>>, Error> {
    let Some(tokens) = &keys.tokens else { return Ok(None) };
    // Of each layer, the last token and its sample.
    let mut last: std::collections::BTreeMap<u16, (u32, u32)> = std::collections::BTreeMap::new();
    let start = tokens.first().copied().unwrap_or(0);
    let mut samples = Vec::with_capacity(tokens.len());
    for (row, &token) in tokens.iter().enumerate() {
        let layer = keys.layers.as_ref().and_then(|layers| layers.get(row)).copied().unwrap_or(0);
        let sample = match last.get(&layer) {
            None if token == start => 0,
            Some(&(before, sample)) if token == before || before.checked_add(1) == Some(token) => sample,
            Some(&(_, sample)) if token == start => sample + 1,
            before => {
                let before = before.map(|&(token, _)| format!(" after {token}")).unwrap_or_default();
                return Err(table.wrong(
                    "token",
                    format!("position {token}{before} in row {row}"),
                    format!("positions that go up by one, or begin again at {start} with the next sample"),
                    "Write a column sample_id, or order the rows by layer, sample and token.",
                ));
            }
        };
        last.insert(layer, (token, sample));
        samples.push(sample);
    }
    Ok(Some(samples))
}

/// What messages need.
struct Told<'a> {
    table: &'a Table<'a>,
    keys: &'a Keys,
}

impl Told<'_> {
    fn place(&self, (layer, sample, token): Key) -> String {
        let mut place = Vec::new();
        if self.keys.layers.is_some() {
            place.push(format!("layer {layer}"));
        }
        if self.keys.samples.is_some() {
            let name = self.keys.names.get(sample as usize).map(|name| crate::text::shorten(name));
            place.push(format!("sample `{}`", name.unwrap_or_else(|| sample.to_string())));
        }
        if self.keys.tokens.is_some() {
            place.push(format!("token {token}"));
        }
        place.join(", ")
    }

    fn wrong(&self, key: Key, found: &str, expected: &str) -> Error {
        Error::Format {
            name: self.table.name.to_owned(),
            part: self.place(key),
            found: found.to_owned(),
            expected: expected.to_owned(),
            advice: ADVICE,
        }
    }

    /// The number of rows that every token has.
    fn rows_of_a_token(&self, order: &[u32], key: &impl Fn(&u32) -> Key) -> Result<usize, Error> {
        if self.keys.tokens.is_none() {
            return Err(self.table.wrong(
                "token",
                "no such column, and one expert per row".to_owned(),
                "a column that tells the token of each row",
                "Add a column `token` with the position in the sample.",
            ));
        }
        let mut tokens =
            order.chunk_by(|a, b| key(a) == key(b)).map(|rows| (rows.first().map(key), rows.len()));
        let k = tokens.next().map_or(1, |(_, rows)| rows);
        match tokens.find(|&(_, rows)| rows != k) {
            Some((Some(key), rows)) => {
                Err(self.wrong(key, &format!("{rows} rows"), &format!("{k}, as the first token has")))
            }
            _ => Ok(k),
        }
    }

    /// Whether a layer has the tokens of the first one.
    fn same_tokens(&self, first: &[Key], layer: &[Key]) -> Result<(), Error> {
        let Some(&at) = layer.first() else { return Ok(()) };
        let number = first.first().map_or(0, |key| key.0);
        let other = first.iter().zip(layer).find(|(a, b)| (a.1, a.2) != (b.1, b.2));
        match other {
            None if first.len() == layer.len() => Ok(()),
            None => Err(Error::Format {
                name: self.table.name.to_owned(),
                part: format!("layer {}", at.0),
                found: format!("{} tokens", layer.len()),
                expected: format!("{}, as layer {number} has", first.len()),
                advice: ADVICE,
            }),
            Some((&expected, &found)) => Err(Error::Format {
                name: self.table.name.to_owned(),
                part: format!("layer {}", at.0),
                found: self.place(found),
                expected: format!(
                    "{} next, as in layer {number}",
                    self.place((at.0, expected.1, expected.2))
                ),
                advice: ADVICE,
            }),
        }
    }
}
