//! wasm-bindgen and wasm-opt: from a compiled binary to the JavaScript and wasm that a browser loads.
//!
//! What they write is kept per profile and binary, with a hash of all it was made from, so that a change in one binary
//! does not bind the others again.

use std::{
    env::consts::EXE_SUFFIX,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result};
use sha2::{Digest as _, Sha256};

use super::{Profile, WASM, files};
use crate::{project::Project, shell, tools::Tools};

/// A binary that becomes wasm. Its name is the package's too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Binary {
    /// The page.
    App,
    /// The analyst and its calculators.
    Worker,
    /// The worker that runs checkpoints, and distances on a GPU.
    Engine,
}

impl Binary {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::App, Self::Worker, Self::Engine];
    /// What the page needs before there is a checkpoint.
    pub const PAGE: [Self; 2] = [Self::App, Self::Worker];

    /// The name of the package, of the binary and of its files.
    pub fn name(self) -> &'static str {
        match self {
            Self::App => "app",
            Self::Worker => "worker",
            Self::Engine => "engine",
        }
    }

    /// How wasm-opt treats it when it is published.
    fn optimisation(self) -> &'static [&'static str] {
        match self {
            // Larger than -Oz by itself, smaller once it is compressed; all the more without hints of alignment, and
            // with functions of similar names beside each other. Rust never uses the lowest addresses, and memory
            // begins as zeros.
            Self::App => &[
                "--low-memory-unused",
                "--zero-filled-memory",
                "-O1",
                "--coalesce-locals-learning",
                "--reorder-locals",
                "--duplicate-function-elimination",
                "--reorder-functions-by-name",
                "--dealign",
                "--strip-debug",
                "--strip-producers",
            ],
            Self::Worker => &["-O3", "--strip-debug", "--strip-producers"],
            // Its budget holds without: the shader compiler alone would take ten minutes.
            Self::Engine => &["--strip-debug", "--strip-producers"],
        }
    }
}

/// Binds a compiled binary and returns the folder with its files.
pub fn bind(project: &Project, tools: &Tools, profile: Profile, binary: Binary) -> Result<PathBuf> {
    let name = binary.name();
    let compiled = project.target.join(WASM).join(profile.cargo(binary)).join(format!("{name}.wasm"));
    let content = fs::read(&compiled).with_context(|| format!("{} cannot be read", compiled.display()))?;
    let optimisation: &[&str] = if profile == Profile::Published { binary.optimisation() } else { &[] };
    let mut all = Sha256::new();
    all.update(&content);
    all.update(project.locked_version("wasm-bindgen")?);
    all.update(optimisation.join(" "));
    let made_from = all.finalize().iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat();

    let kind = match profile {
        Profile::Quick => "quick",
        Profile::Serve => "serve",
        Profile::Published => "published",
    };
    let folder = project.target.join("page-parts").join(kind).join(name);
    let stamp = folder.with_extension("made-from");
    if fs::read_to_string(&stamp).is_ok_and(|stamp| stamp == made_from) {
        return Ok(folder);
    }
    files::remove(&folder)?;
    let mut bindgen = Command::new(tools.wasm_bindgen.join(format!("wasm-bindgen{EXE_SUFFIX}")));
    bindgen
        .args(["--target", "web", "--no-typescript", "--out-name", name, "--out-dir"])
        .arg(&folder)
        .arg(&compiled);
    shell::run(&mut bindgen).with_context(|| format!("{} could not be bound", compiled.display()))?;
    if let (false, Some(wasm_opt)) = (optimisation.is_empty(), &tools.wasm_opt) {
        optimise(wasm_opt, &folder.join(format!("{name}_bg.wasm")), optimisation)?;
    }
    // Written last: an interrupted call is not taken for a finished one.
    files::write(&stamp, &made_from)?;
    Ok(folder)
}

fn optimise(wasm_opt: &Path, wasm: &Path, how: &[&str]) -> Result<()> {
    let mut node = Command::new("node");
    node.arg(wasm_opt).args(how);
    // What the compiler uses; wasm-opt would otherwise refuse it.
    node.args([
        "--enable-bulk-memory",
        "--enable-bulk-memory-opt",
        "--enable-call-indirect-overlong",
        "--enable-extended-const",
        "--enable-multivalue",
        "--enable-mutable-globals",
        "--enable-nontrapping-float-to-int",
        "--enable-reference-types",
        "--enable-sign-ext",
        "--enable-simd",
    ]);
    node.arg(wasm).arg("-o").arg(wasm);
    shell::run(&mut node).with_context(|| format!("{} could not be optimised", wasm.display()))
}
