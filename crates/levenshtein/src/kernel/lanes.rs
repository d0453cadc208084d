//! What the algorithm asks of a vector register: bitwise logic, nothing else. Of three operands too, which some
//! processors have in one instruction.

/// A vector of bits, one for every pair that is computed at once.
pub(crate) trait Lanes: Copy + 'static {
    /// How many bits, that is how many pairs.
    const COUNT: usize = Self::WORDS * 64;
    /// How many 64-bit words.
    const WORDS: usize;
    /// How many registers there are at least.
    const REGISTERS: usize = 16;

    /// The same word everywhere.
    fn splat(word: u64) -> Self;
    /// `self & other`.
    fn and(self, other: Self) -> Self;
    /// `self | other`.
    fn or(self, other: Self) -> Self;
    /// `self ^ other`.
    fn xor(self, other: Self) -> Self;
    /// `self & !other`.
    fn and_not(self, other: Self) -> Self;
    /// `self & !a` wherever `b` is not, and `self & !b` wherever `a` is not; elsewhere they may be anything.
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
    /// What at least two of the three have.
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
    /// The vectors as words that can be written.
    fn words_mut(vectors: &mut [Self]) -> &mut [u64];

    /// Runs `task` where the compiler may use the instruction set.
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

/// An inner loop. Its `run` must be inlined into [`Lanes::run`], or it misses the instruction set.
pub(crate) trait Task {
    /// What comes out.
    type Output;

    /// Does it.
    fn run(self) -> Self::Output;
}
