//! How fast files are read: binary ones beside their bytes, ids in text natively and in the browser.

use std::process::Command;

use anyhow::Result;

use super::browser;
use crate::{project::Project, shell};

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
        browser::time(project, "trace", "wasm_reading", "reading.mjs")?
    ))
}
