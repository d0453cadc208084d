//! Alignment of two expert lists: the pathway distance written out as edits
//! (docs/metrics.md#pathway-distance).

use crate::edit::Edit;
use crate::error::Error;

/// Longest list that is aligned: the table of a pair has at most this many rows and columns.
const LONGEST_ALIGNED: usize = 4096;

/// Computes a shortest edit script that turns `first` into `second`, with as many changes as their
/// Levenshtein distance (docs/metrics.md#pathway-distance).
///
/// Ties between shortest scripts are broken from the front: keep, then substitute, then delete,
/// then insert.
///
/// # Errors
///
/// [`Error::TooLongToAlign`] if a list has more than 4,096 experts.
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
