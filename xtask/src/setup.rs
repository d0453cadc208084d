//! `setup`: everything that the page needs to be built.

use anyhow::Result;

use crate::{project::Project, tools::Tools};

/// Brings the tools and says where they are.
pub fn run(project: &Project) -> Result<()> {
    bring(project)?;
    println!("Everything is set up in {}.", project.tools().display());
    Ok(())
}

/// Brings the tools.
pub fn bring(project: &Project) -> Result<Tools> {
    println!("Setting up");
    Tools::bring(project)
}
