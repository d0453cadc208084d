//! `dist`: the folder that is published.

use std::path::PathBuf;

use anyhow::{Result, ensure};
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
    /// The URL at which the page will be, with a slash at the end.
    pub address: Option<String>,
    /// The URL of the source code, to which the page's documents link.
    pub source: Option<String>,
}

impl Options {
    /// Reads the arguments after `dist`.
    ///
    /// # Errors
    /// If there is an unknown one or no usable address.
    pub fn parse(arguments: &mut lexopt::Parser) -> Result<Self> {
        let mut options = Self { out: None, address: None, source: None };
        while let Some(argument) = arguments.next()? {
            match argument {
                Short('o') | Long("out") => options.out = Some(std::path::absolute(arguments.value()?)?),
                Long("address") => {
                    options.address = Some(folder("--address", &arguments.value()?.string()?)?);
                }
                Long("source") => options.source = Some(folder("--source", &arguments.value()?.string()?)?),
                other => return Err(other.unexpected().into()),
            }
        }
        Ok(options)
    }
}

/// The URL of a folder, from one with or without a slash at the end.
fn folder(option: &str, text: &str) -> Result<String> {
    let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "-._~:/[]%@".contains(letter);
    ensure!(
        host.is_some_and(|host| !host.is_empty() && !host.starts_with('/')) && text.chars().all(is_plain),
        "{option} {text} is not the URL of a folder, such as https://example.org/grokscope/"
    );
    Ok(format!("{}/", text.trim_end_matches('/')))
}

/// Builds the folder and prints its sizes.
///
/// # Errors
/// If the build fails or the page is over its budget.
pub fn run(project: &Project, options: &Options) -> Result<()> {
    let out = options.out.clone().unwrap_or_else(|| project.root.join("dist"));
    page::build(project, Profile::Published, &out)?;
    if let Some(address) = &options.address {
        page::set_address(&out, address)?;
    }
    if let Some(source) = &options.source {
        page::set_source(&out, source)?;
    }
    let sizes = sizes::measure(&out)?;
    sizes::print(&sizes);
    sizes::check(&sizes)?;
    println!("\nThe page is in {}. Any static host can serve it, from any path.", out.display());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::folder;

    #[test]
    fn an_address_is_the_url_of_a_folder() {
        for text in ["https://example.org/grokscope", "https://example.org/grokscope/"] {
            assert_eq!(folder("--address", text).unwrap(), "https://example.org/grokscope/");
        }
        assert_eq!(folder("--address", "http://127.0.0.1:8080").unwrap(), "http://127.0.0.1:8080/");
        for text in ["", "example.org", "https://", "https:///x", "ftp://x", "https://x/?a", "https://x/\""] {
            assert!(folder("--address", text).is_err(), "{text}");
        }
    }
}
