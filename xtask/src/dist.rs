//! `dist`: the folder that is published.

use std::path::PathBuf;

use anyhow::Result;
use lexopt::prelude::*;

use crate::{
    page::{self, Profile},
    project::Project,
    sizes,
};

/// The arguments after `dist`.
pub struct Options {
    /// The folder to write.
    pub out: Option<PathBuf>,
}

impl Options {
    /// Reads the arguments after `dist`.
    ///
    /// # Errors
    /// If there is an unknown one.
    pub fn parse(arguments: &mut lexopt::Parser) -> Result<Self> {
        let mut options = Self { out: None };
        while let Some(argument) = arguments.next()? {
            match argument {
                Short('o') | Long("out") => options.out = Some(std::path::absolute(arguments.value()?)?),
                other => return Err(other.unexpected().into()),
            }
        }
        Ok(options)
    }
}

/// Builds the folder and prints its sizes.
///
/// # Errors
/// If the build fails or the page is over its budget.
pub fn run(project: &Project, options: &Options) -> Result<()> {
    let out = options.out.clone().unwrap_or_else(|| project.root.join("dist"));
    page::build(project, Profile::Published, &out)?;
    let sizes = sizes::measure(&out)?;
    sizes::print(&sizes);
    sizes::check(&sizes)?;
    println!("\nThe page is in {}. Any static host can serve it, from any path.", out.display());
    Ok(())
}
