//! `bench`: speed, memory and size on this machine, written to `BENCHMARKS.md` with the machine and
//! the command.

mod browser;
mod distance;
mod engine;
mod generate;
mod gpu;
mod link;
mod machine;
mod model;
mod python;
pub mod record;
mod run;
mod trace;

use anyhow::{Context as _, Result, bail};
use lexopt::prelude::*;

use crate::{
    page::{self, Profile},
    project::Project,
    sizes,
};

/// A benchmark: its name, its title in `BENCHMARKS.md`, and the function that measures and returns
/// Markdown.
struct Benchmark {
    name: &'static str,
    title: &'static str,
    measure: fn(&Project) -> Result<String>,
    /// Whether it only runs when it is named, because not every machine can.
    on_request: bool,
}

const ALL: [Benchmark; 7] = [
    Benchmark { name: "distance", title: "Distances", measure: distance::measure, on_request: false },
    Benchmark { name: "gpu", title: "Distances on a GPU", measure: gpu::measure, on_request: true },
    Benchmark { name: "trace", title: "Reading", measure: trace::measure, on_request: false },
    Benchmark { name: "run", title: "A large run", measure: run::measure, on_request: false },
    Benchmark { name: "engine", title: "Checkpoints", measure: engine::measure, on_request: false },
    Benchmark { name: "link", title: "The link", measure: link::measure, on_request: false },
    Benchmark { name: "size", title: "Size of the page", measure: size, on_request: false },
];

/// The arguments after `bench`.
pub struct Options {
    only: Vec<String>,
}

impl Options {
    /// Reads the arguments after `bench`.
    ///
    /// # Errors
    /// If there is an unknown one.
    pub fn parse(arguments: &mut lexopt::Parser) -> Result<Self> {
        let mut options = Self { only: Vec::new() };
        while let Some(argument) = arguments.next()? {
            match argument {
                Value(name) => options.only.push(name.string()?),
                other => return Err(other.unexpected().into()),
            }
        }
        Ok(options)
    }
}

/// Runs benchmarks, prints their results and replaces their parts of `BENCHMARKS.md`.
///
/// # Errors
/// If a benchmark is unknown or fails.
pub fn run(project: &Project, options: &Options) -> Result<()> {
    if let Some(unknown) = options.only.iter().find(|name| ALL.iter().all(|one| one.name != *name)) {
        bail!("there is no benchmark `{unknown}`; there are {}", ALL.map(|one| one.name).join(", "));
    }
    let path = project.root.join("BENCHMARKS.md");
    let selected = |one: &&Benchmark| match options.only.as_slice() {
        [] => !one.on_request,
        only => only.iter().any(|only| only == one.name),
    };
    for Benchmark { name, title, measure, .. } in ALL.iter().filter(selected) {
        println!("\n== {name}");
        let figures =
            measure(project).with_context(|| format!("the benchmark `{name}` could not be measured"))?;
        println!("{figures}");
        let part = format!(
            "## {title}\n\n`cargo xtask bench {name}`, {}\n\n{}\n",
            machine::describe(),
            figures.trim()
        );
        record::replace(&path, name, &part)?;
    }
    println!("\nWritten to {}", path.display());
    Ok(())
}

fn size(project: &Project) -> Result<String> {
    let dist = project.published();
    page::build(project, Profile::Published, &dist)?;
    let sizes = sizes::measure(&dist)?;
    Ok(sizes::markdown(&sizes))
}
