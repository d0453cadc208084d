//! How often the tests of docs/metrics.md#does-it-follow-accuracy reject chance, computed by the
//! functions that make reports.

use report::{
    Checkpoint, Course, Domain, FORMAT, GateKind, Group, Report, Run, Settings, VERSION,
    derive::{self, CheckpointPermutations, LEVEL},
};

use super::courses::{Kind, Random};

/// Shares of simulated runs in which each test rejects chance.
#[derive(Clone, Copy, Debug, Default)]
pub struct Rates {
    /// Test A.
    pub increments: f64,
    /// Test A'.
    pub given_clock: f64,
    /// The rule: expected sign, and both tests.
    pub follows: f64,
    /// Test B, with as many domains as were simulated.
    pub exchanged: f64,
}

/// Simulates runs of `domains` domains with `n` checkpoints each. Every domain is one pair for the
/// tests of increments, every run one for test B.
pub fn rates(kind: Kind, n: usize, domains: usize, runs: usize) -> Rates {
    let mut random = Random::new((n as u64) << 8 | kind as u64);
    let (mut increments, mut given_clock, mut follows, mut exchanged) = (0, 0, 0, 0);
    for run in 0..runs {
        let report = simulated(kind, n, domains, run as u64, &mut random);
        for domain in &report.domains {
            for found in derive::correlations(&report, &domain.name, CheckpointPermutations::Skipped) {
                increments += usize::from(found.increments_p.is_some_and(|p| p < LEVEL));
                given_clock += usize::from(found.increments_clock_p.is_some_and(|p| p < LEVEL));
                follows += usize::from(derive::follows(&found) == Some(true));
            }
        }
        let found = derive::exchange(&report);
        exchanged += usize::from(found.iter().any(|found| found.p.is_some_and(|p| p < LEVEL)));
    }
    let of_pairs = |count: usize| count as f64 / (runs * domains) as f64;
    Rates {
        increments: of_pairs(increments),
        given_clock: of_pairs(given_clock),
        follows: of_pairs(follows),
        exchanged: exchanged as f64 / runs as f64,
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
