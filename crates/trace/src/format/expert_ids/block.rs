//! Expert ids of the tokens of a sample, or of a part of it, in one record.

use crate::format::expert_ids::scan::{Fault, Scan};

/// The value of an id that was not recorded (`-1` in files).
pub const MISSING: u16 = u16::MAX;

/// The largest id.
pub const MAX_ID: u16 = u16::MAX - 1;

/// The most layers. A longer axis has another meaning.
pub const MAX_LAYERS: usize = 4096;

/// The most experts per token.
pub const MAX_K: usize = 1024;

/// Ids `[tokens, layers, k]`, row by row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// Tokens, recorded or not.
    pub tokens: usize,
    /// Layers, including dense ones if the file has them.
    pub layers: usize,
    /// Experts per token, `k`.
    pub k: usize,
    /// The ids; [`MISSING`] if not recorded.
    pub ids: Vec<u16>,
}

/// What to do about lists of another shape.
const SHAPE_ADVICE: &str =
    "Write the list as the server returns it: per token the layers, per layer k expert ids.";

impl Block {
    /// Checks a declared shape against the number of ids.
    ///
    /// # Errors
    /// When the product differs, or an axis is too long.
    pub fn shaped(ids: Vec<u16>, [tokens, layers, k]: [usize; 3], place: usize) -> Result<Self, Fault> {
        let product = tokens.checked_mul(layers).and_then(|rows| rows.checked_mul(k));
        if product != Some(ids.len()) {
            return Err(Fault {
                at: Some(place),
                place: String::new(),
                found: format!("{} ids", ids.len()),
                expected: format!("{tokens} x {layers} x {k}, as the shape says"),
                advice: "Write shape and data of the same array.",
            });
        }
        check_axes(tokens, layers, k, place)?;
        Ok(Self { tokens, layers, k, ids })
    }

    /// Reads nested lists.
    ///
    /// # Errors
    /// With the token and layer at which a list has another length than the previous ones, or an id
    /// is invalid.
    pub fn read(scan: &mut Scan<'_>, middle: &str, inner: &str) -> Result<Self, Fault> {
        let place = scan.place();
        let (mut layers, mut k) = (0, 0);
        // An id takes at least two bytes, a digit and a comma, so this is no more than the record
        // itself.
        let mut ids: Vec<u16> = Vec::with_capacity(scan.left() / 2);
        let tokens = scan.list(|scan, token| {
            let inside = |fault: Fault| Fault { place: format!("token {token}"), ..fault };
            let before = scan.place();
            let count = scan
                .list(|scan, layer| {
                    let before = scan.place();
                    let inside = |fault: Fault| Fault { place: format!("{middle} {layer}"), ..fault };
                    let count = row(scan, &mut ids).map_err(inside)?;
                    if token == 0 && layer == 0 {
                        k = count;
                    } else if count != k {
                        return Err(inside(ragged(before, count, k, inner)));
                    }
                    Ok(())
                })
                .map_err(|fault| match fault.place.as_str() {
                    "" => inside(fault),
                    deeper => Fault { place: format!("token {token}, {deeper}"), ..fault },
                })?;
            if token == 0 {
                layers = count;
            } else if count != layers {
                return Err(inside(ragged(before, count, layers, middle)));
            }
            Ok(())
        })?;
        ids.shrink_to_fit();
        if tokens > 0 && ids.is_empty() {
            return Err(Fault {
                at: Some(place),
                place: String::new(),
                found: "lists without a single id".to_owned(),
                expected: "tokens, in each the layers, in each k expert ids".to_owned(),
                advice: SHAPE_ADVICE,
            });
        }
        check_axes(tokens, layers, k, place)?;
        Ok(Self { tokens, layers, k, ids })
    }

    /// Reads one layer: a list of tokens with `k` ids each.
    ///
    /// # Errors
    /// As [`Block::read`].
    pub fn read_layer(scan: &mut Scan<'_>) -> Result<Self, Fault> {
        let place = scan.place();
        let mut k = 0;
        let mut ids: Vec<u16> = Vec::with_capacity(scan.left() / 2);
        let tokens = scan.list(|scan, token| {
            let inside = |fault: Fault| Fault { place: format!("token {token}"), ..fault };
            let before = scan.place();
            let count = row(scan, &mut ids).map_err(inside)?;
            if token == 0 {
                k = count;
            } else if count != k {
                return Err(inside(ragged(before, count, k, "expert")));
            }
            Ok(())
        })?;
        ids.shrink_to_fit();
        let layers = usize::from(k > 0);
        check_axes(tokens, layers, k, place)?;
        Ok(Self { tokens: if k > 0 { tokens } else { 0 }, layers, k, ids })
    }

    /// Transposes `[tokens, k, layers]` to `[tokens, layers, k]`.
    #[must_use]
    pub fn transposed(mut self) -> Self {
        let (k, layers) = (self.layers, self.k);
        let mut token = vec![0; k * layers];
        for ids in self.ids.chunks_exact_mut((k * layers).max(1)) {
            token.copy_from_slice(ids);
            for (layer, row) in ids.chunks_exact_mut(k).enumerate() {
                for (slot, id) in row.iter_mut().zip(token.iter().skip(layer).step_by(layers)) {
                    *slot = *id;
                }
            }
        }
        Self { layers, k, ..self }
    }
}

/// Reads an innermost list and returns its length.
#[inline]
fn row(scan: &mut Scan<'_>, ids: &mut Vec<u16>) -> Result<usize, Fault> {
    let before = ids.len();
    if scan.small_list(ids) {
        return Ok(ids.len() - before);
    }
    scan.list(|scan, _| {
        let at = scan.place();
        let id = narrow(i64::from(scan.integer()?)).map_err(|fault| Fault { at: Some(at), ..fault })?;
        ids.push(id);
        Ok(())
    })
}

fn ragged(at: usize, found: usize, expected: usize, what: &str) -> Fault {
    Fault {
        at: Some(at),
        place: String::new(),
        found: format!("a list of {found}"),
        expected: format!("{expected} entries, one for each {what}, as in the lists before"),
        advice: SHAPE_ADVICE,
    }
}

fn check_axes(tokens: usize, layers: usize, k: usize, place: usize) -> Result<(), Fault> {
    if layers <= MAX_LAYERS && k <= MAX_K {
        return Ok(());
    }
    Err(Fault {
        at: Some(place),
        place: String::new(),
        found: format!("{tokens} tokens of {layers} layers with {k} experts each"),
        expected: format!("at most {MAX_LAYERS} layers and {MAX_K} experts per token"),
        advice: "Check the order of the axes: tokens, layers, experts.",
    })
}

/// An id as two bytes.
///
/// # Errors
/// When it is neither an expert nor -1.
#[inline]
pub fn narrow(id: i64) -> Result<u16, Fault> {
    match id {
        -1 => Ok(MISSING),
        0..=65_534 => Ok(id as u16),
        _ => Err(Fault {
            at: None,
            place: String::new(),
            found: format!("expert {id}"),
            expected: format!("ids from 0 to {MAX_ID}, or -1 where nothing was recorded"),
            advice: "Write the experts' own numbers as the router chose them.",
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Block, String> {
        Block::read(&mut Scan::new(text.as_bytes()), "layer", "expert")
            .map_err(|fault| fault.inside("x").in_line("f", 1).to_string())
    }

    #[test]
    fn lists_of_lists() {
        let block = read("[[[1,2],[3, 4]], [[-1,-1],[0,65534]]]").expect("ids");
        assert_eq!((block.tokens, block.layers, block.k), (2, 2, 2));
        assert_eq!(block.ids, [1, 2, 3, 4, MISSING, MISSING, 0, 65534]);
        assert_eq!(read("[]").expect("no ids").tokens, 0);
    }

    #[test]
    fn the_layer_as_the_last_axis() {
        let block = read("[[[1,2,3],[4,5,6]]]").expect("ids").transposed();
        assert_eq!((block.tokens, block.layers, block.k), (1, 3, 2));
        assert_eq!(block.ids, [1, 4, 2, 5, 3, 6]);
    }

    #[test]
    fn ragged_lists_and_invalid_ids_are_explained() {
        for (text, words) in [
            ("[[[1,2],[3]]]", "token 0, layer 1"),
            ("[[[1],[3]],[[1]]]", "token 1"),
            ("[[[1],[65535]]]", "token 0, layer 1: expert 65535"),
            ("[[[1],[-2]]]", "expert -2"),
            ("[[[1],[1.0]]]", "a whole number"),
            ("[[1,2]]", "token 0, layer 0"),
            ("[[[]]]", "without a single id"),
            ("[[[1", "the end of the line"),
        ] {
            let message = read(text).expect_err(text);
            assert!(message.contains(words), "{text}: {message}");
        }
        assert!(Block::shaped(vec![0; 8], [2, 2, 3], 0).is_err());
        assert!(Block::shaped(vec![], [usize::MAX, 2, 0], 0).is_err());
    }
}
