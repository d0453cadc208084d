//! `trunk`: the last step of `trunk build` and `trunk serve`, called by the hook in `Trunk.toml`.
//!
//! Trunk compiles and watches the crates. It cannot give the page a policy that blocks inline scripts, one build identifier
//! or a list of offline files, so its output is replaced by the page that the other commands build. What trunk compiled is
//! not compiled again.

use std::{env, path::PathBuf};

use anyhow::{Context as _, Result, ensure};

use crate::{
    page::{self, Profile, files},
    project::Project,
};

/// Replaces the content of trunk's staging folder by the page.
///
/// # Errors
/// If trunk did not call, or if the page does not build.
pub fn run(project: &Project) -> Result<()> {
    let staging = env::var_os("TRUNK_STAGING_DIR")
        .context("TRUNK_STAGING_DIR is not set: this command is the hook of `trunk build`, see Trunk.toml")?;
    let staging = PathBuf::from(staging);
    ensure!(staging.is_dir(), "{} is not a folder", staging.display());
    let release = env::var_os("TRUNK_PROFILE").is_some_and(|profile| profile == "release");
    let (profile, name) = if release { (Profile::Published, "published") } else { (Profile::Quick, "quick") };
    let page = project.target.join("trunk").join(name);
    page::build(project, profile, &page)?;
    files::remove(&staging)?;
    files::copy_folder(&page, &staging)
}
