//! Groups of simulated samples whose distances at each checkpoint are those of moving points.

use pathway::{GroupDistance, PairSums, group_distance};

use super::courses::Random;

/// Coordinates of a simulated sample.
const COORDINATES: usize = 8;

/// Mean distance, about, in edits.
const LEVEL: f64 = 500.0;

/// Share of a point's position that stays from one checkpoint to the next.
const STAYS: f64 = 0.8;

/// A group of samples that move at random, so that distances change without any trend.
pub struct Points {
    at: Vec<[f64; COORDINATES]>,
    /// Measured pairs.
    pub pairs: Vec<(u32, u32)>,
}

impl Points {
    /// A group with that number of pairs drawn, or all.
    pub fn new(samples: usize, pairs: Option<u64>, seed: u64, random: &mut Random) -> Self {
        let all = pathway::pair_count(samples);
        let pairs = pathway::sample_pairs(samples, pairs.unwrap_or(all), seed);
        Self { at: (0..samples).map(|_| point(random)).collect(), pairs }
    }

    /// Moves all points to the next checkpoint.
    pub fn step(&mut self, random: &mut Random) {
        let moves = (1.0 - STAYS * STAYS).sqrt();
        for position in &mut self.at {
            let moved = point(random);
            *position = std::array::from_fn(|at| STAYS * position[at] + moves * moved[at]);
        }
    }

    /// Distance of each pair, times a factor.
    pub fn distances(&self, factor: f64) -> Vec<u32> {
        let distance = |&(a, b): &(u32, u32)| {
            let (a, b) = (&self.at[a as usize], &self.at[b as usize]);
            let squares: f64 = a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum();
            (factor * LEVEL / 4.0 * squares.sqrt()).round() as u32
        };
        self.pairs.iter().map(distance).collect()
    }

    /// Sums of each sample.
    pub fn sums(&self, distances: &[u32]) -> PairSums {
        PairSums::new(self.at.len(), &self.pairs, distances).expect("one distance per pair")
    }

    /// Mean and interval.
    pub fn group(&self, distances: &[u32]) -> GroupDistance {
        let lengths = vec![1; self.at.len()];
        group_distance(self.at.len(), &self.pairs, distances, &lengths).expect("one distance per pair")
    }
}

fn point(random: &mut Random) -> [f64; COORDINATES] {
    std::array::from_fn(|_| random.normal())
}
