//! Exact rectangles of a map: what is looked at closely, and what is written to a file.

use super::{
    MapSamples,
    measure::{block_size, measure, rectangle, sequences},
};
use crate::{
    analysis::{Analysis, Distances, Run, Watch},
    error::Error,
    settings::Settings,
};

impl Analysis {
    /// The distances of every row to every column, row after row; both are places of a map's samples. A caller that
    /// wants the whole of a large map asks for some rows at a time.
    ///
    /// # Errors
    /// [`Error::NoMap`] when the checkpoint is not analysed or a place does not exist; what the host fails with.
    #[expect(clippy::too_many_arguments, reason = "a run, what to do with it, and where")]
    pub async fn map_part(
        &self,
        run: &Run,
        settings: &Settings,
        samples: &MapSamples,
        (rows, columns): (&[u32], &[u32]),
        checkpoint: usize,
        distances: &dyn Distances,
        watch: &dyn Watch,
    ) -> Result<Vec<u16>, Error> {
        if rows.iter().chain(columns).any(|&place| place as usize >= samples.len()) {
            return Err(Error::NoMap { reason: "it has no such row or column".to_owned() });
        }
        let sequences = sequences(self, run, settings, samples, checkpoint)?;
        let mut found = Vec::with_capacity(rows.len() * columns.len());
        let blocks = rectangle(rows, columns, || block_size(&sequences, distances));
        let take = |_, _, distance| found.push(distance);
        measure(&sequences, blocks, (rows.len() * columns.len()) as u64, distances, watch, take).await?;
        Ok(found)
    }
}

/// The head of a file in `NumPy`'s format 1.0 with a square matrix of unsigned 16-bit numbers, little end first, row by row.
#[must_use]
pub fn npy_header(side: usize) -> Vec<u8> {
    let mut text = format!("{{'descr': '<u2', 'fortran_order': False, 'shape': ({side}, {side}), }}");
    // Six bytes of name, two of version, two of length; values begin at a multiple of 64.
    let short = (10 + text.len() + 1) % 64;
    text.extend(std::iter::repeat_n(' ', (64 - short) % 64));
    text.push('\n');
    let mut head = b"\x93NUMPY\x01\x00".to_vec();
    head.extend((text.len() as u16).to_le_bytes());
    head.extend(text.as_bytes());
    head
}
