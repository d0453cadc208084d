//! `examples`: runs the scripts in `examples` on small checkpoints and recorded responses. Those for transformers need
//! Python packages, which are installed into a virtual environment in cargo's target folder.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Result, bail};

use crate::{
    project::Project,
    shell,
    test::count::{Count, counted},
};

/// Names of Python on the `PATH`, the usual one first.
const NAMES: [&str; 2] = ["python3", "python"];

/// A script that succeeds if this Python is new enough for the tests.
const IS_RECENT: &str = "import sys; sys.exit(sys.version_info < (3, 10))";

/// Installs the packages and runs the tests of all examples.
///
/// # Errors
/// If Python 3.10 is missing or a test fails.
pub fn run(project: &Project) -> Result<()> {
    let Some(python) = python() else {
        bail!(
            "Python 3.10 or later is needed for the examples: install it from https://www.python.org or your package manager"
        );
    };
    let folder = project.target.join("examples-venv");
    let own = in_venv(&folder);
    if !own.is_file() {
        println!("Creating a virtual environment in {}", folder.display());
        shell::run(Command::new(python).args(["-m", "venv"]).arg(&folder))?;
    }
    println!("Installing examples/requirements.txt (with torch: some 100 MB, on Linux some GB with CUDA)");
    let mut pip = Command::new(&own);
    pip.args(["-m", "pip", "install", "--quiet", "--requirement"])
        .arg(project.root.join("examples/requirements.txt"));
    shell::run(&mut pip)?;
    let mut count = Count::default();
    let outcome = tests(project, &own, "test_*.py", &mut count);
    println!("{count}");
    outcome
}

/// Runs the tests that need only Python, or skips them without it.
///
/// # Errors
/// If a test fails.
pub fn clients(project: &Project, count: &mut Count) -> Result<()> {
    let Some(python) = python() else {
        println!("skipped: the examples need Python 3.10 or later");
        count.skipped += 1;
        return Ok(());
    };
    tests(project, &python, "test_clients.py", count)
}

/// Runs the tests of the Python package that need only NumPy, or skips them without Python.
///
/// # Errors
/// If the packages cannot be installed or a test fails.
pub fn package(project: &Project, count: &mut Count) -> Result<()> {
    let Some(python) = python() else {
        println!("skipped: the Python package needs Python 3.10 or later");
        count.skipped += 1;
        return Ok(());
    };
    let folder = project.target.join("python-venv");
    let own = in_venv(&folder);
    if !own.is_file() {
        println!("Creating a virtual environment in {}", folder.display());
        // Debian has the module in a package of its own.
        if !shell::succeeds(Command::new(python).args(["-m", "venv"]).arg(&folder)) {
            println!("skipped: this Python has no module venv (Debian: python3-venv)");
            count.skipped += 1;
            return Ok(());
        }
    }
    let mut pip = Command::new(&own);
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"])
        .arg(project.root.join("python/requirements-core.txt"));
    shell::run(&mut pip)?;
    let mut tests = Command::new(&own);
    tests.args(["-m", "pytest", "-q", "-p", "no:cacheprovider", "python/tests"]);
    tests.current_dir(&project.root).env("PYTHONDONTWRITEBYTECODE", "1").env("OMP_NUM_THREADS", "1");
    counted(&mut tests, count)
}

fn tests(project: &Project, python: &Path, pattern: &str, count: &mut Count) -> Result<()> {
    let mut tests = Command::new(python);
    tests.args(["examples/tests/run.py", pattern]);
    counted(tests.current_dir(&project.root).env("PYTHONDONTWRITEBYTECODE", "1"), count)
}

fn python() -> Option<PathBuf> {
    NAMES
        .into_iter()
        .filter_map(shell::on_path)
        .find(|python| shell::succeeds(Command::new(python).args(["-c", IS_RECENT])))
}

fn in_venv(folder: &Path) -> PathBuf {
    if cfg!(windows) { folder.join("Scripts/python.exe") } else { folder.join("bin/python") }
}
