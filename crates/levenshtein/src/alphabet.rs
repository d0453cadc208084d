//! Symbols become small dense codes, so that tables are as small as the alphabet that really occurs.

/// The code of every symbol that occurs, counted from 0 in the order of first appearance.
pub(crate) struct Alphabet {
    /// Indexed by symbol: its code plus one, 0 when it has not occurred.
    codes: Vec<u32>,
    size: u32,
}

impl Alphabet {
    pub(crate) fn new() -> Self {
        Self { codes: vec![0; 1 << 16], size: 0 }
    }

    /// The code of `symbol`, a new one at its first appearance. At most 65,536 symbols exist, so codes fit `u16`.
    pub(crate) fn code(&mut self, symbol: u16) -> u16 {
        let code = &mut self.codes[usize::from(symbol)];
        if *code == 0 {
            self.size += 1;
            *code = self.size;
        }
        (*code - 1) as u16
    }

    /// How many symbols have occurred.
    pub(crate) fn size(&self) -> usize {
        self.size as usize
    }
}
