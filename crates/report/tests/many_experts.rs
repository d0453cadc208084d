//! Traces of very many experts: memory stays in proportion to the files, and the limit is named
//! with its number.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test fails by it")]

mod support;

use std::rc::Rc;

use futures::executor::block_on;
use report::{Group, Settings};
use trace::{GateDtype, GateKind, MemorySource, RouterTrace, SampleMeta, TopK, write_trace};

/// Gates of two samples in one layer, with the experts of four tokens each. Pathways have most of
/// the experts, or few where gates are steep.
fn file(step: u64, experts: usize, steep: bool) -> (String, Vec<u8>) {
    let gates = (0..2 * experts).map(|at| {
        let (sample, expert) = (at / experts, at % experts);
        let even = 1.0 + ((expert * 31 + sample * 17 + step as usize * 7) % 97) as f32;
        if steep { even / ((1 + expert) as f32).powi(2) } else { even }
    });
    let gates: Vec<f32> = gates.collect();
    let gates = gates.chunks(experts).flat_map(|row| {
        let sum: f64 = row.iter().map(|&gate| f64::from(gate)).sum();
        row.iter().map(move |&gate| (f64::from(gate) / sum) as f32)
    });
    let ids = (0..16_u16).map(|at| at * 1000 % (experts - 1) as u16).collect();
    let sample = |id: &str| SampleMeta { id: id.to_owned(), domain: "d".to_owned() };
    let trace = RouterTrace {
        model: None,
        step: Some(step),
        tokens: None,
        samples: Some(vec![sample("a"), sample("b")]),
        layers: 1,
        experts,
        gate_kind: GateKind::SoftmaxMean,
        gates: gates.collect(),
        loss: None,
        n_tokens: Some(vec![4, 4]),
        router: None,
        topk: Some(TopK { k: 2, layers: 1, ids, offsets: vec![0, 4, 8] }),
        topk_ordered: true,
    };
    (format!("step-{step}.safetensors"), write_trace(&trace, GateDtype::F32).unwrap())
}

/// The most memory that this process has had, in KiB.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

// One test, because the peak is that of the process.
#[test]
fn memory_is_in_proportion_to_the_files() {
    let files: Vec<_> = (1..4).map(|step| file(step * 100, 20_000, false)).collect();
    let bytes: usize = files.iter().map(|(_, bytes)| bytes.len()).sum();
    assert!((480_000..500_000).contains(&bytes), "{bytes}");
    let before = peak();
    let report = support::analyse(&files, &Settings::default());
    let grown = peak() - before;
    // A matrix of all pairs of experts would take 3,125,000 KiB.
    assert!(grown < 60_000, "{grown} KiB for {bytes} bytes");
    let dimension = report.course("d", "effective_dimension", Group::All).unwrap();
    for value in &dimension.values {
        assert!((1.0..2.0).contains(&value.unwrap()), "{dimension:?}");
    }
    assert!(report.course("d", "distance", Group::All).unwrap().values.iter().all(Option::is_some));

    // The largest number, and one more.
    let files: Vec<_> = (1..4).map(|step| file(step * 100, 65_535, true)).collect();
    let report = support::analyse(&files, &Settings::default());
    assert_eq!(report.run.experts, 65_535);
    assert!(report.course("d", "distance", Group::All).unwrap().values.iter().all(Option::is_some));
    let header = r#"{"gates":{"dtype":"F32","shape":[1,1,65536],"data_offsets":[0,262144]}}"#;
    let bytes = [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), &[0; 262_144]].concat();
    let source = Rc::new(MemorySource::new("step-1.safetensors", bytes));
    let error = block_on(trace::open(source)).unwrap_err().to_string();
    assert!(error.contains("65535 experts") && error.contains("16 bits"), "{error}");
}
