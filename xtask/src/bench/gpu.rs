//! Distances per second on the GPU of this machine.

use std::process::Command;

use anyhow::Result;

use crate::{project::Project, shell};

/// Runs the benchmark of the crate.
pub fn measure(project: &Project) -> Result<String> {
    let mut cargo = Command::new(shell::cargo());
    cargo.args(["bench", "--locked", "--package", "levenshtein", "--features", "gpu", "--bench", "gpu"]);
    shell::output(cargo.current_dir(&project.root))
}
