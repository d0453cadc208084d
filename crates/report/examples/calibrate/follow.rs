//! How often the tests of docs/metrics.md#does-it-follow-accuracy reject chance, and how often the
//! claims that rest on them hold.

use report::{
    ClaimKind, Report,
    derive::{self, CheckpointPermutations, LEVEL},
};

use super::{
    bare,
    courses::{Kind, Random},
};

/// Shares of simulated courses or runs.
#[derive(Clone, Copy, Debug)]
pub struct Rates {
    /// Test A rejects chance.
    pub increments: f64,
    /// Test A' rejects chance.
    pub given_clock: f64,
    /// The claim `follows` holds.
    pub follows: f64,
    /// The claim `exchanged` holds (test B).
    pub exchanged: f64,
}

/// Simulates `runs` runs with one domain for the tests of increments, and as many with `domains`
/// domains for test B, of `n` checkpoints each.
pub fn rates(kind: Kind, n: usize, domains: usize, runs: usize) -> Rates {
    let mut random = Random::new((n as u64) << 8 | kind as u64);
    let (mut increments, mut given_clock, mut follows, mut exchanged) = (0, 0, 0, 0);
    for run in 0..runs {
        let mut report = simulated(kind, n, 1, run as u64, &mut random);
        derive::relate(&mut report, CheckpointPermutations::Skipped);
        for found in report.domains.iter().flat_map(|domain| &domain.correlations) {
            increments += usize::from(found.increments_p.is_some_and(|p| p < LEVEL));
            given_clock += usize::from(found.increments_clock_p.is_some_and(|p| p < LEVEL));
        }
        follows += usize::from(bare::holds(&report, ClaimKind::Follows, "distance"));
        let mut report = simulated(kind, n, domains, run as u64, &mut random);
        report.exchange = derive::exchange(&report);
        exchanged += usize::from(bare::holds(&report, ClaimKind::Exchanged, "distance"));
    }
    let share = |count: usize| count as f64 / runs as f64;
    Rates {
        increments: share(increments),
        given_clock: share(given_clock),
        follows: share(follows),
        exchanged: share(exchanged),
    }
}

/// A report with a distance and an accuracy per domain.
fn simulated(kind: Kind, n: usize, domains: usize, seed: u64, random: &mut Random) -> Report {
    let mut report = bare::report(n, seed);
    for index in 0..domains {
        let name = format!("domain {index}");
        let (distance, accuracy) = kind.draw(n, random);
        report.courses.push(bare::course("distance", &name, distance));
        report.courses.push(bare::course("accuracy", &name, accuracy));
        report.domains.push(bare::domain(&name, n));
    }
    report
}
