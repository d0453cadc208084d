//! Parts of the project as WebAssembly, timed in Chromium.

use std::{path::Path, process::Command};

use anyhow::Result;

use crate::{chromium::Chromium, project::Project, shell, tools::npm_ci};

/// Builds a package's example for the browser and has a script of `tests/e2e` time it; what the script prints. `files`, if
/// any, is the script's second argument.
pub fn time(
    project: &Project,
    package: &str,
    example: &str,
    script: &str,
    files: Option<&Path>,
) -> Result<String> {
    let chromium = Chromium::bring()?;
    let mut cargo = Command::new(shell::cargo());
    cargo.args(["build", "--release", "--locked", "--target", "wasm32-unknown-unknown"]);
    cargo.args(["--package", package, "--example", example]);
    shell::run(cargo.current_dir(&project.root))?;
    let folder = project.root.join("tests/e2e");
    npm_ci(&folder, &folder, "playwright-core: it steers Chromium")?;
    let wasm = format!("wasm32-unknown-unknown/release/examples/{example}.wasm");
    let mut node = Command::new("node");
    node.arg(script).arg(project.target.join(wasm)).args(files).current_dir(&folder);
    shell::output(node.env("CHROME", chromium.browser))
}
