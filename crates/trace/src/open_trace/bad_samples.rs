//! Samples whose gates cannot be used: they are left out, not their whole checkpoint.

use crate::{error::Error, text::shorten};

/// Ids that one sentence lists.
const LISTED: usize = 6;

/// A sample whose gates cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadSample {
    /// Its row in the file.
    pub row: usize,
    /// Its id.
    pub id: String,
    /// The first fault found in it.
    pub fault: Error,
}

impl BadSample {
    /// The ids of several samples for a sentence: the first few, and the number of the others.
    #[must_use]
    pub fn listed(all: &[Self]) -> String {
        let ids: Vec<String> = all.iter().take(LISTED).map(|bad| format!("`{}`", shorten(&bad.id))).collect();
        let ids = ids.join(", ");
        match all.len() {
            1 => format!("sample {ids}"),
            count if count <= LISTED => format!("samples {ids}"),
            count => format!("samples {ids} and {} more", count - LISTED),
        }
    }

    /// The sentence for samples that a file has been read without.
    pub(crate) fn left_out(all: &[Self]) -> Option<String> {
        let first = all.first()?;
        Some(format!("{} Left out: {}.", first.fault, Self::listed(all)))
    }
}

/// The error for a file of `samples` samples of which more than half are bad.
#[must_use]
pub fn most_are_bad(bad: &[BadSample], samples: usize) -> Option<Error> {
    most(&bad.first()?.fault, bad.len(), samples, "samples")
}

/// The error for a file of which more than half of the rows are bad; `rows` says what they are.
pub(crate) fn most(first: &Error, bad: usize, count: usize, rows: &'static str) -> Option<Error> {
    match bad {
        0 => None,
        1 if count == 1 => Some(first.clone()),
        bad if bad.saturating_mul(2) > count => {
            Some(Error::BadSamples { first: Box::new(first.clone()), bad, count, rows })
        }
        _ => None,
    }
}
