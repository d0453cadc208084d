//! `setup`: everything that building the page needs.

use anyhow::Result;

use crate::{project::Project, tools::Tools};

/// Sets up the tools and prints where they are.
///
/// # Errors
/// If one cannot be built or installed.
pub fn run(project: &Project) -> Result<()> {
    Tools::add_wasm_target(project)?;
    Tools::for_publishing(project)?;
    println!("The tools are in {}.", project.tools().display());
    Ok(())
}
