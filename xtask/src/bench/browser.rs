//! Parts of the project as WebAssembly, timed in Chromium.

use std::{path::Path, process::Command};

use anyhow::Result;

use crate::{
    chromium::Chromium,
    page::WASM,
    project::Project,
    shell,
    tools::{Tools, npm_ci},
};

/// How JavaScript calls an example.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Exports {
    /// By the exports of the wasm itself.
    Bare,
    /// Through the JavaScript that wasm-bindgen writes.
    Bound,
}

/// Builds a package's example for the browser, has a script of `tests/e2e` time it, and returns what the script prints.
/// `files`, if any, is the script's second argument.
pub fn time(
    project: &Project,
    package: &str,
    (example, exports): (&str, Exports),
    script: &str,
    files: Option<&Path>,
) -> Result<String> {
    let chromium = Chromium::find_or_install()?;
    let mut cargo = Command::new(shell::cargo());
    cargo.args(["build", "--profile", "wasm", "--locked", "--target", WASM]);
    cargo.args(["--package", package, "--example", example]);
    shell::run(cargo.current_dir(&project.root))?;
    let folder = project.root.join("tests/e2e");
    npm_ci(&folder, &folder, "playwright-core, which drives Chromium")?;
    let mut wasm = project.target.join(WASM).join(format!("wasm/examples/{example}.wasm"));
    if exports == Exports::Bound {
        let folder = project.target.join("bench-wasm");
        let program = Tools::for_page(project)?.wasm_bindgen.join("wasm-bindgen");
        let mut bind = Command::new(program);
        shell::run(bind.args(["--target", "web", "--no-typescript", "--out-dir"]).arg(&folder).arg(&wasm))?;
        wasm = folder.join(format!("{example}_bg.wasm"));
    }
    let mut node = Command::new("node");
    node.arg(script).arg(wasm).args(files).current_dir(&folder);
    shell::output(node.env("CHROME", chromium.browser))
}
