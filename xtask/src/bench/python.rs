//! A virtual environment of Python for libraries to compare with.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result};

use crate::{project::Project, shell};

/// Returns its Python, and creates the environment if there is none.
///
/// # Errors
/// If there is no Python 3.
pub fn prepare(project: &Project) -> Result<PathBuf> {
    let folder = project.target.join("bench-venv");
    let python = if cfg!(windows) { folder.join("Scripts/python.exe") } else { folder.join("bin/python") };
    if !python.is_file() {
        println!("Setting up a Python with the libraries to compare with, in {}", folder.display());
        let system = ["python3", "python"].iter().find_map(|name| shell::on_path(name));
        let system = system.context("comparing with Python libraries needs Python 3")?;
        shell::run(Command::new(system).args(["-m", "venv"]).arg(&folder))?;
    }
    Ok(python)
}

/// Installs packages unless the module can be imported. Returns whether it can be imported now.
pub fn with(python: &Path, module: &str, packages: &[&str]) -> bool {
    if shell::succeeds(Command::new(python).args(["-c", &format!("import {module}")])) {
        return true;
    }
    println!("Installing {}", packages.join(", "));
    let mut pip = Command::new(python);
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]).args(packages);
    shell::succeeds(&mut pip)
}
