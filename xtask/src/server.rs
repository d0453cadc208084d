//! A small static file server for this machine alone: right types for wasm and traces, and parts of files (`Range`).

use std::{
    fs::File,
    io::{Read as _, Seek as _, SeekFrom},
    net::Ipv4Addr,
    path::{Component, Path, PathBuf},
    sync::Arc,
    thread::{self, JoinHandle},
};

use anyhow::{Result, bail};
use tiny_http::{Header, Method, Request, Response, StatusCode};

/// Ports tried after the wished one, if that is taken.
const PORTS_TRIED: u16 = 20;

/// Requests answered at once.
const THREADS: usize = 8;

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

    /// The file that an address means, if it is one of the site's.
    fn file(&self, url: &str) -> Option<PathBuf> {
        let path = url.split(['?', '#']).next()?;
        let path = percent_decoded(path.strip_prefix(&self.prefix)?)?;
        let relative = Path::new(&path);
        // Nothing outside of the folder: no `..`, no root, no drive.
        let plain = relative.components().all(|part| matches!(part, Component::Normal(_)));
        let file = plain.then(|| self.folder.join(relative))?;
        let file = if file.is_dir() { file.join("index.html") } else { file };
        file.is_file().then_some(file)
    }
}

fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        rest = tail;
        if first == b'%' {
            let (digits, tail) = rest.split_at_checked(2)?;
            bytes.push(u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?);
            rest = tail;
        } else {
            bytes.push(first);
        }
    }
    String::from_utf8(bytes).ok()
}

/// A running server; it stops when it is dropped.
pub struct Server {
    http: Arc<tiny_http::Server>,
    port: u16,
    prefix: String,
    threads: Vec<JoinHandle<()>>,
}

impl Server {
    /// Serves a site on the wished port of the loopback address, or on one of the next if that is taken. Port 0 takes any.
    pub fn start(site: Site, wished: u16) -> Result<Self> {
        let (http, port) = bind(wished)?;
        let (http, site) = (Arc::new(http), Arc::new(site));
        let threads = (0..THREADS)
            .map(|_| {
                let (http, site) = (Arc::clone(&http), Arc::clone(&site));
                thread::spawn(move || {
                    while let Ok(request) = http.recv() {
                        answer(&site, request);
                    }
                })
            })
            .collect();
        Ok(Self { http, port, prefix: site.prefix.clone(), threads })
    }

    /// The address of the page.
    pub fn address(&self) -> String {
        format!("http://127.0.0.1:{}{}", self.port, self.prefix)
    }

    /// Serves for as long as the program runs.
    pub fn wait(mut self) {
        for thread in self.threads.drain(..) {
            thread.join().ok();
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        for _ in 0..THREADS {
            self.http.unblock();
        }
    }
}

fn bind(wished: u16) -> Result<(tiny_http::Server, u16)> {
    let mut trouble = String::new();
    for port in wished..=wished.saturating_add(PORTS_TRIED) {
        match tiny_http::Server::http((Ipv4Addr::LOCALHOST, port)) {
            Ok(server) => {
                let port = server.server_addr().to_ip().map_or(port, |address| address.port());
                return Ok((server, port));
            }
            Err(error) => trouble = error.to_string(),
        }
        if wished == 0 {
            break;
        }
    }
    bail!("no port from {wished} on is free ({trouble}); name another with --port")
}

fn answer(site: &Site, request: Request) {
    let outcome = if matches!(request.method(), Method::Get | Method::Head) {
        match site.file(request.url()).and_then(|path| Some((File::open(&path).ok()?, path))) {
            Some((file, path)) => send(request, file, &path),
            None => request.respond(plain(404, "There is no such file here.")),
        }
    } else {
        request.respond(plain(405, "Only GET and HEAD are answered here."))
    };
    // A browser that went away needs no answer.
    outcome.ok();
}

fn plain(status: u16, text: &str) -> Response<std::io::Cursor<Vec<u8>>> {
    Response::from_string(text).with_status_code(status)
}

fn send(request: Request, mut file: File, path: &Path) -> std::io::Result<()> {
    let size = file.metadata()?.len();
    let range = request
        .headers()
        .iter()
        .find(|header| header.field.equiv("Range"))
        .map(|header| header.value.to_string());
    let mut headers = vec![
        header("Content-Type", media_type(path)),
        header("Accept-Ranges", "bytes"),
        // Addresses of one build end in its identifier, but the page itself must always be asked for.
        header("Cache-Control", "no-cache"),
        header("X-Content-Type-Options", "nosniff"),
    ];
    let (status, start, length) =
        match range.as_deref().map_or(Range::Whole, |range| parse_range(range, size)) {
            Range::Whole => (200, 0, size),
            Range::Part { start, end } => {
                headers.push(header("Content-Range", &format!("bytes {start}-{}/{size}", end - 1)));
                (206, start, end - start)
            }
            Range::Outside => {
                let outside = plain(416, "The file has no such part.")
                    .with_header_opt(header("Content-Range", &format!("bytes */{size}")));
                return request.respond(outside);
            }
        };
    file.seek(SeekFrom::Start(start))?;
    let headers = headers.into_iter().flatten().collect();
    let length_of = usize::try_from(length).ok();
    request.respond(Response::new(StatusCode(status), headers, file.take(length), length_of, None))
}

#[derive(Debug, PartialEq, Eq)]
enum Range {
    Whole,
    /// From `start` to before `end`.
    Part {
        start: u64,
        end: u64,
    },
    Outside,
}

/// One range; several at once are answered with the whole, as the standard allows.
fn parse_range(range: &str, size: u64) -> Range {
    let Some((from, to)) = range.strip_prefix("bytes=").and_then(|range| range.trim().split_once('-')) else {
        return Range::Whole;
    };
    let (start, end) = match (from.parse::<u64>(), to.parse::<u64>()) {
        (Ok(start), Ok(last)) if start <= last => (start, last.saturating_add(1).min(size)),
        (Ok(start), Err(_)) if to.is_empty() => (start, size),
        (Err(_), Ok(length)) if from.is_empty() => (size.saturating_sub(length), size),
        _ => return Range::Whole,
    };
    if start < end { Range::Part { start, end } } else { Range::Outside }
}

fn header(name: &str, value: &str) -> Option<Header> {
    Header::from_bytes(name, value).ok()
}

trait WithHeader {
    fn with_header_opt(self, header: Option<Header>) -> Self;
}

impl<R: std::io::Read> WithHeader for Response<R> {
    fn with_header_opt(self, header: Option<Header>) -> Self {
        match header {
            Some(header) => self.with_header(header),
            None => self,
        }
    }
}

fn media_type(path: &Path) -> &'static str {
    match path.extension().and_then(|ending| ending.to_str()).unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" => "application/json",
        "webmanifest" => "application/manifest+json",
        "wasm" => "application/wasm",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "md" | "txt" => "text/plain; charset=utf-8",
        // Traces among them.
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use std::{
        fs,
        io::{Read as _, Write as _},
        net::TcpStream,
    };

    use super::{Range, Server, Site, parse_range, percent_decoded};

    #[test]
    fn ranges_are_read_as_the_standard_says() {
        assert_eq!(parse_range("bytes=0-7", 100), Range::Part { start: 0, end: 8 });
        assert_eq!(parse_range("bytes=90-", 100), Range::Part { start: 90, end: 100 });
        assert_eq!(parse_range("bytes=-10", 100), Range::Part { start: 90, end: 100 });
        assert_eq!(parse_range("bytes=90-1000", 100), Range::Part { start: 90, end: 100 });
        assert_eq!(parse_range("bytes=100-", 100), Range::Outside);
        assert_eq!(parse_range("bytes=5-2", 100), Range::Whole);
        assert_eq!(parse_range("bytes=0-1,5-6", 100), Range::Whole);
        assert_eq!(parse_range("lines=0-1", 100), Range::Whole);
    }

    #[test]
    fn percent_signs_are_read() {
        assert_eq!(percent_decoded("a%20b").as_deref(), Some("a b"));
        assert_eq!(percent_decoded("%2"), None);
        assert_eq!(percent_decoded("%ff"), None);
    }

    fn ask(server: &Server, request: &str) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", server.port)).unwrap();
        write!(stream, "{request} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    #[test]
    fn only_the_folder_is_served_and_with_its_types() {
        let folder = std::env::temp_dir().join(format!("grokscope-server-{}", std::process::id()));
        fs::create_dir_all(folder.join("inner")).unwrap();
        fs::write(folder.join("index.html"), "<p>page").unwrap();
        fs::write(folder.join("inner/a.wasm"), "0123456789").unwrap();
        let server = Server::start(Site::new(folder.clone(), "/some/sub/"), 0).unwrap();

        let page = ask(&server, "GET /some/sub/?x=1");
        assert!(
            page.starts_with("HTTP/1.1 200") && page.contains("text/html") && page.ends_with("<p>page"),
            "{page}"
        );
        let wasm = ask(&server, "GET /some/sub/inner/a.wasm?v=1");
        assert!(wasm.contains("application/wasm") && wasm.ends_with("0123456789"), "{wasm}");
        for outside in [
            "/",
            "/some/sub/../../etc/passwd",
            "/some/sub/%2e%2e/x",
            "/some/sub//etc/passwd",
            "/some/sub/absent",
        ] {
            assert!(ask(&server, &format!("GET {outside}")).starts_with("HTTP/1.1 404"), "{outside}");
        }
        assert!(ask(&server, "POST /some/sub/").starts_with("HTTP/1.1 405"));

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
