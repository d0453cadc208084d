//! Distances per second, compared with other libraries on the same sequences.

use std::{path::PathBuf, process::Command};

use anyhow::{Result, bail};

use super::{
    browser::{self, Exports},
    python,
};
use crate::{project::Project, shell};

/// Runs the benchmark of the crate with a Python that has the other libraries, and the same in WebAssembly.
pub fn measure(project: &Project) -> Result<String> {
    let python = peers(project)?;
    let mut cargo = Command::new(shell::cargo());
    cargo.args(["bench", "--locked", "--package", "levenshtein", "--bench", "distance", "--", "--peers"]);
    let native = shell::output(cargo.arg(python).current_dir(&project.root))?;
    // The same sequences in WebAssembly.
    let wasm = browser::time(project, "levenshtein", ("wasm_bench", Exports::Bare), "distance.mjs", None)?;
    Ok(format!("{native}\n\n{wasm}"))
}

/// Runs the benchmark of the crate on the GPU of this machine.
pub fn measure_on_gpu(project: &Project) -> Result<String> {
    let mut cargo = Command::new(shell::cargo());
    cargo.args(["bench", "--locked", "--package", "levenshtein", "--features", "gpu", "--bench", "gpu"]);
    shell::output(cargo.current_dir(&project.root))
}

/// A Python with rapidfuzz, and with StringZilla if there is a build of it.
fn peers(project: &Project) -> Result<PathBuf> {
    let python = python::prepare(project)?;
    if !python::with(&python, "rapidfuzz", &["numpy", "rapidfuzz"]) {
        bail!("rapidfuzz could not be installed; is the Python package index reachable?");
    }
    if !python::with(&python, "stringzillas", &["stringzillas-cpus"]) {
        println!("There is no build of stringzillas-cpus for this machine: comparing with rapidfuzz only");
    }
    Ok(python)
}
