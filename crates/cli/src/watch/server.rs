//! Serves the page and the watched folder to this machine only.
//!
//! `/run/index.json` lists the complete files, `/run/events` tells of changes as server-sent events, and `/run/…` are the files.

use std::{
    collections::BTreeMap,
    convert::Infallible,
    net::{Ipv4Addr, TcpListener},
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    thread,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use axum::{
    Json, Router,
    extract::{Request, State},
    http::{
        HeaderName, HeaderValue, StatusCode,
        header::{CACHE_CONTROL, HOST, X_CONTENT_TYPE_OPTIONS},
    },
    middleware::{self, Next},
    response::{
        IntoResponse as _, Response, Sse,
        sse::{Event, KeepAlive},
    },
    routing::get,
};
use futures::{Stream, stream};
use serde::Serialize;
use tokio::sync::{broadcast, watch};
use tower_http::{services::ServeDir, set_header::SetResponseHeaderLayer};

use super::{
    folder::Stamp,
    page::{self, PageOptions},
};
use crate::error::Error;

/// Ports tried after the requested one, if that is in use.
const PORTS_TRIED: u16 = 20;

/// Events of the run that a slow page may be behind; `events.jsonl` has all of them.
const ALARMS_KEPT: usize = 256;

/// A line is sent after this time without a change, so that a lost connection is noticed.
const SIGN_OF_LIFE: Duration = Duration::from_secs(20);

/// Headers of every response. The page and the list must always be requested again.
const HEADERS: [(HeaderName, &str); 2] = [(CACHE_CONTROL, "no-cache"), (X_CONTENT_TYPE_OPTIONS, "nosniff")];

/// The list of the complete files, as the page reads it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct FileList {
    title: String,
    /// Paths in the folder.
    files: Vec<String>,
    /// When each was changed last, in seconds since 1970.
    modified: Vec<u64>,
    /// Address of the server-sent events for changes of this list, relative to its own address.
    events: &'static str,
}

impl FileList {
    /// The list of these files.
    pub fn new(title: &str, complete: &BTreeMap<PathBuf, Stamp>) -> Self {
        let seconds = |time: SystemTime| time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let parts = |path: &Path| -> Vec<String> {
            path.components().map(|part| trace::hub::escaped(&part.as_os_str().to_string_lossy())).collect()
        };
        Self {
            title: title.to_owned(),
            files: complete.keys().map(|path| parts(path).join("/")).collect(),
            modified: complete.values().map(|stamp| seconds(stamp.modified)).collect(),
            events: "events",
        }
    }
}

/// A running server. It runs as long as the program.
pub struct Server {
    port: u16,
    list: Arc<Mutex<FileList>>,
    changed: watch::Sender<u64>,
    alarms: broadcast::Sender<String>,
}

#[derive(Clone)]
struct Shared {
    list: Arc<Mutex<FileList>>,
    changed: watch::Receiver<u64>,
    alarms: broadcast::Sender<String>,
}

impl Server {
    /// Serves the page, and a folder if there is one.
    ///
    /// # Errors
    /// There is no page, or no free port.
    pub fn start(options: &PageOptions, folder: Option<&Path>) -> Result<Self, Error> {
        let page = page::router(options.folder.as_deref())?;
        let listener = bind(options.port)?;
        let system = |source| Error::Port { port: options.port, source };
        let port = listener.local_addr().map_err(system)?.port();
        listener.set_nonblocking(true).map_err(system)?;
        let list = Arc::new(Mutex::new(FileList::default()));
        let (changed, receiver) = watch::channel(0);
        let (alarms, _) = broadcast::channel(ALARMS_KEPT);
        let shared = Shared { list: Arc::clone(&list), changed: receiver, alarms: alarms.clone() };
        let mut router = page;
        if let Some(folder) = folder {
            let run = Router::new()
                .route("/run/index.json", get(listed))
                .route("/run/events", get(events))
                .with_state(shared)
                .nest_service("/run/", ServeDir::new(folder));
            router = router.merge(run);
        }
        let mut router = router.layer(middleware::from_fn(only_this_machine));
        for (name, value) in HEADERS {
            router = router.layer(SetResponseHeaderLayer::overriding(name, HeaderValue::from_static(value)));
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(system)?;
        thread::spawn(move || {
            runtime.block_on(async {
                if let Ok(listener) = tokio::net::TcpListener::from_std(listener) {
                    axum::serve(listener, router).await.ok();
                }
            });
        });
        Ok(Self { port, list, changed, alarms })
    }

    /// The address of the page.
    pub fn address(&self) -> String {
        format!("http://127.0.0.1:{}/", self.port)
    }

    /// The address of the page that follows the folder.
    pub fn run_address(&self, seconds: u64) -> String {
        format!("{0}#src={0}run/&watch={seconds}", self.address())
    }

    /// Replaces the list of files, and tells the pages that are open.
    pub fn publish(&self, list: FileList) {
        if let Ok(mut known) = self.list.lock() {
            *known = list;
        }
        self.changed.send_modify(|version| *version += 1);
    }

    /// Sends an event of the run, as JSON, to the pages that are open.
    pub fn send(&self, event: String) {
        // Without an open page there is no receiver.
        self.alarms.send(event).ok();
    }
}

async fn listed(State(shared): State<Shared>) -> Response {
    match shared.list.lock() {
        Ok(list) => Json(list.clone()).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// An event at once, so that a page that was cut off looks again, and one for every change. Events of the run are of the
/// type `alarm` and without an id, so the last id stays that of the list.
async fn events(State(shared): State<Shared>) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let mut changed = shared.changed;
    changed.mark_changed();
    let told = stream::unfold(changed, async |mut changed| {
        changed.changed().await.ok()?;
        let version = *changed.borrow_and_update();
        Some((Ok(Event::default().id(version.to_string()).data(version.to_string())), changed))
    });
    let alarms = stream::unfold(shared.alarms.subscribe(), async |mut alarms| {
        loop {
            match alarms.recv().await {
                Ok(json) => return Some((Ok(Event::default().event("alarm").data(json)), alarms)),
                Err(broadcast::error::RecvError::Lagged(_)) => {}
                Err(broadcast::error::RecvError::Closed) => return None,
            }
        }
    });
    Sse::new(stream::select(told, alarms)).keep_alive(KeepAlive::new().interval(SIGN_OF_LIFE))
}

/// Refuses requests under another name: a page elsewhere could let its own name point to this machine and read the traces.
async fn only_this_machine(request: Request, next: Next) -> Response {
    let host = request.headers().get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    if name == "127.0.0.1" || name == "localhost" {
        return next.run(request).await;
    }
    (StatusCode::FORBIDDEN, "This server answers only to 127.0.0.1 and localhost.\n").into_response()
}

fn bind(requested: u16) -> Result<TcpListener, Error> {
    let last = if requested == 0 { 0 } else { requested.saturating_add(PORTS_TRIED) };
    let mut failed = None;
    for port in requested..=last {
        match TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
            Ok(listener) => return Ok(listener),
            Err(error) => failed = Some(error),
        }
    }
    Err(Error::Port {
        port: requested,
        source: failed.unwrap_or_else(|| std::io::ErrorKind::AddrInUse.into()),
    })
}
