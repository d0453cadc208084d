//! The browser that tests run in: found on this machine, or installed on Debian.

use std::path::PathBuf;

use anyhow::{Result, bail};

use crate::{debian, shell};

/// Chromium or Chrome, and the driver of the same version.
pub struct Chromium {
    /// The browser.
    pub browser: PathBuf,
    /// The chromedriver that wasm-bindgen's test runner uses.
    pub driver: PathBuf,
}

const BROWSERS: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
const BROWSER_ON_MAC: &str = "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome";
const DRIVER_ON_DEBIAN: &str = "/usr/lib/chromium/chromedriver";

impl Chromium {
    /// Finds both, or installs them on Debian and Ubuntu.
    ///
    /// # Errors
    /// If they are missing and cannot be installed.
    pub fn find_or_install() -> Result<Self> {
        if let Some(found) = Self::find() {
            return Ok(found);
        }
        install()?;
        match Self::find() {
            Some(found) => Ok(found),
            None => bail!("Chromium was installed, but `chromium` and `chromedriver` are not on the PATH"),
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
    if !debian::install("Chromium or its driver", &["chromium", "chromium-driver"])? {
        bail!("{BY_HAND}");
    }
    Ok(())
}
