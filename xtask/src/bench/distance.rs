//! Distances a second, beside other libraries on the same sequences in the same run.

use std::{path::PathBuf, process::Command};

use anyhow::{Result, bail};

use super::python;
use crate::{chromium::Chromium, project::Project, shell, tools::npm_ci};

/// Runs the crate's own benchmark with a Python that has the other libraries.
pub fn measure(project: &Project) -> Result<String> {
    let python = peers(project)?;
    let mut cargo = Command::new(shell::cargo());
    cargo.args(["bench", "--locked", "--package", "levenshtein", "--bench", "distance", "--", "--peers"]);
    let native = shell::output(cargo.arg(python).current_dir(&project.root))?;
    Ok(format!("{native}\n\n{}", in_chromium(project)?))
}

/// The same sequences in WebAssembly.
fn in_chromium(project: &Project) -> Result<String> {
    let chromium = Chromium::bring()?;
    let mut cargo = Command::new(shell::cargo());
    cargo.args(["build", "--release", "--locked", "--target", "wasm32-unknown-unknown"]);
    shell::run(cargo.args(["-p", "levenshtein", "--example", "wasm_bench"]).current_dir(&project.root))?;
    let folder = project.root.join("tests/e2e");
    npm_ci(&folder, &folder, "playwright-core: it steers Chromium")?;
    let mut node = Command::new("node");
    node.arg("distance.mjs")
        .arg(project.target.join("wasm32-unknown-unknown/release/examples/wasm_bench.wasm"));
    shell::output(node.current_dir(&folder).env("CHROME", chromium.browser))
}

/// A Python with rapidfuzz, and StringZilla where there is a build of it.
fn peers(project: &Project) -> Result<PathBuf> {
    let python = python::bring(project)?;
    if !python::with(&python, "rapidfuzz", &["numpy", "rapidfuzz"]) {
        bail!("rapidfuzz could not be installed; is the Python package index within reach?");
    }
    if !python::with(&python, "stringzillas", &["stringzillas-cpus"]) {
        println!("There is no build of stringzillas-cpus for this machine: compared with rapidfuzz alone");
    }
    Ok(python)
}
