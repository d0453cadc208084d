//! A static file server for this machine only: content types for wasm and traces, and byte ranges.

use std::{
    net::{Ipv4Addr, TcpListener},
    path::PathBuf,
    thread::{self, JoinHandle},
};

use anyhow::{Context as _, Result, bail};
use axum::{
    Router,
    http::{
        HeaderName, HeaderValue,
        header::{CACHE_CONTROL, X_CONTENT_TYPE_OPTIONS},
    },
};
use tokio::sync::oneshot;
use tower_http::{services::ServeDir, set_header::SetResponseHeaderLayer};

/// Ports tried after the requested one, if that is in use.
const PORTS_TRIED: u16 = 20;

/// Headers of every response. Addresses of one build end in its identifier, but the page itself must always be requested
/// again.
const HEADERS: [(HeaderName, &str); 2] = [(CACHE_CONTROL, "no-cache"), (X_CONTENT_TYPE_OPTIONS, "nosniff")];

/// A folder under a path.
pub struct Site {
    folder: PathBuf,
    /// Starts and ends with a slash.
    prefix: String,
}

impl Site {
    /// The files of a folder, served under a prefix such as `/` or `/some/sub/`.
    pub fn new(folder: PathBuf, prefix: &str) -> Self {
        Self { folder, prefix: prefix.to_owned() }
    }

    fn router(&self) -> Router {
        let files = ServeDir::new(&self.folder);
        let router = match self.prefix.trim_end_matches('/') {
            "" => Router::new().fallback_service(files),
            prefix => Router::new().nest_service(prefix, files),
        };
        HEADERS.into_iter().fold(router, |router, (name, value)| {
            router.layer(SetResponseHeaderLayer::overriding(name, HeaderValue::from_static(value)))
        })
    }
}

/// A running server; it stops when it is dropped.
pub struct Server {
    port: u16,
    prefix: String,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Serves a site on the requested port of the loopback address, or on one of the next if that is in use. Port 0 takes any
    /// free one.
    ///
    /// # Errors
    /// If no port is free.
    pub fn start(site: Site, requested: u16) -> Result<Self> {
        let listener = bind(requested)?;
        let port = listener.local_addr()?.port();
        listener.set_nonblocking(true)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (stop, stopped) = oneshot::channel();
        let router = site.router();
        let thread = thread::spawn(move || {
            runtime.block_on(async {
                let Ok(listener) = tokio::net::TcpListener::from_std(listener) else { return };
                let serving = async { axum::serve(listener, router).await };
                // Open connections are closed when the server stops.
                tokio::select! {
                    _ = serving => {}
                    _ = stopped => {}
                }
            });
        });
        Ok(Self { port, prefix: site.prefix, stop: Some(stop), thread: Some(thread) })
    }

    /// The address of the page.
    pub fn address(&self) -> String {
        format!("http://127.0.0.1:{}{}", self.port, self.prefix)
    }

    /// Serves for as long as the program runs.
    pub fn wait(mut self) {
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            stop.send(()).ok();
        }
    }
}

fn bind(requested: u16) -> Result<TcpListener> {
    let mut last_error = None;
    for port in requested..=requested.saturating_add(PORTS_TRIED) {
        match TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
            Ok(listener) => return Ok(listener),
            Err(error) => last_error = Some(error),
        }
        if requested == 0 {
            break;
        }
    }
    match last_error {
        Some(error) => Err(error)
            .with_context(|| format!("no port from {requested} on is free; choose another with --port")),
        None => bail!("no port from {requested} on is free; choose another with --port"),
    }
}

#[cfg(test)]
mod tests {
    use std::{
        fs,
        io::{Read as _, Write as _},
        net::TcpStream,
    };

    use super::{Server, Site};

    fn get(server: &Server, request: &str) -> String {
        request_with(server, request, "")
    }

    fn request_with(server: &Server, request: &str, headers: &str) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", server.port)).unwrap();
        write!(stream, "{request} HTTP/1.1\r\nHost: localhost\r\n{headers}Connection: close\r\n\r\n")
            .unwrap();
        let mut response = String::new();
        stream.read_to_string(&mut response).unwrap();
        response
    }

    #[test]
    fn only_the_folder_is_served_and_with_its_types() {
        let folder = std::env::temp_dir().join(format!("grokscope-server-{}", std::process::id()));
        fs::create_dir_all(folder.join("inner")).unwrap();
        fs::write(folder.join("index.html"), "<p>page").unwrap();
        fs::write(folder.join("inner/a.wasm"), "0123456789").unwrap();
        let server = Server::start(Site::new(folder.clone(), "/some/sub/"), 0).unwrap();

        let page = get(&server, "GET /some/sub/?x=1");
        assert!(
            page.starts_with("HTTP/1.1 200") && page.contains("text/html") && page.ends_with("<p>page"),
            "{page}"
        );
        let wasm = get(&server, "GET /some/sub/inner/a.wasm?v=1");
        assert!(wasm.contains("application/wasm") && wasm.ends_with("0123456789"), "{wasm}");
        let part = request_with(&server, "GET /some/sub/inner/a.wasm", "Range: bytes=2-4\r\n");
        assert!(
            part.starts_with("HTTP/1.1 206")
                && part.contains("bytes 2-4/10")
                && part.ends_with("\r\n\r\n234"),
            "{part}"
        );
        for outside in [
            "/",
            "/some/sub/../../etc/passwd",
            "/some/sub/%2e%2e/x",
            "/some/sub//etc/passwd",
            "/some/sub/absent",
        ] {
            assert!(get(&server, &format!("GET {outside}")).starts_with("HTTP/1.1 404"), "{outside}");
        }
        assert!(get(&server, "POST /some/sub/").starts_with("HTTP/1.1 405"));

        fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn the_next_port_is_taken_where_one_is_in_use() {
        let folder = std::env::temp_dir();
        let first = Server::start(Site::new(folder.clone(), "/"), 0).unwrap();
        let second = Server::start(Site::new(folder, "/"), first.port).unwrap();
        assert_ne!(first.port, second.port);
    }
}
