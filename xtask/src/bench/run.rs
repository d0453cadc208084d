//! A large run: on the command line, and dropped on the page in Chromium. And the example run, from the click.

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

/// What the project promises: 20 seconds on two cores, under 1.5 GiB.
const LARGE: Shape = Shape { samples: 10_000, checkpoints: 10, layers: 16, experts: 64 };

/// Measures both.
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
    let known = |bytes: Option<u64>| bytes.map_or_else(|| "not known here".to_owned(), gib);
    Ok(format!(
        "10,000 samples x 10 checkpoints x 16 layers x 64 experts in f16, {} MB on disk, 4 domains, 100,000 sampled pairs\n\
         a checkpoint, default settings.\n\n\
         | | seconds to the whole report | peak memory |\n|---|---|---|\n\
         | `grokscope report` | {seconds:.1} | {} |\n\
         | the page in Chromium, files dropped | {:.1} | {} in its process, page and all workers |\n\n\
         The example run in the page, from the click, best of five: {:.1} s to the report, {:.1} s with delays and\n\
         correlations.",
        bytes / 1_000_000,
        known(peak),
        page.seconds,
        known(page.memory),
        page.example.first,
        page.example.whole,
    ))
}

/// Builds the command line program.
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
        // The system keeps the maximum: the last look before the end is near enough.
        peak = peak_memory(child.id()).or(peak);
        thread::sleep(Duration::from_millis(10));
    };
    if !status.success() {
        bail!("grokscope report ended with {status}");
    }
    Ok((start.elapsed().as_secs_f64(), peak))
}

/// The most memory that a process has had so far, where the system tells.
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

/// What `bench.mjs` says in its last line.
#[derive(Deserialize)]
struct InPage {
    /// Seconds to the whole report.
    seconds: f64,
    /// Bytes at the most, where the system tells.
    memory: Option<u64>,
    /// The example run.
    example: Example,
}

/// Seconds from the click.
#[derive(Deserialize)]
struct Example {
    /// To the report.
    first: f64,
    /// Until it is whole.
    whole: f64,
}

fn in_page(project: &Project, files: &Path) -> Result<InPage> {
    let chromium = Chromium::find_or_install()?;
    let dist = project.published();
    page::build(project, Profile::Published, &dist)?;
    let folder = project.root.join("tests/e2e");
    npm_ci(&folder, &folder, "playwright-core: which drives Chromium")?;
    let server = Server::start(Site::new(dist, "/"), 0)?;
    let mut node = Command::new("node");
    node.arg("bench.mjs").arg(files).current_dir(&folder);
    node.env("GROKSCOPE_PAGE", server.address()).env("GROKSCOPE_GPU", "off").env("CHROME", chromium.browser);
    let answer = shell::output(&mut node)?;
    let last = answer.lines().last().unwrap_or_default();
    let figures: InPage = serde_json::from_str(last).with_context(|| format!("bench.mjs said {last:?}"))?;
    ensure!(figures.seconds > 0.0, "bench.mjs measured nothing");
    Ok(figures)
}
