//! `dist`: the folder that is published.

use std::path::PathBuf;

use anyhow::Result;
use lexopt::prelude::*;

use crate::{
    page::{self, Effort},
    project::Project,
    setup, sizes,
};

/// What `dist` was asked for.
pub struct Options {
    /// The folder to write.
    pub out: Option<PathBuf>,
}

impl Options {
    /// Reads the arguments after `dist`.
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

/// Builds it, weighs it, and fails where the page has grown too heavy.
pub fn run(project: &Project, options: &Options) -> Result<()> {
    let tools = setup::bring(project)?;
    let out = options.out.clone().unwrap_or_else(|| project.root.join("dist"));
    page::build(project, &tools, Effort::Publish, &out)?;
    let sizes = sizes::weigh(&out)?;
    sizes::print(&sizes);
    sizes::check(&sizes)?;
    println!("\nThe page is in {}. Any static host can serve it, from any path.", out.display());
    Ok(())
}
