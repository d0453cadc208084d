//! How long the gates of 10,000 samples take, 16 layers of 64 experts: read, widened, checked. `cargo bench -p trace`.

use std::{hint::black_box, rc::Rc, time::Instant};

use futures::executor::block_on;
use trace::{
    FileSource, GateDtype, GateKind, MemorySource, Recognised, RouterTrace, Source, TopK, write_trace,
};

const SAMPLES: usize = 10_000;
const LAYERS: usize = 16;
const EXPERTS: usize = 64;
const TOKENS: usize = 16;
const K: usize = 8;

fn example() -> RouterTrace {
    let mut state = 1_u32;
    let mut gates = Vec::with_capacity(SAMPLES * LAYERS * EXPERTS);
    for _ in 0..SAMPLES * LAYERS {
        let row: Vec<f64> = (0..EXPERTS)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                f64::from(state >> 8) + 1.0
            })
            .collect();
        let sum: f64 = row.iter().sum();
        gates.extend(row.iter().map(|weight| (weight / sum) as f32));
    }
    let tokens = SAMPLES * TOKENS;
    let ids = (0..tokens * LAYERS)
        .flat_map(|row| (0..K).map(move |rank| ((row * 7 + rank * 3) % EXPERTS) as u16))
        .collect();
    RouterTrace {
        model: None,
        step: Some(1),
        tokens: None,
        samples: None,
        layers: LAYERS,
        experts: EXPERTS,
        gate_kind: GateKind::SoftmaxMean,
        gates,
        loss: None,
        n_tokens: None,
        router: None,
        topk: Some(TopK { k: K, layers: LAYERS, ids, offsets: (0..=SAMPLES).map(|i| i * TOKENS).collect() }),
        topk_ordered: true,
    }
}

/// The best of ten, in milliseconds.
fn best(mut work: impl FnMut()) -> f64 {
    let mut best = f64::INFINITY;
    for _ in 0..10 {
        let start = Instant::now();
        work();
        best = best.min(start.elapsed().as_secs_f64() * 1e3);
    }
    best
}

fn report(what: &str, bytes: usize, source: &Source) {
    let Ok(opened) = block_on(trace::open(Rc::clone(source))) else { return };
    let Recognised::Trace(trace) = opened.what else { return };
    let gates = best(|| drop(black_box(block_on(trace.gates(0..SAMPLES)))));
    let topk = best(|| drop(black_box(block_on(trace.topk(0..SAMPLES)))));
    println!(
        "{what}: {:.1} MB of gates in {gates:.1} ms; {} selections in {topk:.1} ms",
        bytes as f64 / 1e6,
        SAMPLES * TOKENS * LAYERS * K
    );
}

fn main() {
    let example = example();
    let values = SAMPLES * LAYERS * EXPERTS;
    for (name, dtype, size) in [("f16", GateDtype::F16, 2), ("f32", GateDtype::F32, 4)] {
        let Ok(bytes) = write_trace(&example, dtype) else { return };
        let path = std::env::temp_dir().join(format!("grokscope-bench-{name}.safetensors"));
        if std::fs::write(&path, &bytes).is_ok()
            && let Ok(source) = FileSource::open(&path)
        {
            report(&format!("{name}, from disk"), values * size, &(Rc::new(source) as Source));
        }
        std::fs::remove_file(&path).ok();
        report(
            &format!("{name}, from memory"),
            values * size,
            &(Rc::new(MemorySource::new(name, bytes)) as Source),
        );
    }
}
