//! Seeded random draws, identical on every machine and in every version of this program.

/// Random number generator `SplitMix64` of Steele, Lea and Flood; its state is one 64-bit number.
///
/// Reports depend on its output: never change the numbers that a seed gives.
#[derive(Clone, Debug)]
pub struct Rng {
    state: u64,
}

/// The odd increment of the state, 2^64 over the golden ratio.
const STEP: u64 = 0x9E37_79B9_7F4A_7C15;

/// The finaliser of `SplitMix64`: mixes every bit of the state into the whole word.
fn mix(state: u64) -> u64 {
    let once = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let twice = (once ^ (once >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    twice ^ (twice >> 31)
}

impl Rng {
    /// Creates the generator of a seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self { state: mix(seed.wrapping_add(STEP)) }
    }

    /// Creates the generator of one of a seed's streams; streams are independent of each other.
    #[must_use]
    pub fn stream(seed: u64, stream: u64) -> Self {
        let Self { state } = Self::new(seed);
        Self { state: mix(state ^ mix(stream.wrapping_mul(STEP).wrapping_add(STEP))) }
    }

    /// Returns the next 64 random bits.
    pub fn next_u64(&mut self) -> u64 {
        self.state = self.state.wrapping_add(STEP);
        mix(self.state)
    }

    /// Returns a uniform number in `0..bound`; 0 if the bound is 0.
    ///
    /// Lemire's method: multiplies, and rejects the few products that would favour some numbers.
    pub fn below(&mut self, bound: u32) -> u32 {
        let bound = u64::from(bound);
        loop {
            let product = (self.next_u64() >> 32) * bound;
            let low = product & u64::from(u32::MAX);
            // The remainder is the size of the incomplete last interval; it costs a division, so it
            // is computed rarely.
            if low >= bound || low >= (1_u64 << 32) % bound.max(1) {
                return (product >> 32) as u32;
            }
        }
    }

    /// Returns a uniform number in `0..bound`; 0 if the bound is 0.
    pub fn below_u64(&mut self, bound: u64) -> u64 {
        let Some(largest) = bound.checked_sub(1) else { return 0 };
        let shift = largest.leading_zeros();
        loop {
            // Bits that can only exceed the bound are masked; the rest is accepted at least every
            // other time.
            let candidate = if shift == 64 { 0 } else { self.next_u64() >> shift };
            if candidate <= largest {
                return candidate;
            }
        }
    }
}

/// Shuffles the items; each order is equally likely (Fisher and Yates).
pub fn shuffle<T>(items: &mut [T], seed: u64) {
    shuffle_with(items, &mut Rng::new(seed));
}

/// [`shuffle`] with the next numbers of a generator.
pub(crate) fn shuffle_with<T>(items: &mut [T], rng: &mut Rng) {
    for end in (1..items.len()).rev() {
        let other = rng.below_u64(end as u64 + 1) as usize;
        items.swap(end, other);
    }
}

/// Number of unordered pairs of distinct samples: `S (S - 1) / 2`
/// (docs/metrics.md#pathway-distance).
#[must_use]
pub fn pair_count(samples: usize) -> u64 {
    let samples = samples as u64;
    samples * samples.saturating_sub(1) / 2
}

/// Draws `count` unordered pairs `(i, j)`, `i < j`, of `samples` samples, uniformly without
/// replacement, and sorts them (docs/metrics.md#pathway-distance). Returns all pairs if there are
/// at most `count`.
///
/// # Panics
///
/// `samples` exceeds `u32::MAX`.
#[must_use]
pub fn sample_pairs(samples: usize, count: u64, seed: u64) -> Vec<(u32, u32)> {
    assert!(u32::try_from(samples).is_ok(), "a sample's number fits 32 bits");
    let numbers = draw_numbers(pair_count(samples), count, seed);
    let mut pairs = Vec::with_capacity(numbers.size());
    // Pairs are numbered row by row: row i holds (i, i + 1), (i, i + 2), and so on. The numbers
    // ascend, so the row only increases.
    let samples = samples as u64;
    let (mut row, mut row_start) = (0, 0);
    numbers.for_each(|number| {
        while number - row_start >= samples - 1 - row {
            row_start += samples - 1 - row;
            row += 1;
        }
        pairs.push((row as u32, (row + 1 + number - row_start) as u32));
    });
    pairs
}

/// Draws `count` pairs `(row, column)` of samples of two domains, uniformly without replacement,
/// and sorts them (docs/metrics.md#pathway-distance). Returns all pairs if there are at most
/// `count`.
///
/// # Panics
///
/// A number of samples exceeds `u32::MAX`.
#[must_use]
pub fn sample_cross_pairs(rows: usize, columns: usize, count: u64, seed: u64) -> Vec<(u32, u32)> {
    assert!(u32::try_from(rows.max(columns)).is_ok(), "a sample's number fits 32 bits");
    let numbers = draw_numbers(rows as u64 * columns as u64, count, seed);
    let mut pairs = Vec::with_capacity(numbers.size());
    let columns = columns as u64;
    numbers.for_each(|number| pairs.push(((number / columns) as u32, (number % columns) as u32)));
    pairs
}

/// A subset of the numbers `0..population`, in ascending order.
enum Numbers {
    All(u64),
    These(Vec<u64>),
    AllBut(u64, Vec<u64>),
}

impl Numbers {
    fn size(&self) -> usize {
        match self {
            Self::All(population) => *population as usize,
            Self::These(these) => these.len(),
            Self::AllBut(population, these) => *population as usize - these.len(),
        }
    }

    fn for_each(&self, mut f: impl FnMut(u64)) {
        match self {
            Self::All(population) => (0..*population).for_each(f),
            Self::These(these) => these.iter().copied().for_each(f),
            Self::AllBut(population, these) => {
                let mut left_out = these.iter().copied().peekable();
                for number in 0..*population {
                    if left_out.next_if_eq(&number).is_none() {
                        f(number);
                    }
                }
            }
        }
    }
}

/// Draws `count` of the numbers `0..population`; every such set is equally likely.
fn draw_numbers(population: u64, count: u64, seed: u64) -> Numbers {
    if count >= population {
        return Numbers::All(population);
    }
    let mut rng = Rng::new(seed);
    // To draw more than half of the numbers, the numbers to leave out are drawn, so that few draws
    // repeat.
    if count > population / 2 {
        Numbers::AllBut(population, draw_distinct(population, population - count, &mut rng))
    } else {
        Numbers::These(draw_distinct(population, count, &mut rng))
    }
}

/// Draws at most half of the numbers `0..population`, in ascending order.
fn draw_distinct(population: u64, count: u64, rng: &mut Rng) -> Vec<u64> {
    let count = count as usize;
    let mut numbers = Vec::with_capacity(count);
    // Redrawing repeats until there are enough distinct numbers favours no set.
    while numbers.len() < count {
        numbers.extend((numbers.len()..count).map(|_| rng.below_u64(population)));
        numbers.sort_unstable();
        numbers.dedup();
    }
    numbers
}
