//! `fuzz`: builds the targets of `fuzz/` with coverage counters and runs them on bytes that libFuzzer changes.
//!
//! All files are in `target/fuzz`, in a folder per target: `seeds`, the inputs from the repository; `corpus`, the inputs
//! that reached new code, from which the next run continues; `logs`, the output of libFuzzer; and `findings`, the inputs
//! that failed, which every later run tries again.

mod build;
mod outcome;
mod seeds;

use std::{
    collections::VecDeque,
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{Mutex, PoisonError},
    thread,
};

use anyhow::{Context as _, Result, bail};
use lexopt::prelude::*;

pub use self::build::{build_beside, compile};
use self::outcome::Outcome;
use crate::{project::Project, shell};

/// One of the targets in `fuzz/fuzz_targets`.
struct Target {
    name: &'static str,
    /// The most bytes of an input. Lower limits give more inputs per second.
    max_len: usize,
}

const ALL: [Target; 10] = [
    Target { name: "any_file", max_len: 4 << 10 },
    Target { name: "safetensors", max_len: 4 << 10 },
    Target { name: "npz", max_len: 4 << 10 },
    Target { name: "parquet", max_len: 4 << 10 },
    Target { name: "ids", max_len: 4 << 10 },
    Target { name: "results", max_len: 4 << 10 },
    Target { name: "archives", max_len: 4 << 10 },
    Target { name: "report", max_len: 36 << 10 },
    Target { name: "link", max_len: 8 << 10 },
    Target { name: "messages", max_len: 4 << 10 },
];

/// The most seconds per input.
const TIMEOUT: u32 = 5;

/// The most memory of a target, in MiB.
const MEMORY: u32 = 2048;

/// How long a target runs.
#[derive(Clone, Copy)]
enum Length {
    Seconds(u64),
    Runs(u64),
}

/// The arguments after `fuzz`.
pub struct Options {
    targets: Vec<String>,
    length: Length,
}

impl Default for Options {
    /// Every target, one minute each.
    fn default() -> Self {
        Self { targets: Vec::new(), length: Length::Seconds(60) }
    }
}

impl Options {
    /// Every target, for so many seconds each after its seeds.
    pub fn seconds(seconds: u64) -> Self {
        Self { length: Length::Seconds(seconds), ..Self::default() }
    }

    /// Reads the arguments after `fuzz`.
    ///
    /// # Errors
    /// If an argument is not a number.
    pub fn parse(arguments: &mut lexopt::Parser) -> Result<Self> {
        let mut options = Self::default();
        while let Some(argument) = arguments.next()? {
            match argument {
                Long("seconds") => options.length = Length::Seconds(arguments.value()?.parse()?),
                Long("runs") => options.length = Length::Runs(arguments.value()?.parse()?),
                Value(name) => options.targets.push(name.string()?),
                other => return Err(other.unexpected().into()),
            }
        }
        Ok(options)
    }
}

/// Builds the targets, runs as many at a time as there are cores, and prints the outcome of each.
///
/// # Errors
/// If a target is unknown, cannot be built or run, or has a finding.
pub fn run(project: &Project, options: &Options) -> Result<()> {
    if let Some(unknown) = options.targets.iter().find(|name| ALL.iter().all(|target| target.name != **name))
    {
        bail!("there is no target `{unknown}`; there are {}", ALL.map(|target| target.name).join(", "));
    }
    let programs = build::build(project)?;
    let selected = |target: &&Target| {
        options.targets.is_empty() || options.targets.iter().any(|name| name == target.name)
    };
    let queue: Mutex<VecDeque<&Target>> = Mutex::new(ALL.iter().filter(selected).collect());
    let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
    let outcomes = Mutex::new(Vec::new());
    let cores = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for _ in 0..cores.min(ALL.len()) {
            scope.spawn(|| {
                while let Some(target) = next() {
                    let outcome = run_one(project, &programs, target, options.length);
                    match &outcome {
                        Ok(outcome) => println!("  {:<12} {outcome}", target.name),
                        Err(error) => println!("  {:<12} {error:#}", target.name),
                    }
                    outcomes.lock().unwrap_or_else(PoisonError::into_inner).push((target.name, outcome));
                }
            });
        }
    });
    let outcomes = outcomes.into_inner().unwrap_or_else(PoisonError::into_inner);
    let mut failed = Vec::new();
    for (name, outcome) in outcomes {
        let outcome = outcome.with_context(|| format!("the target `{name}` could not be run"))?;
        if let Some(finding) = outcome.finding {
            println!("\n== {name}\n{finding}");
            failed.push(name);
        }
    }
    if !failed.is_empty() {
        bail!("findings in {}; fuzz/README.md says what to do with one", failed.join(", "));
    }
    Ok(())
}

fn run_one(project: &Project, programs: &Path, target: &Target, length: Length) -> Result<Outcome> {
    let Target { name, max_len } = *target;
    let own_folder = |what: &str| -> Result<PathBuf> {
        let folder = project.target.join("fuzz").join(what).join(name);
        fs::create_dir_all(&folder).with_context(|| format!("{} cannot be created", folder.display()))?;
        Ok(folder)
    };
    let (corpus, seeds, logs, findings) =
        (own_folder("corpus")?, own_folder("seeds")?, own_folder("logs")?, own_folder("findings")?);
    seeds::write(project, name, &seeds)?;
    let log = logs.join("last.txt");
    let output = File::create(&log).with_context(|| format!("{} cannot be written", log.display()))?;
    let program = programs.join(format!("{name}{}", std::env::consts::EXE_SUFFIX));
    let mut fuzzer = Command::new(&program);
    fuzzer
        // The first one receives new inputs.
        .args([&corpus, &seeds, &findings])
        .arg(format!("-max_len={max_len}"))
        .arg(format!("-timeout={TIMEOUT}"))
        .arg(format!("-rss_limit_mb={MEMORY}"))
        .arg(format!("-dict={}", project.root.join("fuzz/words.dict").display()))
        .arg(format!("-artifact_prefix={}{}", findings.display(), std::path::MAIN_SEPARATOR))
        // The same seed everywhere, so that others find the same failure.
        .args(["-seed=1", "-print_final_stats=1"]);
    match length {
        Length::Seconds(seconds) => fuzzer.arg(format!("-max_total_time={seconds}")),
        Length::Runs(runs) => fuzzer.arg(format!("-runs={runs}")),
    };
    fuzzer.current_dir(&project.root).stdin(Stdio::null()).stdout(Stdio::null()).stderr(output);
    let status =
        fuzzer.status().with_context(|| format!("{} could not be started", shell::called(&fuzzer)))?;
    let output = fs::read(&log).with_context(|| format!("{} cannot be read", log.display()))?;
    Ok(Outcome::of(&String::from_utf8_lossy(&output), status.success(), &program, &log))
}
