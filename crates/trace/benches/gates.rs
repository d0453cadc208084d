//! Measures how fast gates of binary traces are read, compared with reading only their bytes. The
//! files of some hundred megabytes are in the disk cache. `cargo bench -p trace --bench gates`;
//! with a folder as argument (`-- FOLDER`) the files are written there for `tests/e2e/reading.mjs`,
//! and nothing is measured.

use std::{error::Error, fs, hint::black_box, path::Path, rc::Rc, time::Instant};

use futures::executor::block_on;
use half::{bf16, f16};
use trace::{ByteSource as _, FileKind, FileSource, Source};

const SAMPLES: usize = 100_000;
const LAYERS: usize = 16;
const EXPERTS: usize = 64;

/// Samples per read of gates: 4 MiB of f32, half as many as in an analysis.
const AT_ONCE: usize = 1024;

/// Bytes per read if only bytes are read.
const PIECE: usize = 4 << 20;

/// Makes a file.
type Make = fn() -> Vec<u8>;

/// Number of measurements per file, of which the fastest counts.
const TIMES: usize = 5;

/// The type of written numbers.
#[derive(Clone, Copy)]
enum Form {
    F32,
    F16,
    Bf16,
}

impl Form {
    fn name(self) -> &'static str {
        match self {
            Self::F32 => "F32",
            Self::F16 => "F16",
            Self::Bf16 => "BF16",
        }
    }

    fn write(self, value: f32, to: &mut Vec<u8>) {
        match self {
            Self::F32 => to.extend(value.to_le_bytes()),
            Self::F16 => to.extend(f16::from_f32(value).to_le_bytes()),
            Self::Bf16 => to.extend(bf16::from_f32(value).to_le_bytes()),
        }
    }
}

/// Deterministic numbers in (0, 1).
fn numbers(count: usize) -> impl Iterator<Item = f32> {
    let mut state = 1_u32;
    (0..count).map(move |_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        ((state >> 8) as f32 + 1.0) / 16_777_218.0
    })
}

/// A safetensors file of tensors of one type.
fn safetensors(form: Form, metadata: &str, tensors: &[(String, Vec<usize>, Vec<f32>)]) -> Vec<u8> {
    let mut data = Vec::new();
    let mut header = format!("{{\"__metadata__\":{metadata}");
    for (name, shape, values) in tensors {
        let start = data.len();
        for &value in values {
            form.write(value, &mut data);
        }
        header += &format!(
            ",\"{name}\":{{\"dtype\":\"{}\",\"shape\":{shape:?},\"data_offsets\":[{start},{}]}}",
            form.name(),
            data.len()
        );
    }
    header.push('}');
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend(header.as_bytes());
    bytes.extend(data);
    bytes
}

/// Grokscope's trace file, which has gates.
fn own(form: Form) -> Vec<u8> {
    let gates = numbers(SAMPLES * LAYERS * EXPERTS).collect::<Vec<_>>();
    let gates = gates
        .chunks_exact(EXPERTS)
        .flat_map(|row| {
            let sum: f32 = row.iter().sum();
            row.iter().map(move |value| value / sum)
        })
        .collect();
    let samples: Vec<String> = (0..SAMPLES).map(|at| format!("{{\\\"id\\\":\\\"s{at}\\\"}}")).collect();
    let metadata = format!(
        "{{\"format\":\"grokscope.trace\",\"version\":\"1\",\"step\":\"1\",\"gate_kind\":\"softmax-mean\",\"samples\":\"[{}]\"}}",
        samples.join(",")
    );
    safetensors(form, &metadata, &[("gates".to_owned(), vec![SAMPLES, LAYERS, EXPERTS], gates)])
}

/// A dump of router logits, which need a softmax per token, in samples of 512 tokens.
fn logits(form: Form) -> Vec<u8> {
    let tokens = SAMPLES;
    let layers: Vec<_> = (0..LAYERS)
        .map(|layer| {
            let values = numbers(tokens * EXPERTS).map(|value| value * 8.0 - 4.0).collect();
            (format!("router_logits.{layer}"), vec![tokens, EXPERTS], values)
        })
        .collect();
    safetensors(form, "{\"step\":\"1\",\"batch_size\":\"1\"}", &layers)
}

fn best(mut work: impl FnMut() -> Result<(), Box<dyn Error>>) -> Result<f64, Box<dyn Error>> {
    let mut best = f64::INFINITY;
    for _ in 0..TIMES {
        let start = Instant::now();
        work()?;
        best = best.min(start.elapsed().as_secs_f64());
    }
    Ok(best)
}

fn opened(path: &Path) -> Result<Source, Box<dyn Error>> {
    Ok(Rc::new(FileSource::open(path)?))
}

fn measure(what: &str, path: &Path) -> Result<(), Box<dyn Error>> {
    let len = fs::metadata(path)?.len();
    let reading = best(|| {
        let source = FileSource::open(path)?;
        let mut at = 0;
        while at < len {
            let piece = PIECE.min((len - at) as usize);
            black_box(block_on(source.read(at, piece))?);
            at += piece as u64;
        }
        Ok(())
    })?;
    let parsing = best(|| {
        let found = block_on(trace::open(opened(path)?))?;
        let FileKind::Trace(trace) = found.what else {
            return Err(format!("{what}: not recognised").into());
        };
        let samples = trace.info.samples.len();
        for first in (0..samples).step_by(AT_ONCE) {
            black_box(block_on(trace.gates(first..samples.min(first + AT_ONCE)))?);
        }
        Ok(())
    })?;
    let rate = |seconds: f64| len as f64 / seconds / 1e6;
    println!(
        "| {what} | {:.0} | {:.0} | {:.0} | {:.0} % |",
        len as f64 / 1e6,
        rate(reading),
        rate(parsing),
        100.0 * reading / parsing
    );
    Ok(())
}

const FILES: [(&str, Make); 4] = [
    ("Grokscope's own, f16", || own(Form::F16)),
    ("Grokscope's own, f32", || own(Form::F32)),
    ("router logits, bf16, softmax of every token", || logits(Form::Bf16)),
    ("router logits, f32, softmax of every token", || logits(Form::F32)),
];

fn main() -> Result<(), Box<dyn Error>> {
    // Cargo adds `--bench`.
    if let Some(folder) = std::env::args().skip(1).find(|argument| !argument.starts_with('-')) {
        fs::create_dir_all(&folder)?;
        for (what, make) in FILES {
            fs::write(Path::new(&folder).join(what), make())?;
        }
        return Ok(());
    }
    println!(
        "| binary file | MB | reading its bytes, MB/s | reading and parsing, MB/s | share of reading |\n|---|---|---|---|---|"
    );
    let folder = std::env::temp_dir().join(format!("grokscope-bench-{}", std::process::id()));
    fs::create_dir_all(&folder)?;
    let path = folder.join("step-1.safetensors");
    for (what, make) in FILES {
        fs::write(&path, make())?;
        measure(what, &path)?;
    }
    fs::remove_dir_all(&folder)?;
    Ok(())
}
