//! The rows of a dump.

/// Which of the rows are real tokens of which sample.
pub struct Batch {
    /// Samples, `B`.
    pub count: usize,
    /// Positions a sample, padding included.
    pub positions: usize,
    /// `[B * positions]`; `None` when all are real.
    pub real: Option<Vec<bool>>,
}

impl Batch {
    pub fn is_real(&self, row: usize) -> bool {
        self.real.as_ref().is_none_or(|real| real.get(row).copied().unwrap_or(false))
    }

    /// Real tokens of each sample, `[B]`.
    pub fn token_counts(&self) -> Vec<u32> {
        match &self.real {
            None => vec![self.positions as u32; self.count],
            Some(real) => real
                .chunks(self.positions.max(1))
                .map(|sample| sample.iter().filter(|&&real| real).count() as u32)
                .collect(),
        }
    }
}
