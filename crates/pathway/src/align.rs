//! Two lists of experts side by side.

use crate::edit::Edit;
use crate::error::Error;

/// The longest lists that are aligned: the table of a pair has at most this many rows and columns.
pub const LONGEST_ALIGNED: usize = 4096;

/// A shortest edit script that turns `first` into `second`: as many changes as their Levenshtein distance.
///
/// Of several shortest scripts it is the one that, from the front, keeps where it can, else substitutes, else
/// deletes, else inserts.
///
/// # Errors
///
/// A list is longer than [`LONGEST_ALIGNED`].
pub fn align(first: &[u16], second: &[u16]) -> Result<Vec<Edit>, Error> {
    if first.len().max(second.len()) > LONGEST_ALIGNED {
        return Err(Error::TooLongToAlign {
            first: first.len(),
            second: second.len(),
            limit: LONGEST_ALIGNED,
        });
    }
    // rest[i * width + j] is the distance of first[i..] and second[j..].
    let width = second.len() + 1;
    let mut rest = vec![0_u16; (first.len() + 1) * width];
    for i in (0..=first.len()).rev() {
        for j in (0..=second.len()).rev() {
            rest[i * width + j] = if i == first.len() {
                (second.len() - j) as u16
            } else if j == second.len() {
                (first.len() - i) as u16
            } else if first[i] == second[j] {
                rest[(i + 1) * width + j + 1]
            } else {
                let [below, right] = [rest[(i + 1) * width + j], rest[i * width + j + 1]];
                1 + rest[(i + 1) * width + j + 1].min(below).min(right)
            };
        }
    }
    let mut script = Vec::with_capacity(first.len().max(second.len()));
    let (mut i, mut j) = (0, 0);
    while i < first.len() || j < second.len() {
        let here = rest[i * width + j];
        match (first.get(i), second.get(j)) {
            (Some(&from), Some(&to)) if from == to => {
                script.push(Edit::Keep { expert: from });
                (i, j) = (i + 1, j + 1);
            }
            (Some(&from), Some(&to)) if rest[(i + 1) * width + j + 1] < here => {
                script.push(Edit::Substitute { from, to });
                (i, j) = (i + 1, j + 1);
            }
            (Some(&expert), to) if to.is_none() || rest[(i + 1) * width + j] < here => {
                script.push(Edit::Delete { expert });
                i += 1;
            }
            (_, Some(&expert)) => {
                script.push(Edit::Insert { expert });
                j += 1;
            }
            // Unreachable: the first list has an expert left only in the arms above.
            (_, None) => break,
        }
    }
    Ok(script)
}
