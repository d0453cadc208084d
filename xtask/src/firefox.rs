//! Stock Firefox, which some tests run in: found on this machine, or installed on Debian.

use std::path::PathBuf;

use anyhow::{Context as _, Result};

use crate::{debian, shell};

const NAMES: [&str; 2] = ["firefox", "firefox-esr"];
const ON_MAC: &str = "/Applications/Firefox.app/Contents/MacOS/firefox";

/// Finds it, or installs it on Debian.
///
/// # Errors
/// Why there is none. Ubuntu, for instance, has apt-get but no such package.
pub fn find_or_install() -> Result<PathBuf> {
    if let Some(found) = find() {
        return Ok(found);
    }
    debian::install("Firefox", &["firefox-esr"])?;
    find().context(
        "there is no `firefox` and no `firefox-esr` on the PATH. Install Firefox, or name it in FIREFOX",
    )
}

fn find() -> Option<PathBuf> {
    let named = std::env::var_os("FIREFOX").map(PathBuf::from);
    named
        .filter(|path| path.is_file())
        .or_else(|| NAMES.iter().find_map(|name| shell::on_path(name)))
        .or_else(|| Some(PathBuf::from(ON_MAC)).filter(|path| path.is_file()))
}
