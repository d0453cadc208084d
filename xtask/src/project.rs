//! Where things are: the project's root, cargo's target folder, the versions that other files fix.

use std::{env, fs, path::PathBuf, process::Command};

use anyhow::{Context as _, Result};

use crate::shell;

/// The places that every chore needs.
pub struct Project {
    /// The folder of the workspace's `Cargo.toml`.
    pub root: PathBuf,
    /// Cargo's target folder, wherever the user has put it.
    pub target: PathBuf,
    /// This program, which cargo calls while it builds what is fuzzed. It is found at the start: the native tests build it
    /// anew, after which the one that runs does not find itself.
    pub program: PathBuf,
}

impl Project {
    /// Asks cargo.
    pub fn find() -> Result<Self> {
        // At run time first: two checkouts that share a target folder share this program too.
        let here = env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
        let mut cargo = Command::new(shell::cargo());
        cargo.args(["metadata", "--format-version", "1", "--no-deps", "--offline"]).current_dir(here);
        let answer = shell::output(&mut cargo)?;
        let answer: serde_json::Value =
            serde_json::from_str(&answer).context("cargo metadata gave no JSON")?;
        let place = |name: &str| -> Result<PathBuf> {
            let place =
                answer[name].as_str().with_context(|| format!("cargo metadata does not name {name}"))?;
            Ok(PathBuf::from(place))
        };
        let program = env::current_exe().context("this program does not find itself")?;
        Ok(Self { root: place("workspace_root")?, target: place("target_directory")?, program })
    }

    /// The folder of tools that belong to the project alone: never the user's own.
    pub fn tools(&self) -> PathBuf {
        self.target.join("tools")
    }

    /// The page that `serve` and `test` build.
    pub fn page(&self) -> PathBuf {
        self.target.join("page")
    }

    /// The version of a package in `Cargo.lock`.
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
