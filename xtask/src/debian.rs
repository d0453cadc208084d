//! Packages of Debian and Ubuntu, where that is the system and they may be installed without asking.

use std::{env::consts::OS, path::Path, process::Command};

use anyhow::Result;

use crate::shell;

/// Installs packages by apt-get and says so; `false` where that cannot be done here. `missing` is what they are for.
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
    println!("{missing} is missing: installing Debian's packages {} by apt-get", packages.join(" and "));
    let apt = |arguments: &[&str]| {
        let mut command = Command::new(if root { "apt-get" } else { "sudo" });
        if sudo {
            command.arg("apt-get");
        }
        command.args(arguments).env("DEBIAN_FRONTEND", "noninteractive");
        shell::run(&mut command)
    };
    apt(&["update", "-q"])?;
    apt(&[&["install", "-q", "-y", "--no-install-recommends"], packages].concat())?;
    Ok(true)
}
