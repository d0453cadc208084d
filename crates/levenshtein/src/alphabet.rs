//! Dense codes for symbols, so that tables are no larger than the alphabet in use.

/// Code of every symbol that occurs, numbered from 0 in order of first occurrence.
pub(crate) struct Alphabet {
    /// Indexed by symbol: its code plus one, or 0 if it has not occurred.
    codes: Vec<u32>,
    size: u32,
}

impl Alphabet {
    pub(crate) fn new() -> Self {
        Self { codes: vec![0; 1 << 16], size: 0 }
    }

    /// Returns the code of `symbol`; assigns one at its first occurrence. At most 65,536 symbols
    /// exist, so codes fit `u16`.
    pub(crate) fn code(&mut self, symbol: u16) -> u16 {
        let code = &mut self.codes[usize::from(symbol)];
        if *code == 0 {
            self.size += 1;
            *code = self.size;
        }
        (*code - 1) as u16
    }

    /// Number of distinct symbols.
    pub(crate) fn size(&self) -> usize {
        self.size as usize
    }
}
