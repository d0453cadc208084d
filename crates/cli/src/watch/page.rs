//! The built page: in this program, or in a folder.

use std::path::{Path, PathBuf};

use axum::Router;
#[cfg(feature = "page")]
use axum::{
    http::{StatusCode, Uri, header::CONTENT_TYPE},
    response::{IntoResponse as _, Response},
};
use clap::Args;
use tower_http::services::ServeDir;

use crate::error::Error;

/// Where the page is and how it is served.
#[derive(Clone, Debug, Args)]
pub struct PageOptions {
    /// Folder of the page, as `cargo xtask dist` writes it. A program that was built with the page needs none.
    #[arg(id = "page", long = "page", value_name = "FOLDER")]
    pub folder: Option<PathBuf>,
    /// Port on this machine; if it is in use, one of the next. 0 takes any that is free.
    #[arg(long, default_value_t = 8765)]
    pub port: u16,
}

impl PageOptions {
    /// Whether there is no page to serve.
    pub fn is_none(&self) -> bool {
        self.folder.is_none() && !cfg!(feature = "page")
    }
}

/// The page of this program.
#[cfg(feature = "page")]
#[derive(rust_embed::Embed)]
#[folder = "$GROKSCOPE_PAGE"]
struct Built;

/// The files of the page.
///
/// # Errors
/// There is no page in the folder, or neither a folder nor a page in this program.
pub fn router(folder: Option<&Path>) -> Result<Router, Error> {
    match folder {
        Some(folder) if folder.join("index.html").is_file() && folder.join("boot.js").is_file() => {
            Ok(Router::new().fallback_service(ServeDir::new(folder)))
        }
        Some(folder) => Err(Error::NoPage { folder: folder.into() }),
        None => built(),
    }
}

#[cfg(feature = "page")]
#[expect(clippy::unnecessary_wraps, reason = "without a page in the program it is an error")]
fn built() -> Result<Router, Error> {
    Ok(Router::new().fallback(async |uri: Uri| file(&uri)))
}

#[cfg(not(feature = "page"))]
fn built() -> Result<Router, Error> {
    Err(Error::BuiltWithoutPage)
}

#[cfg(feature = "page")]
fn file(uri: &Uri) -> Response {
    let path = match uri.path().trim_start_matches('/') {
        "" => "index.html",
        path => path,
    };
    let Some(file) = Built::get(path) else { return StatusCode::NOT_FOUND.into_response() };
    let kind = match path.rsplit_once('.').map_or("", |(_, ending)| ending) {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript",
        "css" => "text/css",
        "wasm" => "application/wasm",
        "json" => "application/json",
        "webmanifest" => "application/manifest+json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "woff2" => "font/woff2",
        _ => "application/octet-stream",
    };
    ([(CONTENT_TYPE, kind)], file.data).into_response()
}
