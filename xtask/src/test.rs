//! `test`: every check. The other stages run although one fails.

mod compiled;
pub mod count;
mod documents;
mod stages;

use std::{
    thread,
    time::{Instant, SystemTime},
};

use anyhow::{Result, bail};
use lexopt::prelude::*;

use self::count::Count;
use crate::{project::Project, tools::Tools};

/// The arguments after `test`.
pub struct Options {
    only: Vec<String>,
}

impl Options {
    /// Reads the arguments after `test`.
    ///
    /// # Errors
    /// If there is an unknown one.
    pub fn parse(arguments: &mut lexopt::Parser) -> Result<Self> {
        let mut options = Self { only: Vec::new() };
        while let Some(argument) = arguments.next()? {
            match argument {
                Long("only") => options.only.push(arguments.value()?.string()?),
                other => return Err(other.unexpected().into()),
            }
        }
        Ok(options)
    }
}

/// Runs the stages and ends with `N passed, N failed`. A stage that counts no tests of its own counts as one.
///
/// # Errors
/// If a stage is unknown or fails.
pub fn run(project: &Project, options: &Options) -> Result<()> {
    let names: Vec<&str> = stages::ALL.iter().map(|stage| stage.name).collect();
    if let Some(unknown) = options.only.iter().find(|name| !names.contains(&name.as_str())) {
        bail!("there is no stage `{unknown}`; there are {}", names.join(", "));
    }
    if options.only.is_empty() {
        // The tools are built while the native stages leave a core idle; `setup` waits for them and reports errors.
        return thread::scope(|scope| {
            scope.spawn(|| Tools::for_publishing(project).ok());
            run_stages(project, options)
        });
    }
    run_stages(project, options)
}

fn run_stages(project: &Project, options: &Options) -> Result<()> {
    let mut total = Count::default();
    let mut lines = Vec::new();
    let started = Instant::now();
    for stage in stages::ALL
        .iter()
        .filter(|stage| options.only.is_empty() || options.only.iter().any(|name| name == stage.name))
    {
        println!("\n== {}: {}", stage.name, stage.does);
        let (start, moment) = (Instant::now(), SystemTime::now());
        let mut count = Count::default();
        let outcome = thread::scope(|scope| {
            if let Some(beside) = stage.beside.filter(|_| options.only.is_empty()) {
                scope.spawn(move || beside(project));
            }
            (stage.run)(project, &mut count)
        });
        match &outcome {
            Ok(()) if count == Count::default() => count.passed = 1,
            // A stage that fails although all of its tests passed has failed once itself.
            Err(_) if count.failed == 0 => count.failed = 1,
            _ => {}
        }
        if let Err(error) = &outcome {
            eprintln!("{}: {error:#}", stage.name);
        }
        let word = match outcome {
            Ok(()) if count.skipped > 0 => "skipped",
            Ok(()) => "passed",
            Err(_) => "FAILED",
        };
        let compiled = compiled::since(&project.target, moment);
        lines.push(format!(
            "{word:<7} {:<12} {}  {compiled:>4} crates compiled  {count}",
            stage.name,
            minutes(start)
        ));
        total = total + count;
    }
    // Again at the end, since the messages are far above by now.
    if !total.messages.is_empty() {
        println!("\n== what failed\n{}", total.messages.join("\n"));
    }
    println!("\n{}", lines.join("\n"));
    println!("{:<20} {}", "all stages", minutes(started));
    println!("{total}");
    if total.failed > 0 {
        bail!("not everything passed");
    }
    Ok(())
}

/// The time since a moment, as minutes and seconds.
fn minutes(start: Instant) -> String {
    let seconds = start.elapsed().as_secs();
    format!("{:>3} min {:>2} s", seconds / 60, seconds % 60)
}
