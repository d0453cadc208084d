//! Reports with the figures that are simulated and nothing else.

use report::{
    Checkpoint, Claim, ClaimKind, Course, Domain, FORMAT, GateKind, Group, Memorization, Report, Run,
    Settings, VERSION,
};

/// A report of `n` checkpoints without domains.
pub fn report(n: usize, seed: u64) -> Report {
    Report {
        format: FORMAT.to_owned(),
        version: VERSION,
        made_by: "calibration".to_owned(),
        title: String::new(),
        rounded_to_bits: None,
        shortened: None,
        run: Run {
            model: None,
            samples: 0,
            items: 0,
            layers: 16,
            experts: 64,
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
    }
}

/// A domain without results.
pub fn domain(name: &str, n: usize) -> Domain {
    Domain {
        name: name.to_owned(),
        samples: 0,
        items: 0,
        memorization: Memorization {
            eps: None,
            eps_set_by_user: false,
            t_star: vec![0; n],
            memorized: 0,
            never: 0,
            causal_eps: None,
            causal: report::CausalSteps::default(),
            fallen: 0,
        },
        generalization: None,
        states: Vec::new(),
        expert_selections: Vec::new(),
        coactivation: Vec::new(),
        delays: None,
        correlations: Vec::new(),
        clock: None,
        changes: Vec::new(),
    }
}

/// A course of all samples of a domain.
pub fn course(metric: &str, domain: &str, values: Vec<f64>) -> Course {
    Course {
        metric: metric.to_owned(),
        domain: domain.to_owned(),
        group: Group::All,
        tau: metric.starts_with("distance").then_some(0.7),
        values: values.into_iter().map(Some).collect(),
        ..Course::default()
    }
}

/// Whether a claim of that kind holds, about the metric if it has one.
pub fn holds(report: &Report, kind: ClaimKind, metric: &str) -> bool {
    let about =
        |claim: &Claim| claim.kind == kind && claim.metric.as_deref().is_none_or(|found| found == metric);
    report::claims(report).iter().any(|claim| about(claim) && claim.holds == Some(true))
}
