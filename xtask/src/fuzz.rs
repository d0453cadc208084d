//! `fuzz`: the targets of `fuzz/`, built with counters at every branch and run on bytes that libFuzzer changes.
//!
//! Everything lies in `target/fuzz`: what is built, the inputs that a target began with (`seeds`), those that reached
//! something new (`corpus`, which the next run goes on from), what a target said (`logs`), and inputs that made it fail
//! (`findings`).

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

pub use self::build::{compile, lint};
use self::outcome::Outcome;
use crate::{project::Project, shell};

/// One of the targets in `fuzz/fuzz_targets`.
struct Target {
    name: &'static str,
    /// Longest input. Shorter ones are tried more often in the same time.
    longest: usize,
}

const ALL: [Target; 10] = [
    Target { name: "door", longest: 4 << 10 },
    Target { name: "safetensors", longest: 4 << 10 },
    Target { name: "npz", longest: 4 << 10 },
    Target { name: "parquet", longest: 4 << 10 },
    Target { name: "ids", longest: 4 << 10 },
    Target { name: "results", longest: 4 << 10 },
    Target { name: "archives", longest: 4 << 10 },
    Target { name: "report", longest: 36 << 10 },
    Target { name: "link", longest: 8 << 10 },
    Target { name: "messages", longest: 4 << 10 },
];

/// Seconds that one input may take.
const TIMEOUT: u32 = 5;

/// Memory that a target may take in all, as MiB.
const MEMORY: u32 = 2048;

/// How long a target runs.
#[derive(Clone, Copy)]
enum Length {
    Seconds(u64),
    Runs(u64),
}

/// What `fuzz` was asked for.
pub struct Options {
    targets: Vec<String>,
    length: Length,
}

impl Default for Options {
    /// Every target, a minute each.
    fn default() -> Self {
        Self { targets: Vec::new(), length: Length::Seconds(60) }
    }
}

impl Options {
    /// Every target, so long.
    pub fn seconds(seconds: u64) -> Self {
        Self { length: Length::Seconds(seconds), ..Self::default() }
    }

    /// Reads the arguments after `fuzz`.
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

/// Builds the targets, runs as many at a time as there are cores, and says what each did.
pub fn run(project: &Project, options: &Options) -> Result<()> {
    if let Some(unknown) = options.targets.iter().find(|name| ALL.iter().all(|target| target.name != **name))
    {
        bail!("there is no target `{unknown}`; there are {}", ALL.map(|target| target.name).join(", "));
    }
    let programs = build::build(project)?;
    let wanted = |target: &&Target| {
        options.targets.is_empty() || options.targets.iter().any(|name| name == target.name)
    };
    let waiting: Mutex<VecDeque<&Target>> = Mutex::new(ALL.iter().filter(wanted).collect());
    let next = || waiting.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
    let done = Mutex::new(Vec::new());
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
                    done.lock().unwrap_or_else(PoisonError::into_inner).push((target.name, outcome));
                }
            });
        }
    });
    let done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    let mut failed = Vec::new();
    for (name, outcome) in done {
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
    let Target { name, longest } = *target;
    let place = |what: &str| -> Result<PathBuf> {
        let folder = project.target.join("fuzz").join(what).join(name);
        fs::create_dir_all(&folder).with_context(|| format!("{} cannot be made", folder.display()))?;
        Ok(folder)
    };
    let (corpus, seeds, logs, findings) =
        (place("corpus")?, place("seeds")?, place("logs")?, place("findings")?);
    seeds::plant(project, name, &seeds)?;
    let log = logs.join("last.txt");
    let words = File::create(&log).with_context(|| format!("{} cannot be written", log.display()))?;
    let program = programs.join(format!("{name}{}", std::env::consts::EXE_SUFFIX));
    let mut fuzzer = Command::new(&program);
    fuzzer
        .arg(&corpus)
        .arg(&seeds)
        .arg(format!("-max_len={longest}"))
        .arg(format!("-timeout={TIMEOUT}"))
        .arg(format!("-rss_limit_mb={MEMORY}"))
        .arg(format!("-dict={}", project.root.join("fuzz/words.dict").display()))
        .arg(format!("-artifact_prefix={}{}", findings.display(), std::path::MAIN_SEPARATOR))
        // A failure of the same code is found again by everybody.
        .args(["-seed=1", "-print_final_stats=1"]);
    match length {
        Length::Seconds(seconds) => fuzzer.arg(format!("-max_total_time={seconds}")),
        Length::Runs(runs) => fuzzer.arg(format!("-runs={runs}")),
    };
    fuzzer.current_dir(&project.root).stdin(Stdio::null()).stdout(Stdio::null()).stderr(words);
    let status =
        fuzzer.status().with_context(|| format!("{} could not be started", shell::called(&fuzzer)))?;
    let words = fs::read(&log).with_context(|| format!("{} cannot be read", log.display()))?;
    Ok(Outcome::of(&String::from_utf8_lossy(&words), status.success(), &program, &log))
}
