//! The samples of the file that a trace is read without.

use std::{collections::BTreeSet, rc::Rc};

use crate::{
    error::Error,
    model::SampleMeta,
    open_trace::{bad_samples::BadSample, parts::OpenTrace},
};

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
