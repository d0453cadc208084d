//! Infers the shape of arrays that SGLang returns without one.
//!
//! The server counts the tokens, and `k` is the largest number for which no token and layer has
//! repeated ids.

use std::collections::BTreeMap;

use crate::{
    error::GIVE_SHAPE,
    format::expert_ids::{
        block::{Block, MAX_K, MISSING},
        packed::Packed,
        record::Record,
        scan::Fault,
    },
};

/// The known part of the shape of arrays without one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shape {
    /// Ids per token: layers times `k`.
    pub width: Option<usize>,
    /// Experts per token.
    pub k: Option<usize>,
}

/// Infers the shape that some records share.
#[derive(Debug)]
pub struct Solver {
    /// Layers and `k`, if given.
    given: [Option<usize>; 2],
    /// Which `k` no record contradicts, by `k - 1`.
    possible: Vec<bool>,
    /// Number of records by ids per token.
    widths: BTreeMap<usize, usize>,
    /// Greatest common divisor of the lengths of all arrays.
    divisor: usize,
    arrays: usize,
    /// Number of inspected ids.
    pub ids: usize,
}

impl Solver {
    /// Starts with the values of a setting or the file.
    pub fn new(layers: Option<usize>, k: Option<usize>) -> Self {
        Self {
            given: [layers, k],
            possible: vec![true; MAX_K],
            widths: BTreeMap::new(),
            divisor: 0,
            arrays: 0,
            ids: 0,
        }
    }

    /// Inspects a record.
    pub fn push(&mut self, record: &Record) {
        let [layers, k] = &mut self.given;
        *layers = layers.or(record.layers);
        *k = k.or(record.top_k);
        for (i, choice) in record.choices.iter().enumerate() {
            let Some(Packed::Flat(ids)) = &choice.ids else { continue };
            if ids.is_empty() {
                continue;
            }
            self.arrays += 1;
            self.ids += ids.len();
            self.divisor = gcd(self.divisor, ids.len());
            let rows = rows(record, i, ids.len());
            if let Some(rows) = rows {
                *self.widths.entry(ids.len() / rows).or_default() += 1;
            }
            let width = rows.map_or(ids.len(), |rows| ids.len() / rows);
            for k in 1..=MAX_K {
                let Some(possible) = self.possible.get_mut(k - 1) else { continue };
                *possible = *possible && width.is_multiple_of(k) && ids.chunks_exact(k).all(is_selection);
            }
        }
    }

    /// The shape, or `None` if all arrays have one.
    ///
    /// # Errors
    /// A sentence with the unknown values.
    pub fn solve(&self) -> Result<Option<Shape>, String> {
        if self.arrays == 0 {
            return Ok(None);
        }
        let [layers, k] = self.given;
        let common = self.widths.iter().max_by_key(|&(width, count)| (count, std::cmp::Reverse(width)));
        let counted = common.map(|(&width, _)| width);
        let k = match k {
            Some(k) => Some(k),
            None => match (layers, counted) {
                (Some(layers), Some(width)) if layers > 0 && width % layers == 0 => Some(width / layers),
                _ => {
                    let within = counted.unwrap_or(self.divisor);
                    (1..=MAX_K).rev().find(|&k| self.possible.get(k - 1) == Some(&true) && within % k == 0)
                }
            },
        };
        let product = layers.zip(k).and_then(|(layers, k)| layers.checked_mul(k));
        // Without token counts, the greatest common divisor of several lengths is usually the
        // number of ids per token.
        let common = Some(self.divisor).filter(|_| self.arrays >= 3);
        match (product.or(counted).or(common), k) {
            (Some(width), Some(k)) if k > 0 && width > 0 => {
                Ok(Some(Shape { width: Some(width), k: Some(k) }))
            }
            _ => Err(format!(
                "{} ids without a shape, and neither the tokens of the record (`prompt_tokens` and `completion_tokens`) \
                 nor layers and experts per token are known",
                self.divisor
            )),
        }
    }
}

/// Tokens of an array of this many ids, if the record states them.
fn rows(record: &Record, choice: usize, ids: usize) -> Option<usize> {
    let tokens = record.token_count(choice)?.checked_sub(record.start.unwrap_or(0))?;
    // The last token usually has no row.
    [tokens.saturating_sub(1), tokens].into_iter().find(|&rows| rows > 0 && ids.is_multiple_of(rows))
}

/// Whether these ids can be one token's selection in one layer, or the zeros of a dense layer.
fn is_selection(ids: &[u16]) -> bool {
    if ids.iter().all(|&id| id == 0) || ids.iter().all(|&id| id == MISSING) {
        return true;
    }
    ids.iter().enumerate().all(|(i, id)| *id != MISSING && !ids.iter().skip(i + 1).any(|other| other == id))
}

impl Record {
    /// Gives arrays without a shape the inferred one.
    ///
    /// # Errors
    /// When the length of an array does not fit.
    pub fn apply_shape(&mut self, shape: Shape) -> Result<(), Fault> {
        for i in 0..self.choices.len() {
            let Some(Packed::Flat(ids)) = self.choices.get_mut(i).and_then(|choice| choice.ids.as_mut())
            else {
                continue;
            };
            let ids = std::mem::take(ids);
            let block = if ids.is_empty() { None } else { Some(shaped(self, i, ids, shape)?) };
            self.choice(i).ids = block.map(Packed::Block);
        }
        match &mut self.prompt_ids {
            Some(Packed::Flat(_)) => Err(Fault::of_record(
                "`prompt_routed_experts`",
                "ids without a shape".to_owned(),
                "nested lists, or an array with its shape",
                GIVE_SHAPE,
            )),
            _ => Ok(()),
        }
    }
}

/// Gives an array its shape.
///
/// # Errors
/// When its length does not fit.
fn shaped(record: &Record, choice: usize, ids: Vec<u16>, shape: Shape) -> Result<Block, Fault> {
    let (Some(width), Some(k)) = (shape.width, shape.k) else {
        return Err(Fault::of_record(
            "",
            format!("{} ids without a shape", ids.len()),
            "a shape",
            GIVE_SHAPE,
        ));
    };
    let own =
        rows(record, choice, ids.len()).map(|rows| ids.len() / rows).filter(|own| own.is_multiple_of(k));
    let width = own.unwrap_or(width);
    if width == 0 || !ids.len().is_multiple_of(width) {
        return Err(Fault::of_record(
            "`routed_experts`",
            format!("{} ids", ids.len()),
            &format!(
                "a multiple of {width}, the ids of one token ({} layers with {k} experts)",
                width / k.max(1)
            ),
            GIVE_SHAPE,
        ));
    }
    let tokens = ids.len() / width;
    Block::shaped(ids, [tokens, width / k, k], 0)
}

fn gcd(a: usize, b: usize) -> usize {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Arrays of `tokens` tokens of 3 layers with 2 of 8 experts.
    fn record(tokens: usize, counted: bool) -> Record {
        let mut record = Record::default();
        let ids =
            (0..tokens * 3).flat_map(|row| [(row * 5 % 8) as u16, ((row * 5 + 1 + row % 7) % 8) as u16]);
        record.choice(0).ids = Some(Packed::Flat(ids.collect()));
        if counted {
            record.counted = [Some(tokens), Some(1)];
        }
        record
    }

    #[test]
    fn the_shape_from_counted_tokens() {
        let mut solver = Solver::new(None, None);
        solver.push(&record(16, true));
        assert_eq!(solver.solve(), Ok(Some(Shape { width: Some(6), k: Some(2) })));
    }

    #[test]
    fn the_shape_from_the_lengths_of_several_arrays() {
        let mut solver = Solver::new(None, None);
        solver.push(&record(15, false));
        assert!(solver.solve().is_err());
        solver.push(&record(16, false));
        solver.push(&record(11, false));
        assert_eq!(solver.solve(), Ok(Some(Shape { width: Some(6), k: Some(2) })));
    }

    #[test]
    fn given_values_take_precedence() {
        let mut solver = Solver::new(Some(6), Some(1));
        solver.push(&record(15, false));
        assert_eq!(solver.solve(), Ok(Some(Shape { width: Some(6), k: Some(1) })));
    }
}
