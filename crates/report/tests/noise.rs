//! Runs of pure noise, through the whole analysis: gates, routers and answers are drawn anew at every
//! checkpoint. Nothing is claimed of them.

#![cfg(not(target_arch = "wasm32"))]
#![expect(clippy::unwrap_used, reason = "a test may fail where it stands")]

mod support;

use pathway::Rng;
use report::{Claim, ClaimKind, PairBudget, Report, Settings};
use support::analyse;
use trace::{GateDtype, GateKind, Router, RouterTrace, SampleMeta};

const DOMAINS: [&str; 4] = ["a", "b", "c", "d"];
const SAMPLES: usize = 24;
const ITEMS: usize = 30;
const CHECKPOINTS: u64 = 12;
const LAYERS: usize = 3;
const EXPERTS: usize = 6;
const WIDTH: usize = 4;

/// A number in `[0, 1)`.
fn unit(rng: &mut Rng) -> f64 {
    (rng.next_u64() >> 11) as f64 / 9_007_199_254_740_992.0
}

/// Gates of a layer: independent exponential numbers over their sum.
fn gates(rng: &mut Rng) -> Vec<f32> {
    let draws: Vec<f64> = (0..EXPERTS).map(|_| -libm::log(1.0 - unit(rng))).collect();
    let sum: f64 = draws.iter().sum();
    draws.iter().map(|draw| (draw / sum) as f32).collect()
}

/// A run whose losses settle at once, so that groups are memorized, and whose gates, routers and
/// answers are noise.
fn noise(seed: u64) -> Report {
    let mut rng = Rng::new(seed);
    let names: Vec<SampleMeta> = DOMAINS
        .iter()
        .flat_map(|domain| {
            (0..SAMPLES)
                .map(move |at| SampleMeta { id: format!("{domain}{at}"), domain: (*domain).to_owned() })
        })
        .collect();
    let settled: Vec<u64> = names.iter().map(|_| 1 + rng.below_u64(5)).collect();
    let mut files: Vec<(String, Vec<u8>)> = Vec::new();
    for at in 0..CHECKPOINTS {
        let mut layers = |_: &SampleMeta| (0..LAYERS).flat_map(|_| gates(&mut rng)).collect::<Vec<f32>>();
        let gates: Vec<f32> = names.iter().flat_map(&mut layers).collect();
        let values = (0..LAYERS * EXPERTS * WIDTH).map(|_| unit(&mut rng) as f32).collect();
        let trace = RouterTrace {
            model: None,
            step: Some(100 * at),
            tokens: None,
            samples: Some(names.clone()),
            layers: LAYERS,
            experts: EXPERTS,
            gate_kind: GateKind::SoftmaxMean,
            gates,
            loss: Some(settled.iter().map(|&from| if at < from { 3.0 } else { 0.2 }).collect()),
            n_tokens: None,
            router: Some(Router::Weights { layers: LAYERS, experts: EXPERTS, width: WIDTH, values }),
            topk: None,
            topk_ordered: false,
        };
        files.push((format!("step-{at}.safetensors"), trace::write_trace(&trace, GateDtype::F32).unwrap()));
    }
    let steps: Vec<u64> = (0..CHECKPOINTS).map(|at| 100 * at).collect();
    let items: Vec<serde_json::Value> = DOMAINS
        .iter()
        .flat_map(|domain| (0..ITEMS).map(move |at| (domain, format!("{domain}-item-{at}"))))
        .map(|(domain, id)| {
            let correct: Vec<u64> = steps.iter().map(|_| rng.below_u64(2)).collect();
            serde_json::json!({ "id": id, "domain": domain, "correct": correct })
        })
        .collect();
    let results = serde_json::json!({ "steps": steps, "items": items });
    files.push(("run.json".to_owned(), results.to_string().into_bytes()));
    analyse(&files, &Settings { pairs: PairBudget::Exact, seed, ..Settings::default() })
}

/// Claims of this kind about this metric that hold, and those that are decided.
fn count(reports: &[Report], kind: ClaimKind, metric: &str) -> (usize, usize) {
    let claims = reports.iter().flat_map(|report| &report.claims);
    let of_kind: Vec<&Claim> =
        claims.filter(|claim| claim.kind == kind && claim.metric.as_deref() == Some(metric)).collect();
    let having = |holds: bool| of_kind.iter().filter(|claim| claim.holds == Some(holds)).count();
    (having(true), having(true) + having(false))
}

#[test]
fn nothing_is_claimed_of_noise() {
    let reports: Vec<Report> = (1..=8).map(noise).collect();
    for report in &reports {
        for domain in &report.domains {
            let memorized = report.memorized(domain);
            assert!(memorized >= SAMPLES / 2, "{memorized} samples of {} are memorized", domain.name);
        }
    }
    // Each test may err in 5 % of cases, as its level says; of these runs none does.
    let decided = [
        (ClaimKind::Follows, "distance", 32),
        (ClaimKind::Exchanged, "distance", 8),
        (ClaimKind::Falls, "distance", 32),
        (ClaimKind::Rises, "distance", 32),
        (ClaimKind::Falls, "accuracy", 32),
        (ClaimKind::Rises, "accuracy", 32),
        (ClaimKind::SignDependsOnStart, "distance", 32),
    ];
    for (kind, metric, expected) in decided {
        assert_eq!(count(&reports, kind, metric), (0, expected), "{kind:?} of {metric}");
    }
    let consistency = count(&reports, ClaimKind::Follows, "consistency");
    assert_eq!(consistency.0, 0, "consistency follows accuracy");
}
