//! Times the computations per sample and checkpoint at the size of one domain of the paper: 10,000
//! samples, 16 layers of 64 experts.
//!
//! `cargo run --release --package pathway --example speed`

use std::hint::black_box;
use std::time::Instant;

use pathway::{Ranking, RouterGram, Spectrum};

const SAMPLES: usize = 10_000;
const LAYERS: usize = 16;
const EXPERTS: usize = 64;
const WIDTH: usize = 2048;
const SIZE: usize = LAYERS * EXPERTS;

fn time<T>(what: &str, f: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let result = black_box(f());
    println!("{:>8.1} ms  {what}", start.elapsed().as_secs_f64() * 1e3);
    result
}

fn main() -> Result<(), pathway::Error> {
    let mut state = 1_u32;
    let mut number = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 12) as f32 / (1 << 20) as f32
    };
    let mut gates: Vec<f32> = (0..SAMPLES * SIZE).map(|_| libm::expf(number() * 4.0)).collect();
    for row in gates.chunks_exact_mut(EXPERTS) {
        let sum: f32 = row.iter().sum();
        for gate in row {
            *gate /= sum;
        }
    }
    let weights: Vec<f32> = (0..LAYERS * EXPERTS * WIDTH).map(|_| number() - 0.5).collect();

    let ranking = time("ranking at four thresholds", || -> Result<Ranking, pathway::Error> {
        let mut ranking = Ranking::new(LAYERS, EXPERTS, &[0.5, 0.6, 0.7, 0.8])?;
        for gates in gates.chunks_exact(SIZE) {
            ranking.push_sample(gates)?;
        }
        Ok(ranking)
    })?;
    let samples: Vec<u32> = (0..SAMPLES as u32).collect();
    time("pathways as symbols", || ranking.symbols(2, &samples));
    time("pathways as characters", || ranking.characters(2, &samples));
    time("null pathways as symbols", || pathway::null_symbols(&ranking, 2, &samples, 1));
    let gram = time("Gram blocks of a router of width 2048", || {
        RouterGram::from_weights(LAYERS, EXPERTS, WIDTH, &weights)
    })?;
    let consistency = time("consistency", || -> Result<Vec<_>, pathway::Error> {
        gates.chunks_exact(SIZE).map(|gates| pathway::sample_consistency(gates, &gram)).collect()
    })?;
    time("consistency, summary", || pathway::summarise_consistency(&consistency));
    let spectrum = time("second moments", || -> Result<Spectrum, pathway::Error> {
        let mut spectrum = Spectrum::new(LAYERS, EXPERTS)?;
        for gates in gates.chunks_exact(SIZE) {
            spectrum.push_sample(gates)?;
        }
        Ok(spectrum)
    })?;
    time("effective dimension from them", || spectrum.d_eff(0.01));
    time("entropy by layer", || {
        let mut entropies = Vec::new();
        for gates in gates.chunks_exact(SIZE) {
            pathway::entropy_by_layer(gates, EXPERTS, &mut entropies);
        }
        entropies
    });
    let pairs = time("100,000 pairs drawn", || pathway::sample_pairs(SAMPLES, 100_000, 1));
    let distances: Vec<u32> = pairs.iter().map(|&(i, j)| 400 + (i ^ j) % 200).collect();
    let lengths = vec![600; SAMPLES];
    time("statistics of their distances", || pathway::group_distance(SAMPLES, &pairs, &distances, &lengths))?;
    for n in [9, 33] {
        let course: Vec<Option<f64>> = (0..n).map(|i| Some(f64::from(i * i % 11))).collect();
        let accuracy: Vec<Option<f64>> = (0..n).map(|i| Some(f64::from(i))).collect();
        time(&format!("both correlations at {n} checkpoints"), || {
            pathway::correlate_all(&[&course], &accuracy, pathway::RANDOM_ORDERS, 1)
        });
    }
    Ok(())
}
