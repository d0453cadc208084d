//! Packages of Debian and Ubuntu, installed if that needs no password.

use std::{env::consts::OS, path::Path, process::Command};

use anyhow::Result;

use crate::shell;

/// How long apt-get waits for another one to finish.
const LOCK_TIMEOUT: &str = "DPkg::Lock::Timeout=300";

/// Installs packages with apt-get and prints that it does; `false` if this system has no apt-get or needs a password for
/// it. `missing` names what the packages are for.
pub fn install(missing: &str, packages: &[&str]) -> Result<bool> {
    let debian =
        OS == "linux" && Path::new("/etc/debian_version").exists() && shell::on_path("apt-get").is_some();
    if !debian {
        return Ok(false);
    }
    let output = Command::new("id").arg("-u").output();
    let root = output.is_ok_and(|output| output.stdout.trim_ascii() == b"0");
    // Only a sudo that asks for no password: a test must not wait for one.
    let sudo = !root && shell::succeeds(Command::new("sudo").args(["-n", "true"]));
    if !root && !sudo {
        return Ok(false);
    }
    println!("{missing} is missing: installing the Debian packages {} with apt-get", packages.join(" and "));
    let apt = |arguments: &[&str]| {
        let mut command = Command::new(if root { "apt-get" } else { "sudo" });
        if sudo {
            command.arg("apt-get");
        }
        command.args(["-o", LOCK_TIMEOUT]).args(arguments).env("DEBIAN_FRONTEND", "noninteractive");
        shell::run(&mut command)
    };
    apt(&["update", "-q"])?;
    apt(&[&["install", "-q", "-y", "--no-install-recommends"], packages].concat())?;
    Ok(true)
}
