//! Operations of a vector register: bitwise logic only, including three operands, which some CPUs
//! have as one instruction.

/// A vector of bits, one bit per pair.
pub(crate) trait Lanes: Copy + 'static {
    /// Number of bits, that is of pairs.
    const COUNT: usize = Self::WORDS * 64;
    /// Number of 64-bit words.
    const WORDS: usize;
    /// Least number of registers.
    const REGISTERS: usize = 16;

    /// Fills the vector with one word.
    fn splat(word: u64) -> Self;
    /// `self & other`.
    fn and(self, other: Self) -> Self;
    /// `self | other`.
    fn or(self, other: Self) -> Self;
    /// `self ^ other`.
    fn xor(self, other: Self) -> Self;
    /// `self & !other`.
    fn and_not(self, other: Self) -> Self;
    /// `self & !a` where `b` is not set, and `self & !b` where `a` is not set; other bits are
    /// unspecified.
    #[inline(always)]
    fn and_not_each(self, a: Self, b: Self) -> (Self, Self) {
        (self.and_not(a), self.and_not(b))
    }
    /// `self & !(a & !b)`.
    #[inline(always)]
    fn and_not_but(self, a: Self, b: Self) -> Self {
        self.and_not(a.and_not(b))
    }
    /// `self | (a & !b)`.
    #[inline(always)]
    fn or_but(self, a: Self, b: Self) -> Self {
        self.or(a.and_not(b))
    }
    /// `self ^ a ^ b`.
    #[inline(always)]
    fn parity(self, a: Self, b: Self) -> Self {
        self.xor(a).xor(b)
    }
    /// The bits set in at least two of the three.
    #[inline(always)]
    fn majority(self, a: Self, b: Self) -> Self {
        self.and(a).or(self.xor(a).and(b))
    }
    /// Every 64-bit word shifted towards its high end.
    fn shift_up<const BITS: u32>(self) -> Self;
    /// Every 64-bit word shifted towards its low end.
    fn shift_down<const BITS: u32>(self) -> Self;

    /// The vectors as words: bit `b` of word `w` of a vector is lane `64 w + b`.
    fn words(vectors: &[Self]) -> &[u64];
    /// The vectors as mutable words.
    fn words_mut(vectors: &mut [Self]) -> &mut [u64];

    /// Runs `task` with the instruction set enabled.
    fn run<T: Task>(task: T) -> T::Output;

    /// No bit set.
    #[inline(always)]
    fn zeros() -> Self {
        Self::splat(0)
    }

    /// All bits set.
    #[inline(always)]
    fn ones() -> Self {
        Self::splat(!0)
    }
}

/// An inner loop. Its `run` must be inlined into [`Lanes::run`] to use the instruction set.
pub(crate) trait Task {
    /// Result of the loop.
    type Output;

    /// Runs the loop.
    fn run(self) -> Self::Output;
}
