//! Writes traces of a synthetic run of any size.
//!
//! Early gates are flat and specific to a sample, late ones sharp and shared within a domain, so that pathways have the
//! lengths and distances of real runs.

use std::{
    fs::{self, File},
    io::{BufWriter, Write as _},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};
use half::f16;
use serde_json::json;

/// The dimensions of a run.
pub struct Shape {
    /// Samples, assigned to the domains in turn.
    pub samples: usize,
    /// Checkpoints, 1,000 steps apart.
    pub checkpoints: usize,
    /// Layers.
    pub layers: usize,
    /// Experts per layer.
    pub experts: usize,
}

const DOMAINS: [&str; 4] = ["math", "code", "law", "prose"];

/// Writes the traces of the run, unless they are there, and returns their paths.
///
/// # Errors
/// If a file cannot be written.
pub fn traces(folder: &Path, shape: &Shape) -> Result<Vec<PathBuf>> {
    fs::create_dir_all(folder).with_context(|| format!("{} cannot be created", folder.display()))?;
    let files: Vec<PathBuf> = (1..=shape.checkpoints)
        .map(|number| folder.join(format!("step-{}.safetensors", number * 1000)))
        .collect();
    for (place, path) in files.iter().enumerate() {
        if !path.is_file() {
            // Under another name first, so that an interrupted one is written again.
            let partial = path.with_extension("partial");
            write(&partial, shape, place)
                .with_context(|| format!("{} cannot be written", partial.display()))?;
            fs::rename(&partial, path)?;
        }
    }
    Ok(files)
}

fn write(path: &Path, shape: &Shape, place: usize) -> Result<()> {
    let &Shape { samples, checkpoints, layers, experts } = shape;
    let gates = samples * layers * experts * 2;
    let labels: Vec<_> = (0..samples)
        .map(|index| json!({ "id": format!("s{index}"), "domain": DOMAINS[index % 4] }))
        .collect();
    let header = json!({
        "__metadata__": {
            "format": "grokscope.trace", "version": "1", "gate_kind": "softmax-mean", "model": "synthetic",
            "step": ((place + 1) * 1000).to_string(), "samples": serde_json::Value::from(labels).to_string(),
        },
        "gates": { "dtype": "F16", "shape": [samples, layers, experts], "data_offsets": [0, gates] },
        "loss": { "dtype": "F32", "shape": [samples], "data_offsets": [gates, gates + samples * 4] },
    });
    let header = header.to_string();
    let mut out = BufWriter::new(File::create(path)?);
    out.write_all(&(header.len() as u64).to_le_bytes())?;
    out.write_all(header.as_bytes())?;

    let late = (place + 1) as f64 / checkpoints as f64;
    let mut row = vec![0.0; experts];
    for sample in 0..samples {
        for layer in 0..layers {
            for (expert, weight) in row.iter_mut().enumerate() {
                let shared = uniform(&[1, (sample % 4) as u64, layer as u64, expert as u64]);
                let own = uniform(&[2, sample as u64, layer as u64, expert as u64]);
                let mixed = late * shared + (1.0 - late) * own;
                let jitter = uniform(&[3, sample as u64, layer as u64, expert as u64, place as u64]);
                // The higher the power, the sharper the gates.
                let sharp = if late < 0.5 { power4(mixed) } else { power4(mixed) * power4(mixed) };
                *weight = sharp * (0.5 + jitter);
            }
            let sum: f64 = row.iter().sum();
            for weight in &row {
                out.write_all(&f16::from_f64(weight / sum).to_le_bytes())?;
            }
        }
    }
    for sample in 0..samples {
        // Samples are memorized at different times: the loss falls to its floor at one of the checkpoints.
        let onset = uniform(&[4, sample as u64]);
        let loss = if late > onset { 0.3 } else { 2.5 } + 0.2 * uniform(&[5, sample as u64, place as u64]);
        out.write_all(&(loss as f32).to_le_bytes())?;
    }
    out.flush()?;
    Ok(())
}

fn power4(value: f64) -> f64 {
    value * value * value * value
}

/// A pseudorandom number in [0, 1), determined by these numbers (the mixing function of `SplitMix64`).
fn uniform(of: &[u64]) -> f64 {
    let mut state = 0_u64;
    for &part in of {
        state = mix(state ^ part);
    }
    (state >> 11) as f64 / (1_u64 << 53) as f64
}

fn mix(state: u64) -> u64 {
    let state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let state = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let state = (state ^ (state >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    state ^ (state >> 31)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{Shape, traces, uniform};

    #[test]
    fn files_have_the_bytes_that_their_headers_name() {
        let folder = std::env::temp_dir().join(format!("grokscope-generate-{}", std::process::id()));
        let files = traces(&folder, &Shape { samples: 5, checkpoints: 2, layers: 3, experts: 8 }).unwrap();
        assert_eq!(files.len(), 2);
        for file in &files {
            let bytes = fs::read(file).unwrap();
            let header = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
            let parsed: serde_json::Value = serde_json::from_slice(&bytes[8..8 + header]).unwrap();
            assert_eq!(parsed["loss"]["data_offsets"][1], bytes.len() - 8 - header);
        }
        fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn numbers_are_spread_and_stay() {
        let mean = (0..1000).map(|index| uniform(&[9, index])).sum::<f64>() / 1000.0;
        assert!((mean - 0.5).abs() < 0.05, "{mean}");
        assert_eq!(uniform(&[1, 2]).to_bits(), uniform(&[1, 2]).to_bits());
    }
}
