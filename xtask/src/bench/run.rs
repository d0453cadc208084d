//! A large run on the command line with more and more threads, beside the same work in Python, and in the page in
//! Chromium; and the example run after a click.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use serde::Deserialize;

use super::{
    generate::{self, Shape},
    python,
};
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
    let cli = cli(project)?;
    let counts = thread_counts(thread::available_parallelism()?.get());
    let scaling = counts.iter().map(|&threads| Ok((threads, native(project, &cli, &files, threads)?)));
    let scaling: Vec<(usize, Native)> = scaling.collect::<Result<_>>()?;
    let all = scaling.last().context("there is no number of threads")?;
    let peers = peers(project, &files, all.0)?;
    let page = in_page(project, &folder)?;
    let gib = |bytes: u64| format!("{:.2} GiB", bytes as f64 / (1_u64 << 30) as f64);
    let known = |bytes: Option<u64>| bytes.map_or_else(|| "unknown".to_owned(), gib);
    Ok(format!(
        "10,000 samples x 10 checkpoints x 16 layers x 64 experts in f16, {} MB on disk, 4 domains, 100,000 sampled pairs\n\
         per checkpoint, default settings.\n\n\
         | | seconds to the complete report | peak memory |\n|---|---|---|\n\
         | `grokscope report` | {:.1} | {} |\n\
         | the page in Chromium, files dropped | {:.1} | {} in its process (page and all workers) |\n\n\
         {}\n\n{}\n\n\
         The example run in the page, from the click, best of five: {:.1} s to the report, {:.1} s with delays and\n\
         correlations.",
        bytes / 1_000_000,
        all.1.seconds,
        known(all.1.peak),
        page.seconds,
        known(page.memory),
        scaling_table(&scaling),
        peers_table(&peers, all.1.seconds, all.0),
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

/// Runs of each program, of which the fastest counts.
const RUNS: usize = 3;

/// The fastest run of `grokscope report`.
struct Native {
    seconds: f64,
    /// Peak memory in bytes, if the system reports it.
    peak: Option<u64>,
}

/// 1, 2, 4, and so on, and the number of cores.
fn thread_counts(cores: usize) -> Vec<usize> {
    let doubled = std::iter::successors(Some(1), |count| Some(count * 2));
    doubled.take_while(|count| *count < cores).chain([cores]).collect()
}

fn native(project: &Project, cli: &Path, files: &[PathBuf], threads: usize) -> Result<Native> {
    let mut best: Option<Native> = None;
    for _ in 0..RUNS {
        let run = native_once(project, cli, files, threads)?;
        if best.as_ref().is_none_or(|best| run.seconds < best.seconds) {
            best = Some(run);
        }
    }
    best.context("nothing was run")
}

fn native_once(project: &Project, cli: &Path, files: &[PathBuf], threads: usize) -> Result<Native> {
    let start = Instant::now();
    let mut child = Command::new(cli)
        .arg("report")
        .args(files)
        .arg("-o")
        .arg(project.target.join("bench/run-report.json"))
        .env("RAYON_NUM_THREADS", threads.to_string())
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
    Ok(Native { seconds: start.elapsed().as_secs_f64(), peak })
}

fn scaling_table(scaling: &[(usize, Native)]) -> String {
    let alone = scaling.first().map_or(0.0, |(_, native)| native.seconds);
    let mut table = "| threads of `grokscope report` | seconds | times one thread | efficiency |\n\
                     |---|---|---|---|"
        .to_owned();
    for (threads, Native { seconds, .. }) in scaling {
        let times = alone / seconds;
        let efficiency = 100.0 * times / *threads as f64;
        table.push_str(&format!("\n| {threads} | {seconds:.2} | {times:.2} | {efficiency:.0} % |"));
    }
    table
}

/// A pipeline in Python.
struct Peer {
    /// The work that it does.
    work: &'static str,
    seconds: f64,
    versions: String,
}

/// The last line of `run_peer.py`.
#[derive(Deserialize)]
struct PeerFigures {
    /// Distance of each domain at every checkpoint.
    distance: std::collections::BTreeMap<String, Vec<f64>>,
    versions: String,
}

/// Runs the pipelines with one process per core.
fn peers(project: &Project, files: &[PathBuf], processes: usize) -> Result<Vec<Peer>> {
    let python = python::prepare(project)?;
    for module in ["numpy", "scipy", "rapidfuzz"] {
        ensure!(
            python::with(&python, module, &[module]),
            "{module} could not be installed; is the Python package index reachable?"
        );
    }
    let script = project.root.join("xtask/bench/run_peer.py");
    let works = [("whole", "the same work"), ("lean", "distances and effective dimension alone")];
    let one = |(argument, work)| {
        let mut best: Option<Peer> = None;
        for _ in 0..RUNS {
            let start = Instant::now();
            let mut command = Command::new(&python);
            command.arg(&script).arg(argument).arg(processes.to_string()).args(files);
            let answer = shell::output(&mut command)?;
            let seconds = start.elapsed().as_secs_f64();
            let last = answer.lines().last().unwrap_or_default();
            let figures: PeerFigures =
                serde_json::from_str(last).with_context(|| format!("run_peer.py printed {last:?}"))?;
            check_distances(project, &figures)?;
            if best.as_ref().is_none_or(|best| seconds < best.seconds) {
                best = Some(Peer { work, seconds, versions: figures.versions });
            }
        }
        best.context("nothing was run")
    };
    works.into_iter().map(one).collect()
}

/// Checks that both programs have measured the same: their draws of pairs differ, so distances may differ by 2 %.
fn check_distances(project: &Project, figures: &PeerFigures) -> Result<()> {
    let report = fs::read_to_string(project.target.join("bench/run-report.json"))?;
    let report: serde_json::Value = serde_json::from_str(&report)?;
    let courses = report["courses"].as_array().context("the report has no courses")?;
    for (domain, found) in &figures.distance {
        let is_it = |course: &&serde_json::Value| {
            course["metric"] == "distance"
                && course["domain"] == **domain
                && course["group"] == "all"
                && course["tau"] == 0.7
                && course["t_star"].is_null()
                && course["other_domain"].is_null()
        };
        let course = courses.iter().find(is_it).context("the report has no distance of a domain")?;
        let values = course["values"].as_array().context("a course has no values")?;
        ensure!(values.len() == found.len(), "{domain}: {} checkpoints, not {}", found.len(), values.len());
        for (ours, theirs) in values.iter().filter_map(serde_json::Value::as_f64).zip(found) {
            ensure!((ours - theirs).abs() <= 0.02 * ours, "{domain}: {theirs} in Python, not {ours}");
        }
    }
    Ok(())
}

fn peers_table(peers: &[Peer], seconds: f64, processes: usize) -> String {
    let versions = peers.first().map_or("", |peer| peer.versions.as_str());
    let mut table =
        format!("| {versions}, {processes} processes | seconds | times `grokscope report` |\n|---|---|---|");
    for Peer { work, seconds: theirs, .. } in peers {
        table.push_str(&format!("\n| {work} | {theirs:.1} | {:.1} |", theirs / seconds));
    }
    table.push_str(
        "\n\nThe pipelines are `xtask/bench/run_peer.py`; the lean one has no nulls, layers, other thresholds, \
         permutations or\nerrors. Each program's fastest of three runs counts.",
    );
    table
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

#[cfg(test)]
mod tests {
    use super::{Native, scaling_table, thread_counts};

    #[test]
    fn threads_double_up_to_the_cores() {
        assert_eq!(thread_counts(1), [1]);
        assert_eq!(thread_counts(2), [1, 2]);
        assert_eq!(thread_counts(6), [1, 2, 4, 6]);
        assert_eq!(thread_counts(8), [1, 2, 4, 8]);
    }

    #[test]
    fn efficiency_is_the_share_of_the_threads() {
        let native = |seconds| Native { seconds, peak: None };
        let table = scaling_table(&[(1, native(6.0)), (4, native(2.0))]);
        assert!(table.ends_with("| 4 | 2.00 | 3.00 | 75 % |"), "{table}");
    }
}
