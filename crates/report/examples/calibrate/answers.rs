//! Simulated answers to a domain's benchmark items.

use super::courses::Random;

/// How answers arise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answers {
    /// Guesses between four choices throughout.
    GuessesOfFour,
    /// Guesses between two choices throughout.
    GuessesOfTwo,
    /// Each item is right from a checkpoint that is distributed as the samples' own.
    WithSamples,
    /// Guesses of four until a checkpoint of the last third, different for each item, then right.
    Later,
}

impl Answers {
    /// All kinds.
    pub const ALL: [Self; 4] = [Self::GuessesOfFour, Self::GuessesOfTwo, Self::WithSamples, Self::Later];

    /// Name in the table and in `tests/reference/state_rates.py`.
    pub fn name(self) -> &'static str {
        match self {
            Self::GuessesOfFour => "guesses of four choices",
            Self::GuessesOfTwo => "guesses of two choices",
            Self::WithSamples => "right at the same time as samples are memorized",
            Self::Later => "guesses of four, then right in the last third",
        }
    }

    /// Answers to `items` items at `n` checkpoints, `[item][C]`.
    pub fn draw(self, items: usize, n: usize, random: &mut Random) -> Vec<Vec<Option<bool>>> {
        (0..items).map(|_| self.item(n, random)).collect()
    }

    fn item(self, n: usize, random: &mut Random) -> Vec<Option<bool>> {
        let at = random.unit();
        let guess = |of: f64, random: &mut Random| random.unit() < 1.0 / of;
        (0..n)
            .map(|c| {
                Some(match self {
                    Self::GuessesOfFour => guess(4.0, random),
                    Self::GuessesOfTwo => guess(2.0, random),
                    Self::WithSamples => c > (at * n as f64) as usize / 2,
                    Self::Later => 3.0 * c as f64 >= (2.0 + at) * n as f64 || guess(4.0, random),
                })
            })
            .collect()
    }
}
