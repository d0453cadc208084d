//! How often the claims `falls` and `rises` of a distance hold
//! (docs/metrics.md#change-between-two-checkpoints), with samples drawn anew in every run.

use report::{Change, ClaimKind, Course};

use super::{bare, courses::Random, points::Points};

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
    /// Share of groups with the claim `falls`.
    pub falls: f64,
    /// Share of groups with the claim `rises`.
    pub rises: f64,
    /// Either would be said if the half widths of both means were added instead.
    pub by_sum: f64,
    /// Mean half width by that sum over mean half width of the ratio.
    pub width_by_sum: f64,
}

/// Simulates `runs` groups of one kind.
pub fn rates(group: Group, runs: usize) -> Rates {
    let Group { samples, pairs, factor } = group;
    let mut random = Random::new(1 << 40 | (samples as u64) << 8 | u64::from(factor < 1.0));
    let (mut falls, mut rises, mut by_sum, mut width, mut width_by_sum) = (0, 0, 0, 0.0, 0.0);
    for run in 0..runs {
        let mut points = Points::new(samples, pairs, run as u64, &mut random);
        let earlier = points.distances(1.0);
        points.step(&mut random);
        let later = points.distances(factor);
        let found = pathway::distance_change(&points.sums(&earlier), &points.sums(&later))
            .expect("three samples with distances");
        let (first, last) = (points.group(&earlier), points.group(&later));
        let mean = |group: pathway::GroupDistance| group.mean.unwrap_or_default();
        let mut report = bare::report(2, run as u64);
        let values = vec![mean(first), mean(last)];
        report.courses.push(Course { n: Some(samples as u64), ..bare::course("distance", "a", values) });
        let mut domain = bare::domain("a", 2);
        domain.changes.push(Change {
            metric: "distance".to_owned(),
            group: report::Group::All,
            from: 0,
            to: 1,
            ratio: found.ratio,
            se_ratio: found.se,
            half_width: found.half_width,
            n: samples,
            requested: false,
        });
        report.domains.push(domain);
        falls += usize::from(bare::holds(&report, ClaimKind::Falls, "distance"));
        rises += usize::from(bare::holds(&report, ClaimKind::Rises, "distance"));
        let half = |group: pathway::GroupDistance| group.ci.unwrap_or(f64::INFINITY);
        let sum = (half(last) + found.ratio * half(first)) / mean(first);
        by_sum += usize::from((found.ratio - 1.0).abs() > sum);
        width += found.half_width;
        width_by_sum += sum;
    }
    let share = |count: usize| count as f64 / runs as f64;
    Rates {
        falls: share(falls),
        rises: share(rises),
        by_sum: share(by_sum),
        width_by_sum: width_by_sum / width,
    }
}
