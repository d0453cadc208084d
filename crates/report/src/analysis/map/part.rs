//! Exact rectangles of a map, for close-ups and for export.

use super::{
    measure::{block_size, measure, rectangle, sequences},
    samples::MapSamples,
};
use crate::{
    analysis::{Analysis, Distances, Run, Watch},
    error::Error,
    settings::Settings,
};

impl Analysis {
    /// Measures the distances of every row to every column, in row-major order; both are positions
    /// in a map's samples. Callers read a large map in bands of rows.
    ///
    /// # Errors
    /// [`Error::NoMap`] if the checkpoint is not analyzed or a position is out of range; errors of
    /// the host.
    #[expect(clippy::too_many_arguments, reason = "the run, the request and the host")]
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
            return Err(Error::NoMap { reason: "a row or column is out of range".to_owned() });
        }
        let sequences = sequences(self, run, settings, samples, checkpoint)?;
        let mut found = Vec::with_capacity(rows.len() * columns.len());
        let blocks = rectangle(rows, columns, || block_size(&sequences, distances));
        let take = |_, _, distance| found.push(distance);
        measure(&sequences, blocks, (rows.len() * columns.len()) as u64, distances, watch, take).await?;
        Ok(found)
    }
}

/// Header of a file in `NumPy`'s format 1.0 with a square matrix of little-endian unsigned 16-bit
/// numbers in row-major order.
#[must_use]
pub fn npy_header(side: usize) -> Vec<u8> {
    let mut text = format!("{{'descr': '<u2', 'fortran_order': False, 'shape': ({side}, {side}), }}");
    // Six bytes of magic, two of version, two of length; values start at a multiple of 64.
    let short = (10 + text.len() + 1) % 64;
    text.extend(std::iter::repeat_n(' ', (64 - short) % 64));
    text.push('\n');
    let mut head = b"\x93NUMPY\x01\x00".to_vec();
    head.extend((text.len() as u16).to_le_bytes());
    head.extend(text.as_bytes());
    head
}
