//! Running checkpoints: tokens per second compared with transformers, in the page and on the command line; and the full
//! geometry of OLMoE-1B-7B compared with only reading its files.

use std::{
    fs::{self, File},
    io::Read as _,
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use super::{
    model::{self, Geometry, OLMOE_1B_7B, QUARTER},
    python,
    run::{cli, peak_memory},
};
use crate::{
    chromium::Chromium,
    page::{self, Profile},
    project::Project,
    server::{Server, Site},
    shell,
    tools::npm_ci,
};

/// Samples of the comparison, and tokens per sample.
const COMPARED: (usize, usize) = (8, 512);

/// Samples for the full geometry, and tokens per sample.
const WHOLE: (usize, usize) = (4, 128);

/// The same for one layer of it in the page.
const ONE_LAYER: (usize, usize) = (4, 128);

/// Runs all measurements.
///
/// # Errors
/// If a program is missing or fails.
pub fn measure(project: &Project) -> Result<String> {
    let cli = cli(project)?;
    let threads = thread::available_parallelism()?.get();
    let mut text = compare(project, &cli, threads)?;
    text.push_str("\n\n");
    text.push_str(&whole(project, &cli)?);
    Ok(text)
}

/// Writes a checkpoint and samples into a folder; returns it and the bytes of the checkpoint.
fn prepare(
    project: &Project,
    name: &str,
    geometry: &Geometry,
    (count, tokens): (usize, usize),
) -> Result<(PathBuf, u64)> {
    let folder = project.target.join("bench").join(name);
    let bytes = model::checkpoint(&folder.join("step1000"), geometry)?;
    model::samples(&folder.join("samples.jsonl"), count, tokens, geometry.vocabulary)?;
    Ok((folder, bytes))
}

fn compare(project: &Project, cli: &Path, threads: usize) -> Result<String> {
    let (folder, bytes) = prepare(project, "quarter", &QUARTER, COMPARED)?;
    let tokens = COMPARED.0 * COMPARED.1;
    let best = (0..2).map(|_| native(cli, &folder)).collect::<Result<Vec<_>>>()?;
    let seconds = best.iter().map(|(seconds, _)| *seconds).fold(f64::INFINITY, f64::min);
    let single = {
        let mut command = trace(cli, &folder);
        command.env("RAYON_NUM_THREADS", "1");
        measure_process(command)?.0
    };
    let page = in_page(project, &folder, "cpu")?;
    let page_seconds = page["seconds"].as_f64().context("engine.mjs printed no seconds")?;
    let mut rows = vec![
        ("`grokscope trace`, whole process, including reading".to_owned(), seconds),
        ("the same on one thread".to_owned(), single),
        ("the page in Chromium on the CPU (simd128, one thread), including reading".to_owned(), page_seconds),
    ];
    let python = python::prepare(project)?;
    if python::with(&python, "transformers, torch, safetensors", &["torch", "transformers", "safetensors"]) {
        for threads in [threads, 1] {
            let peer = peer(project, &python, &folder, threads)?;
            let versions = peer["versions"].as_str().unwrap_or("transformers");
            let seconds = peer["seconds"].as_f64().context("transformers_peer.py printed no seconds")?;
            rows.push((format!("{versions}, float32, {threads} threads, forward pass alone"), seconds));
        }
    } else {
        println!("transformers could not be installed: not compared");
    }
    let lines = rows
        .iter()
        .map(|(what, seconds)| format!("| {what} | {seconds:.2} | {:.0} |", tokens as f64 / seconds));
    Ok(format!(
        "16 layers, hidden 512, 64 experts of inner width 256, top 8, vocabulary 50,304, random bf16 weights ({} MB), {} \
         samples of {} tokens:\n\n| | seconds | tokens per second |\n|---|---|---|\n{}",
        bytes / 1_000_000,
        COMPARED.0,
        COMPARED.1,
        lines.collect::<Vec<_>>().join("\n")
    ))
}

fn whole(project: &Project, cli: &Path) -> Result<String> {
    let (folder, bytes) = prepare(project, "olmoe-1b-7b", &OLMOE_1B_7B, WHOLE)?;
    let reading = read_all(&folder.join("step1000"))?;
    let (seconds, peak) = native(cli, &folder)?;
    let again = read_all(&folder.join("step1000"))?;
    let layer = Geometry { layers: 1, vocabulary: 8192, ..OLMOE_1B_7B };
    let (one, one_bytes) = prepare(project, "olmoe-1b-7b-layer", &layer, ONE_LAYER)?;
    let page = in_page(project, &one, "cpu")?;
    let gib = |bytes: Option<u64>| {
        bytes.map_or_else(|| "unknown".to_owned(), |b| format!("{:.2} GiB", b as f64 / f64::from(1 << 30)))
    };
    Ok(format!(
        "A model with the shapes of OLMoE-1B-7B-0924, random bf16 weights, {:.2} GB in shards, {} samples of {} tokens:\n\n\
         | | seconds | peak memory |\n|---|---|---|\n\
         | reading its files sequentially, before and after | {reading:.1}, {again:.1} | |\n\
         | `grokscope trace`, whole process | {seconds:.1} | {} |\n\
         | one layer of it ({} MB, vocabulary 8,192), {} tokens, in the page on the CPU | {:.1} | {} in its process |",
        bytes as f64 / 1e9,
        WHOLE.0,
        WHOLE.1,
        gib(peak),
        one_bytes / 1_000_000,
        ONE_LAYER.0 * ONE_LAYER.1,
        page["seconds"].as_f64().context("engine.mjs printed no seconds")?,
        gib(page["memory"].as_u64()),
    ))
}

/// Seconds to read every file in order.
fn read_all(folder: &Path) -> Result<f64> {
    let start = Instant::now();
    let mut buffer = vec![0; 8 << 20];
    for entry in fs::read_dir(folder)? {
        let mut file = File::open(entry?.path())?;
        while file.read(&mut buffer)? > 0 {}
    }
    Ok(start.elapsed().as_secs_f64())
}

fn trace(cli: &Path, folder: &Path) -> Command {
    let mut command = Command::new(cli);
    command.arg("trace").arg("--checkpoint").arg(folder.join("step1000"));
    command.arg("--samples").arg(folder.join("samples.jsonl")).arg("-o").arg(folder.with_extension("traces"));
    command
}

fn native(cli: &Path, folder: &Path) -> Result<(f64, Option<u64>)> {
    measure_process(trace(cli, folder))
}

/// Runs a program; returns its seconds and peak memory.
fn measure_process(mut command: Command) -> Result<(f64, Option<u64>)> {
    let start = Instant::now();
    let mut child = command.spawn().context("grokscope could not be started")?;
    let mut peak = None;
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        // The system keeps the maximum, so the last reading before the end is close enough.
        peak = peak_memory(child.id()).or(peak);
        thread::sleep(Duration::from_millis(5));
    };
    ensure!(status.success(), "grokscope trace ended with {status}");
    Ok((start.elapsed().as_secs_f64(), peak))
}

fn peer(project: &Project, python: &Path, folder: &Path, threads: usize) -> Result<Value> {
    let mut command = Command::new(python);
    command.arg(project.root.join("xtask/bench/transformers_peer.py")).arg(folder.join("step1000"));
    command.arg(folder.join("samples.jsonl")).arg(threads.to_string());
    let answer = shell::output(&mut command)?;
    let last = answer.lines().last().unwrap_or_default();
    serde_json::from_str(last).with_context(|| format!("transformers_peer.py printed {last:?}"))
}

fn in_page(project: &Project, folder: &Path, backend: &str) -> Result<Value> {
    let chromium = Chromium::find_or_install()?;
    let dist = project.published();
    page::build(project, Profile::Published, &dist)?;
    let e2e = project.root.join("tests/e2e");
    npm_ci(&e2e, &e2e, "playwright-core, which drives Chromium")?;
    let server = Server::start(Site::new(dist, "/"), 0)?;
    let mut node = Command::new("node");
    node.args(["engine.mjs"]).arg(folder).arg(backend).current_dir(&e2e);
    node.env("GROKSCOPE_PAGE", server.address()).env("GROKSCOPE_GPU", "off").env("CHROME", chromium.browser);
    let answer = shell::output(&mut node)?;
    let last = answer.lines().last().unwrap_or_default();
    serde_json::from_str(last).with_context(|| format!("engine.mjs printed {last:?}"))
}
