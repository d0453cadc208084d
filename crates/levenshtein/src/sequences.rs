//! Many sequences end to end in one buffer.

/// Sequences of `u16` symbols, stored end to end: sequence `i` is
/// `symbols[offsets[i]..offsets[i + 1]]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sequences {
    symbols: Vec<u16>,
    /// One more entry than sequences, unless empty; the first is 0.
    offsets: Vec<u32>,
}

impl Sequences {
    /// Creates an empty set.
    #[must_use]
    pub fn new() -> Self {
        Self { symbols: Vec::new(), offsets: vec![0] }
    }

    /// Creates an empty set with room for that many sequences and symbols of all of them.
    #[must_use]
    pub fn with_capacity(sequences: usize, symbols: usize) -> Self {
        let mut offsets = Vec::with_capacity(sequences + 1);
        offsets.push(0);
        Self { symbols: Vec::with_capacity(symbols), offsets }
    }

    /// Appends one sequence.
    pub fn push(&mut self, sequence: &[u16]) {
        self.symbols.extend_from_slice(sequence);
        self.end();
    }

    /// Appends one symbol to the sequence that the next [`Self::end`] closes.
    pub fn push_symbol(&mut self, symbol: u16) {
        self.symbols.push(symbol);
    }

    /// Appends symbols to the sequence that the next [`Self::end`] closes.
    pub fn push_symbols(&mut self, symbols: impl IntoIterator<Item = u16>) {
        self.symbols.extend(symbols);
    }

    /// Closes the sequence of the symbols pushed since the last one.
    pub fn end(&mut self) {
        if self.offsets.is_empty() {
            self.offsets.push(0);
        }
        self.offsets.push(self.symbols.len() as u32);
    }

    /// Number of sequences.
    #[must_use]
    pub fn len(&self) -> usize {
        self.offsets.len().saturating_sub(1)
    }

    /// Whether there are no sequences.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Sequence `i`. Panics if it is out of range.
    #[must_use]
    pub fn get(&self, i: usize) -> &[u16] {
        &self.symbols[self.offsets[i] as usize..self.offsets[i + 1] as usize]
    }

    /// All sequences in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &[u16]> {
        (0..self.len()).map(|i| self.get(i))
    }

    /// The buffers: symbols, and offsets (one more entry than sequences).
    #[must_use]
    pub fn as_parts(&self) -> (&[u16], &[u32]) {
        (&self.symbols, &self.offsets)
    }

    /// Builds sequences from their buffers; `None` unless the offsets start at 0, never decrease
    /// and end at the number of symbols.
    #[must_use]
    pub fn from_parts(symbols: Vec<u16>, offsets: Vec<u32>) -> Option<Self> {
        let starts = offsets.first() == Some(&0);
        let ends = offsets.last().is_some_and(|&end| end as usize == symbols.len());
        let rises = offsets.windows(2).all(|pair| pair[0] <= pair[1]);
        (starts && ends && rises).then_some(Self { symbols, offsets })
    }
}
