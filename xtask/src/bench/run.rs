//! A large run on the command line and in the page in Chromium, and the example run after a click.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use serde::Deserialize;

use super::generate::{self, Shape};
use crate::{
    chromium::Chromium,
    page::{self, Profile},
    project::Project,
    server::{Server, Site},
    shell,
    tools::npm_ci,
};

/// The run that must take at most 20 seconds on two cores and 1.5 GiB.
const LARGE: Shape = Shape { samples: 10_000, checkpoints: 10, layers: 16, experts: 64 };

/// Runs all measurements.
///
/// # Errors
/// If a program is missing or fails.
pub fn measure(project: &Project) -> Result<String> {
    let folder = project.target.join("bench/run");
    println!(
        "Writing 10,000 samples x 10 checkpoints x 16 layers x 64 experts, f16, to {}",
        folder.display()
    );
    let files = generate::traces(&folder, &LARGE)?;
    let bytes: u64 = files.iter().filter_map(|file| fs::metadata(file).ok()).map(|file| file.len()).sum();
    let (seconds, peak) = native(project, &files)?;
    let page = in_page(project, &folder)?;
    let gib = |bytes: u64| format!("{:.2} GiB", bytes as f64 / (1_u64 << 30) as f64);
    let known = |bytes: Option<u64>| bytes.map_or_else(|| "unknown".to_owned(), gib);
    Ok(format!(
        "10,000 samples x 10 checkpoints x 16 layers x 64 experts in f16, {} MB on disk, 4 domains, 100,000 sampled pairs\n\
         per checkpoint, default settings.\n\n\
         | | seconds to the complete report | peak memory |\n|---|---|---|\n\
         | `grokscope report` | {seconds:.1} | {} |\n\
         | the page in Chromium, files dropped | {:.1} | {} in its process (page and all workers) |\n\n\
         The example run in the page, from the click, best of five: {:.1} s to the report, {:.1} s with delays and\n\
         correlations.",
        bytes / 1_000_000,
        known(peak),
        page.seconds,
        known(page.memory),
        page.example.first,
        page.example.complete,
    ))
}

/// Builds the command line program and returns its path.
///
/// # Errors
/// If it does not compile.
pub fn cli(project: &Project) -> Result<PathBuf> {
    let mut cargo = Command::new(shell::cargo());
    shell::run(
        cargo.args(["build", "--release", "--locked", "--package", "cli"]).current_dir(&project.root),
    )?;
    Ok(project.target.join("release").join(format!("grokscope{}", std::env::consts::EXE_SUFFIX)))
}

fn native(project: &Project, files: &[PathBuf]) -> Result<(f64, Option<u64>)> {
    let cli = cli(project)?;
    let start = Instant::now();
    let mut child = Command::new(&cli)
        .arg("report")
        .args(files)
        .arg("-o")
        .arg(project.target.join("bench/run-report.json"))
        .spawn()
        .with_context(|| format!("{} could not be started", cli.display()))?;
    let mut peak = None;
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        // The system keeps the maximum, so the last reading before the end is close enough.
        peak = peak_memory(child.id()).or(peak);
        thread::sleep(Duration::from_millis(10));
    };
    if !status.success() {
        bail!("grokscope report ended with {status}");
    }
    Ok((start.elapsed().as_secs_f64(), peak))
}

/// The peak memory of a process so far in bytes, if the system reports it.
pub fn peak_memory(process: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let kibibytes: u64 = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?
        .split_whitespace()
        .next()?
        .parse()
        .ok()?;
    Some(kibibytes * 1024)
}

/// The last line of `bench.mjs`.
#[derive(Deserialize)]
struct InPage {
    /// Seconds to the complete report.
    seconds: f64,
    /// Peak memory in bytes, if the system reports it.
    memory: Option<u64>,
    /// The example run.
    example: Example,
}

/// The example run.
#[derive(Deserialize)]
struct Example {
    /// Seconds from the click to the first report.
    first: f64,
    /// Seconds from the click to the complete report.
    complete: f64,
}

fn in_page(project: &Project, files: &Path) -> Result<InPage> {
    let chromium = Chromium::find_or_install()?;
    let dist = project.published();
    page::build(project, Profile::Published, &dist)?;
    let folder = project.root.join("tests/e2e");
    npm_ci(&folder, &folder, "playwright-core, which drives Chromium")?;
    let server = Server::start(Site::new(dist, "/"), 0)?;
    let mut node = Command::new("node");
    node.arg("bench.mjs").arg(files).current_dir(&folder);
    node.env("GROKSCOPE_PAGE", server.address()).env("GROKSCOPE_GPU", "off").env("CHROME", chromium.browser);
    let answer = shell::output(&mut node)?;
    let last = answer.lines().last().unwrap_or_default();
    let figures: InPage =
        serde_json::from_str(last).with_context(|| format!("bench.mjs printed {last:?}"))?;
    ensure!(figures.seconds > 0.0, "bench.mjs measured nothing");
    Ok(figures)
}
