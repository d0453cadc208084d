//! Distances a second, beside other libraries on the same sequences in the same run.

use std::{path::PathBuf, process::Command};

use anyhow::{Result, bail};

use super::{
    browser::{self, Exports},
    python,
};
use crate::{project::Project, shell};

/// Runs the crate's own benchmark with a Python that has the other libraries.
pub fn measure(project: &Project) -> Result<String> {
    let python = peers(project)?;
    let mut cargo = Command::new(shell::cargo());
    cargo.args(["bench", "--locked", "--package", "levenshtein", "--bench", "distance", "--", "--peers"]);
    let native = shell::output(cargo.arg(python).current_dir(&project.root))?;
    // The same sequences in WebAssembly.
    let wasm = browser::time(project, "levenshtein", ("wasm_bench", Exports::Bare), "distance.mjs", None)?;
    Ok(format!("{native}\n\n{wasm}"))
}

/// A Python with rapidfuzz, and StringZilla where there is a build of it.
fn peers(project: &Project) -> Result<PathBuf> {
    let python = python::prepare(project)?;
    if !python::with(&python, "rapidfuzz", &["numpy", "rapidfuzz"]) {
        bail!("rapidfuzz could not be installed; is the Python package index within reach?");
    }
    if !python::with(&python, "stringzillas", &["stringzillas-cpus"]) {
        println!("There is no build of stringzillas-cpus for this machine: compared with rapidfuzz alone");
    }
    Ok(python)
}
