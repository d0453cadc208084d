//! `test`: every check there is. A failed stage does not keep the others from running.

pub mod count;
mod stages;

use std::time::Instant;

use anyhow::{Result, bail};
use lexopt::prelude::*;

use self::count::Count;
use crate::project::Project;

/// What `test` was asked for.
pub struct Options {
    only: Vec<String>,
}

impl Options {
    /// Reads the arguments after `test`.
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

/// Runs the stages and closes with `N passed, N failed`. A stage that counts its own tests adds those; any other is one.
pub fn run(project: &Project, options: &Options) -> Result<()> {
    let names: Vec<&str> = stages::ALL.iter().map(|stage| stage.name).collect();
    if let Some(unknown) = options.only.iter().find(|name| !names.contains(&name.as_str())) {
        bail!("there is no stage `{unknown}`; there are {}", names.join(", "));
    }
    let mut total = Count::default();
    let mut lines = Vec::new();
    for stage in stages::ALL
        .iter()
        .filter(|stage| options.only.is_empty() || options.only.iter().any(|name| name == stage.name))
    {
        println!("\n== {}: {}", stage.name, stage.does);
        let start = Instant::now();
        let mut count = Count::default();
        let outcome = (stage.run)(project, &mut count);
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
        lines.push(format!("{word:<7} {:<14} {:>5} s  {count}", stage.name, start.elapsed().as_secs()));
        total = total + count;
    }
    // Once more, since they are far above by now.
    if !total.words.is_empty() {
        println!("\n== what failed\n{}", total.words.join("\n"));
    }
    println!("\n{}", lines.join("\n"));
    println!("{total}");
    if total.failed > 0 {
        bail!("not everything passed");
    }
    Ok(())
}
