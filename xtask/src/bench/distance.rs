//! Distances a second, beside other libraries on the same sequences in the same run.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result};

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

/// A Python of the project's own with rapidfuzz, and StringZilla where there is a build of it.
fn peers(project: &Project) -> Result<PathBuf> {
    let folder = project.target.join("bench-venv");
    let python = if cfg!(windows) { folder.join("Scripts/python.exe") } else { folder.join("bin/python") };
    if !has(&python, "rapidfuzz") {
        println!("Setting up a Python with the libraries to compare with, in {}", folder.display());
        let system = ["python3", "python"].iter().find_map(|name| shell::on_path(name));
        let system = system.context("Python 3 is needed to compare with Python's libraries")?;
        shell::run(Command::new(system).args(["-m", "venv"]).arg(&folder))?;
        shell::run(pip(&python).args(["numpy", "rapidfuzz"]))?;
    }
    if !has(&python, "stringzillas") && !shell::succeeds(pip(&python).args(["stringzillas-cpus"])) {
        println!("There is no build of stringzillas-cpus for this machine: compared with rapidfuzz alone");
    }
    Ok(python)
}

fn pip(python: &Path) -> Command {
    let mut pip = Command::new(python);
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]);
    pip
}

fn has(python: &Path, module: &str) -> bool {
    python.is_file() && shell::succeeds(Command::new(python).args(["-c", &format!("import {module}")]))
}
