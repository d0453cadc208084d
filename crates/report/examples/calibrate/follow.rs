//! How often the tests of docs/metrics.md#does-it-follow-accuracy reject chance, computed by the
//! functions that make reports.

use report::{
    Checkpoint, Course, Domain, FORMAT, GateKind, Group, Report, Run, Settings, VERSION,
    derive::{self, CheckpointPermutations, LEVEL},
};

use super::courses::{Kind, Random};

/// Shares of simulated runs in which each test rejects chance.
#[derive(Clone, Copy, Debug)]
pub struct Rates {
    /// Test A.
    pub increments: f64,
    /// Test A'.
    pub given_clock: f64,
    /// The rule: expected sign, and both tests.
    pub follows: f64,
    /// Test B.
    pub exchanged: f64,
}

/// Simulates `runs` runs with one domain for the tests of increments, and as many with `domains`
/// domains for test B, of `n` checkpoints each.
pub fn rates(kind: Kind, n: usize, domains: usize, runs: usize) -> Rates {
    let mut random = Random::new((n as u64) << 8 | kind as u64);
    let (mut increments, mut given_clock, mut follows, mut exchanged) = (0, 0, 0, 0);
    for run in 0..runs {
        let report = simulated(kind, n, 1, run as u64, &mut random);
        let names = report.domains.iter().map(|domain| &domain.name);
        let related =
            names.flat_map(|name| derive::correlations(&report, name, CheckpointPermutations::Skipped));
        for found in related {
            increments += usize::from(found.increments_p.is_some_and(|p| p < LEVEL));
            given_clock += usize::from(found.increments_clock_p.is_some_and(|p| p < LEVEL));
            follows += usize::from(derive::follows(&found) == Some(true));
        }
        let found = derive::exchange(&simulated(kind, n, domains, run as u64, &mut random));
        exchanged += usize::from(found.iter().any(|found| found.p.is_some_and(|p| p < LEVEL)));
    }
    let share = |count: usize| count as f64 / runs as f64;
    Rates {
        increments: share(increments),
        given_clock: share(given_clock),
        follows: share(follows),
        exchanged: share(exchanged),
    }
}

/// A report with a distance and an accuracy per domain, and nothing else.
fn simulated(kind: Kind, n: usize, domains: usize, seed: u64, random: &mut Random) -> Report {
    let mut report = Report {
        format: FORMAT.to_owned(),
        version: VERSION,
        made_by: "calibration".to_owned(),
        title: String::new(),
        rounded_to_bits: None,
        run: Run {
            model: None,
            samples: 0,
            items: 0,
            layers: 1,
            experts: 1,
            top_k: None,
            gate_kind: GateKind::SoftmaxMean,
            half_precision: false,
        },
        settings: Settings { seed, ..Settings::default() },
        checkpoints: (1..=n as u64).map(|at| Checkpoint { step: 500 * at, tokens: None }).collect(),
        domains: Vec::new(),
        courses: Vec::new(),
        exchange: Vec::new(),
        claims: Vec::new(),
        notes: Vec::new(),
    };
    for index in 0..domains {
        let name = format!("domain {index}");
        let (distance, accuracy) = kind.draw(n, random);
        for (metric, tau, values) in [("distance", Some(0.7), distance), ("accuracy", None, accuracy)] {
            report.courses.push(Course {
                metric: metric.to_owned(),
                domain: name.clone(),
                group: Group::All,
                tau,
                values: values.into_iter().map(Some).collect(),
                ..Course::default()
            });
        }
        report.domains.push(Domain { name, ..Domain::default() });
    }
    report
}
