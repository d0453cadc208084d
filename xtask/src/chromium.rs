//! The browser that tests run in: found, or on Debian installed.

use std::{
    env::consts::OS,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Result, bail};

use crate::shell;

/// Chromium or Chrome, and the driver of the same version.
pub struct Chromium {
    /// The browser.
    pub browser: PathBuf,
    /// What wasm-bindgen's test runner steers it with.
    pub driver: PathBuf,
}

const BROWSERS: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
const BROWSER_ON_MAC: &str = "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome";
const DRIVER_ON_DEBIAN: &str = "/usr/lib/chromium/chromedriver";

impl Chromium {
    /// Finds both, or brings them where that can be done without asking.
    pub fn bring() -> Result<Self> {
        if let Some(found) = Self::find() {
            return Ok(found);
        }
        install()?;
        match Self::find() {
            Some(found) => Ok(found),
            None => bail!("Chromium was installed, but `chromium` and `chromedriver` are not to be found"),
        }
    }

    fn find() -> Option<Self> {
        let mac = PathBuf::from(BROWSER_ON_MAC);
        let browser = named("CHROME")
            .or_else(|| BROWSERS.iter().find_map(|name| shell::on_path(name)))
            .or_else(|| mac.is_file().then_some(mac))?;
        let debian = PathBuf::from(DRIVER_ON_DEBIAN);
        let driver = named("CHROMEDRIVER")
            .or_else(|| shell::on_path("chromedriver"))
            .or_else(|| debian.is_file().then_some(debian))?;
        Some(Self { browser, driver })
    }
}

fn named(variable: &str) -> Option<PathBuf> {
    std::env::var_os(variable).map(PathBuf::from).filter(|path| path.is_file())
}

const BY_HAND: &str = "the tests run in headless Chromium. Install Chromium or Chrome and the chromedriver of the same version \
    (macOS: `brew install --cask google-chrome chromedriver`; Debian and Ubuntu: `apt-get install chromium chromium-driver`), \
    or name them in CHROME and CHROMEDRIVER";

fn install() -> Result<()> {
    let debian =
        OS == "linux" && Path::new("/etc/debian_version").exists() && shell::on_path("apt-get").is_some();
    if !debian {
        bail!("{BY_HAND}");
    }
    let output = Command::new("id").arg("-u").output();
    let root = output.is_ok_and(|output| output.stdout.trim_ascii() == b"0");
    // Only a sudo that asks for no password: a test must not wait for one.
    let sudo = !root && shell::succeeds(Command::new("sudo").args(["-n", "true"]));
    if !root && !sudo {
        bail!("{BY_HAND}");
    }
    println!(
        "Chromium or its driver is missing: installing Debian's packages chromium and chromium-driver by apt-get"
    );
    let apt = |arguments: &[&str]| {
        let mut command = Command::new(if root { "apt-get" } else { "sudo" });
        if sudo {
            command.arg("apt-get");
        }
        command.args(arguments).env("DEBIAN_FRONTEND", "noninteractive");
        shell::run(&mut command)
    };
    apt(&["update", "-q"])?;
    apt(&["install", "-q", "-y", "--no-install-recommends", "chromium", "chromium-driver"])
}
