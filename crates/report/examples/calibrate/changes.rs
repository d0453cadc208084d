//! How often the interval of a change (docs/metrics.md#change-between-two-checkpoints) excludes
//! "no change", with samples drawn anew in every run.

use pathway::{PairSums, distance_change, group_distance};

use super::courses::Random;

/// Coordinates of a simulated sample; distances between samples are those of points.
const COORDINATES: usize = 8;

/// Mean distance, about, in edits.
const LEVEL: f64 = 500.0;

/// Samples and pairs of a simulated group, and what happens to it.
#[derive(Clone, Copy, Debug)]
pub struct Group {
    /// Number of samples.
    pub samples: usize,
    /// Number of pairs drawn, or all.
    pub pairs: Option<u64>,
    /// Factor of all distances at the later checkpoint: 1 for no change.
    pub factor: f64,
}

/// Shares of simulated groups.
#[derive(Clone, Copy, Debug)]
pub struct Rates {
    /// Whose interval excludes 1.
    pub excludes: f64,
    /// Whose interval would exclude 1 if the standard errors of both means were added instead.
    pub excludes_by_sum: f64,
    /// Mean half width by the sum over mean half width of the ratio.
    pub width_by_sum: f64,
}

/// Simulates `runs` groups of one kind.
pub fn rates(group: Group, runs: usize) -> Rates {
    let mut random = Random::new(1 << 40 | (group.samples as u64) << 8 | u64::from(group.factor < 1.0));
    let (mut excludes, mut by_sum, mut width, mut width_by_sum) = (0, 0, 0.0, 0.0);
    for run in 0..runs {
        let (half, sum, ratio) = one(group, run as u64, &mut random);
        excludes += usize::from((ratio - 1.0).abs() > half);
        by_sum += usize::from((ratio - 1.0).abs() > sum);
        width += half;
        width_by_sum += sum;
    }
    let share = |count: usize| count as f64 / runs as f64;
    Rates { excludes: share(excludes), excludes_by_sum: share(by_sum), width_by_sum: width_by_sum / width }
}

/// Half width of the change of one group, half width by the sum of both errors, and the ratio.
fn one(group: Group, seed: u64, random: &mut Random) -> (f64, f64, f64) {
    let Group { samples, pairs, factor } = group;
    let all = pathway::pair_count(samples);
    let pairs = pathway::sample_pairs(samples, pairs.unwrap_or(all), seed);
    // Samples differ in how far they lie from the others, and most of that stays.
    let earlier: Vec<[f64; COORDINATES]> = (0..samples).map(|_| point(random)).collect();
    let later: Vec<[f64; COORDINATES]> = earlier
        .iter()
        .map(|earlier| {
            let moved = point(random);
            std::array::from_fn(|at| 0.8 * earlier[at] + 0.6 * moved[at])
        })
        .collect();
    let distances = |points: &[[f64; COORDINATES]], factor: f64| -> Vec<u32> {
        let distance = |&(a, b): &(u32, u32)| {
            let squares = points[a as usize].iter().zip(&points[b as usize]).map(|(a, b)| (a - b) * (a - b));
            (factor * LEVEL / 4.0 * squares.sum::<f64>().sqrt()).round() as u32
        };
        pairs.iter().map(distance).collect()
    };
    let (earlier, later) = (distances(&earlier, 1.0), distances(&later, factor));
    let sums = |distances: &[u32]| PairSums::new(samples, &pairs, distances).expect("pairs fit");
    let found = distance_change(&sums(&earlier), &sums(&later)).expect("distances are positive");
    let half = |distances: &[u32]| {
        let lengths = vec![1; samples];
        group_distance(samples, &pairs, distances, &lengths).expect("pairs fit").ci.unwrap_or(f64::INFINITY)
    };
    let mean = earlier.iter().map(|&distance| f64::from(distance)).sum::<f64>() / earlier.len() as f64;
    (found.half_width, (half(&later) + found.ratio * half(&earlier)) / mean, found.ratio)
}

fn point(random: &mut Random) -> [f64; COORDINATES] {
    std::array::from_fn(|_| random.normal())
}
