//! `calibrate`: simulates runs whose courses are independent of accuracy, or follow it, and writes how often the
//! report's statements are made of each into `docs/metrics.md`.

use std::process::Command;

use anyhow::{Result, ensure};
use lexopt::prelude::*;

use crate::{bench::record, project::Project, shell};

/// Arguments of `calibrate`.
pub struct Options {
    /// Runs simulated per row of the table.
    pairs: u32,
}

impl Options {
    /// Reads the arguments.
    ///
    /// # Errors
    /// If one is not known.
    pub fn parse(arguments: &mut lexopt::Parser) -> Result<Self> {
        let mut options = Self { pairs: 1_000 };
        while let Some(argument) = arguments.next()? {
            match argument {
                Long("pairs") => options.pairs = arguments.value()?.parse()?,
                other => return Err(other.unexpected().into()),
            }
        }
        ensure!(options.pairs > 0, "--pairs needs a number of at least 1");
        Ok(options)
    }
}

/// Simulates and writes the tables.
///
/// # Errors
/// If the simulation does not compile or the document cannot be written.
pub fn run(project: &Project, options: &Options) -> Result<()> {
    let mut command = Command::new(shell::cargo());
    command.args(["run", "--release", "--package", "report", "--example", "calibrate", "--", "--pairs"]);
    let tables = shell::output(command.arg(options.pairs.to_string()).current_dir(&project.root))?;
    print!("{tables}");
    record::replace(&project.root.join("docs/metrics.md"), "calibration", &tables)
}
