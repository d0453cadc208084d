//! How fast files are read: binary ones beside their bytes, ids in text natively and in the browser.

use std::process::Command;

use anyhow::Result;

use crate::{chromium::Chromium, project::Project, shell, tools::npm_ci};

/// Runs the crate's own benchmarks, and that of ids in Chromium too.
pub fn measure(project: &Project) -> Result<String> {
    let native = |name: &str| {
        let mut cargo = Command::new(shell::cargo());
        cargo.args(["bench", "--locked", "--package", "trace", "--bench", name]);
        shell::output(cargo.current_dir(&project.root))
    };
    let (gates, ids) = (native("gates")?, native("ids")?);
    Ok(format!(
        "{}\n\nNative, one thread, from memory:\n\n{}\n\n{}",
        gates.trim(),
        ids.trim(),
        in_chromium(project)?
    ))
}

fn in_chromium(project: &Project) -> Result<String> {
    let chromium = Chromium::bring()?;
    let mut cargo = Command::new(shell::cargo());
    cargo.args(["build", "--release", "--locked", "--target", "wasm32-unknown-unknown"]);
    shell::run(cargo.args(["-p", "trace", "--example", "wasm_reading"]).current_dir(&project.root))?;
    let folder = project.root.join("tests/e2e");
    npm_ci(&folder, &folder, "playwright-core: it steers Chromium")?;
    let mut node = Command::new("node");
    node.arg("reading.mjs")
        .arg(project.target.join("wasm32-unknown-unknown/release/examples/wasm_reading.wasm"));
    shell::output(node.current_dir(&folder).env("CHROME", chromium.browser))
}
