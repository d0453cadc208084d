//! Samples whose gates cannot be used: they are left out, not their whole checkpoint.

use std::{collections::BTreeSet, rc::Rc};

use crate::{error::Error, model::SampleMeta, open_trace::OpenTrace, text::shorten};

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

impl OpenTrace {
    /// Samples that the file has and this trace has not, because their values cannot be used.
    #[must_use]
    pub fn left_out(&self) -> &[BadSample] {
        &self.left_out
    }

    /// Samples of the file, with those that are left out.
    #[must_use]
    pub fn samples_in_file(&self) -> usize {
        self.info.samples.len() + self.left_out.len()
    }

    /// Rows in the file of the samples that are not left out, ascending.
    #[must_use]
    pub fn rows_in_file(&self) -> Vec<usize> {
        let gone: BTreeSet<usize> = self.left_out.iter().map(|bad| bad.row).collect();
        (0..self.samples_in_file()).filter(|row| !gone.contains(row)).collect()
    }

    /// Names all samples of the file, with those that are left out.
    ///
    /// # Errors
    /// Those of [`OpenTrace::set_samples`].
    pub fn name_samples_in_file(&mut self, names: &[SampleMeta]) -> Result<(), Error> {
        let kept = self.rows_in_file().into_iter().filter_map(|row| names.get(row).cloned());
        self.set_samples(kept.collect())?;
        let name = |bad: &BadSample| BadSample {
            id: names.get(bad.row).map_or_else(|| bad.id.clone(), |name| name.id.clone()),
            ..bad.clone()
        };
        self.left_out = self.left_out.iter().map(name).collect();
        Ok(())
    }

    /// Notes which samples of the file are left out. Samples without names keep their places in the
    /// file as ids, so that they are the same at every checkpoint.
    pub(crate) fn set_left_out(&mut self, mut bad: Vec<BadSample>) {
        if !self.info.labelled {
            for bad in &mut bad {
                bad.id = bad.row.to_string();
            }
        }
        self.left_out = Rc::from(bad);
        if !self.info.labelled {
            let rows = self.rows_in_file();
            for (sample, row) in self.info.samples.iter_mut().zip(rows) {
                sample.id = row.to_string();
            }
        }
    }
}
