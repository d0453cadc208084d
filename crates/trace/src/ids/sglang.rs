//! SGLang (`--enable-return-routed-experts`, `return_routed_experts` in the request): base64 of raw 32-bit integers
//! `[tokens - 1 - start, layers, k]` without a shape, in `meta_info.routed_experts`, or with the OpenAI interface in the
//! response's `sglext` (`sgl_ext`). All hidden layers have rows; those of dense layers are zero.
//!
//! The shape is solved: tokens are counted by the server, and `k` is the largest number for which the ids of no token and
//! layer repeat.

use crate::error::GIVE_SHAPE;

use super::{
    block::{Block, MAX_K, MISSING},
    record::{Record, ids},
    scan::{Fault, Scan},
};

/// Takes a field of a record if it is one of SGLang's.
///
/// # Errors
/// With the field's place.
pub fn field(record: &mut Record, scan: &mut Scan<'_>, key: &[u8]) -> Result<bool, Fault> {
    match key {
        b"meta_info" => {
            let mut usage = scan.clone();
            record.usage(&mut usage).map_err(|fault| fault.inside("meta_info"))?;
            extension(record, scan).map_err(|fault| fault.inside("meta_info"))?;
        }
        b"sglext" | b"sgl_ext" => {
            let name = if key == b"sglext" { "sglext" } else { "sgl_ext" };
            extension(record, scan).map_err(|fault| fault.inside(name))?;
        }
        b"routed_experts_start_len" => record.start = Some(scan.parse("a whole number from 0")?),
        _ => return Ok(false),
    }
    Ok(true)
}

fn extension(record: &mut Record, scan: &mut Scan<'_>) -> Result<(), Fault> {
    scan.object(|scan, key| {
        match key {
            b"routed_experts" => {
                if let Some(found) = ids(scan).map_err(|fault| fault.inside("routed_experts"))? {
                    record.choice(0).ids = Some(found);
                }
            }
            b"routed_experts_start_len" => record.start = Some(scan.parse("a whole number from 0")?),
            _ => drop(scan.value()?),
        }
        Ok(())
    })
}

/// What is known of the shape of arrays without one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shape {
    /// Layers times `k`: ids of one token.
    pub width: Option<usize>,
    /// Experts a token.
    pub k: Option<usize>,
}

/// Looks at some records for the shape that all of them share.
#[derive(Debug)]
pub struct Solver {
    /// What is given: layers and `k`.
    given: [Option<usize>; 2],
    /// Which `k` no record speaks against, by `k - 1`.
    possible: Vec<bool>,
    /// How many records have so many ids a token.
    widths: std::collections::BTreeMap<usize, usize>,
    /// Greatest common divisor of the lengths of all arrays.
    divisor: usize,
    arrays: usize,
    /// Ids looked at.
    pub ids: usize,
}

impl Solver {
    /// With what a setting or the file gives.
    pub fn new(layers: Option<usize>, k: Option<usize>) -> Self {
        Self {
            given: [layers, k],
            possible: vec![true; MAX_K],
            widths: std::collections::BTreeMap::new(),
            divisor: 0,
            arrays: 0,
            ids: 0,
        }
    }

    /// Takes a record into account.
    pub fn push(&mut self, record: &Record) {
        let [layers, k] = &mut self.given;
        *layers = layers.or(record.layers);
        *k = k.or(record.top_k);
        for (i, choice) in record.choices.iter().enumerate() {
            let Some(super::packed::Packed::Flat(ids)) = &choice.ids else { continue };
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

    /// The shape, if there were arrays without one.
    ///
    /// # Errors
    /// The sentence of what is not known.
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
        // Without counted tokens, the lengths of several arrays have hardly more in common than one token's ids.
        let common = Some(self.divisor).filter(|_| self.arrays >= 3);
        match (product.or(counted).or(common), k) {
            (Some(width), Some(k)) if k > 0 && width > 0 => {
                Ok(Some(Shape { width: Some(width), k: Some(k) }))
            }
            _ => Err(format!(
                "{} ids without a shape, and neither the tokens of the record (`prompt_tokens` and `completion_tokens`) \
                 nor layers and experts a token are known",
                self.divisor
            )),
        }
    }
}

/// Tokens that an array of so many ids is of, as far as the record tells.
fn rows(record: &Record, choice: usize, ids: usize) -> Option<usize> {
    let tokens = record.token_count(choice)?.checked_sub(record.start.unwrap_or(0))?;
    // The last token mostly has no row.
    [tokens.saturating_sub(1), tokens].into_iter().find(|&rows| rows > 0 && ids.is_multiple_of(rows))
}

/// Whether so many ids can be what one token chose in one layer, or the zeros of a dense one.
fn is_selection(ids: &[u16]) -> bool {
    if ids.iter().all(|&id| id == 0) || ids.iter().all(|&id| id == MISSING) {
        return true;
    }
    ids.iter().enumerate().all(|(i, id)| *id != MISSING && !ids.iter().skip(i + 1).any(|other| other == id))
}

/// Gives an array its shape.
///
/// # Errors
/// When its length does not go with the shape.
pub fn shape(record: &Record, choice: usize, ids: Vec<u16>, shape: Shape) -> Result<Block, Fault> {
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
    use crate::ids::packed::Packed;

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
    fn what_is_given_counts() {
        let mut solver = Solver::new(Some(6), Some(1));
        solver.push(&record(15, false));
        assert_eq!(solver.solve(), Ok(Some(Shape { width: Some(6), k: Some(1) })));
    }
}
