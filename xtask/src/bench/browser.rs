//! Parts of the project as WebAssembly, timed in Chromium.

use std::{path::Path, process::Command};

use anyhow::Result;

use crate::{chromium::Chromium, project::Project, setup, shell, tools::npm_ci};

/// How an example meets JavaScript.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Meets {
    /// By its own exports alone.
    Bare,
    /// Through what wasm-bindgen makes for it.
    Bound,
}

/// Builds a package's example for the browser and has a script of `tests/e2e` time it; what the script prints. `files`, if
/// any, is the script's second argument.
pub fn time(
    project: &Project,
    package: &str,
    (example, meets): (&str, Meets),
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
    let mut wasm = project.target.join(format!("wasm32-unknown-unknown/release/examples/{example}.wasm"));
    if meets == Meets::Bound {
        let folder = project.target.join("bench-wasm");
        let program = setup::bring(project)?.wasm_bindgen.join("wasm-bindgen");
        let mut bind = Command::new(program);
        shell::run(bind.args(["--target", "web", "--no-typescript", "--out-dir"]).arg(&folder).arg(&wasm))?;
        wasm = folder.join(format!("{example}_bg.wasm"));
    }
    let mut node = Command::new("node");
    node.arg(script).arg(wasm).args(files).current_dir(&folder);
    shell::output(node.env("CHROME", chromium.browser))
}
