//! Speed of reading: binary files compared with reading their bytes, and expert ids as text; natively and in the browser.

use std::{fs, path::Path, process::Command};

use anyhow::{Context as _, Result};

use super::browser::{self, Exports};
use crate::{project::Project, shell};

/// Runs the benchmarks of the crate, natively and in Chromium.
pub fn measure(project: &Project) -> Result<String> {
    let native = |name: &str, files: Option<&Path>| {
        let mut cargo = Command::new(shell::cargo());
        cargo.args(["bench", "--locked", "--package", "trace", "--bench", name, "--"]).args(files);
        shell::output(cargo.current_dir(&project.root))
    };
    let (gates, ids) = (native("gates", None)?, native("ids", None)?);
    let files = project.target.join("bench-files");
    native("gates", Some(&files))?;
    let browser =
        browser::time(project, "trace", ("wasm_reading", Exports::Bound), "reading.mjs", Some(&files));
    fs::remove_dir_all(&files).with_context(|| format!("{} cannot be removed", files.display()))?;
    Ok(format!("{}\n\nNative, one thread, from memory:\n\n{}\n\n{}", gates.trim(), ids.trim(), browser?))
}
