//! Building the page with trunk.

use std::{path::Path, process::Command};

use anyhow::{Context as _, Result};

use crate::{finish, project::Project, shell, tools::Tools};

/// How much time a build may take for how good a page.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Effort {
    /// The profile `quick`: seconds after a change, for work on the page.
    Quick,
    /// The profiles `page` and `compute`: what people get, without wasm-opt.
    Release,
    /// As `Release`, then wasm-opt: what is published.
    Publish,
}

/// Builds the page into a folder.
pub fn build(project: &Project, tools: &Tools, effort: Effort, dist: &Path) -> Result<()> {
    println!("Building the page: minutes the first time, since every crate is compiled to WebAssembly");
    let mut trunk = Command::new(&tools.trunk);
    trunk
        .arg("build")
        .arg("--dist")
        .arg(dist)
        .current_dir(&project.root)
        .env("PATH", shell::path_with(&[&tools.wasm_bindgen])?)
        // Trunk reads this as `true` or `false`, and fails where it is `1`, as is usual.
        .env_remove("NO_COLOR")
        // What went wrong in a build is in the compiler's words, not in trunk's own stack.
        .env("RUST_BACKTRACE", "0")
        .env_remove(finish::WASM_OPT);
    if effort != Effort::Quick {
        trunk.arg("--release");
    }
    if effort == Effort::Publish {
        trunk.env(finish::WASM_OPT, &tools.wasm_opt);
    }
    shell::run(&mut trunk).context("the page could not be built")
}
