//! Paths of the project: its root, cargo's target folder, tools; and versions in `Cargo.lock`.

use std::{env, fs, path::PathBuf, process::Command};

use anyhow::{Context as _, Result};

use crate::shell;

/// The paths that every command needs.
pub struct Project {
    /// The folder of the workspace's `Cargo.toml`.
    pub root: PathBuf,
    /// Cargo's target folder.
    pub target: PathBuf,
    /// This program, which cargo calls as compiler of the fuzz targets. Looked up at the start: once the native tests have
    /// rebuilt it, the running one cannot find its own file any more.
    pub program: PathBuf,
}

impl Project {
    /// Asks cargo for the paths.
    ///
    /// # Errors
    /// If `cargo metadata` fails.
    pub fn find() -> Result<Self> {
        // At run time first: two checkouts that share a target folder share this program too.
        let here = env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
        let mut cargo = Command::new(shell::cargo());
        cargo.args(["metadata", "--format-version", "1", "--no-deps", "--offline"]).current_dir(here);
        let metadata = shell::output(&mut cargo)?;
        let metadata: serde_json::Value =
            serde_json::from_str(&metadata).context("cargo metadata printed no JSON")?;
        let path = |name: &str| -> Result<PathBuf> {
            let path =
                metadata[name].as_str().with_context(|| format!("cargo metadata does not name {name}"))?;
            Ok(PathBuf::from(path))
        };
        let program = env::current_exe().context("the path of this program is unknown")?;
        Ok(Self { root: path("workspace_root")?, target: path("target_directory")?, program })
    }

    /// The folder for tools of this project.
    pub fn tools(&self) -> PathBuf {
        self.target.join("tools")
    }

    /// The published page that `test` builds and `e2e` opens.
    pub fn published(&self) -> PathBuf {
        self.target.join("dist")
    }

    /// The version of a package in `Cargo.lock`.
    ///
    /// # Errors
    /// If the file cannot be read or does not have the package.
    pub fn locked_version(&self, package: &str) -> Result<String> {
        let path = self.root.join("Cargo.lock");
        let lock = fs::read_to_string(&path).with_context(|| format!("{} cannot be read", path.display()))?;
        locked_version(&lock, package)
            .map(str::to_owned)
            .with_context(|| format!("{} has no package {package}", path.display()))
    }
}

fn locked_version<'a>(lock: &'a str, package: &str) -> Option<&'a str> {
    let name = format!("name = \"{package}\"");
    let mut lines = lock.lines().skip_while(|line| *line != name);
    lines.next()?;
    lines.next()?.strip_prefix("version = \"")?.strip_suffix('"')
}

#[cfg(test)]
mod tests {
    use super::locked_version;

    #[test]
    fn the_lock_file_names_versions() {
        let lock = "[[package]]\nname = \"wasm-bindgen-futures\"\nversion = \"0.4.1\"\n\n\
                    [[package]]\nname = \"wasm-bindgen\"\nversion = \"0.2.130\"\n";
        assert_eq!(locked_version(lock, "wasm-bindgen"), Some("0.2.130"));
        assert_eq!(locked_version(lock, "wasm"), None);
    }
}
