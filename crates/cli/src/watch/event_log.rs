//! `events.jsonl`: every event that was reported, one JSON object per line.

use std::{
    fs::{self, File},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use super::events::Event;

/// Name of the file, which is beside the report.
pub const EVENTS_NAME: &str = "events.jsonl";

/// The events reported so far, also by earlier runs of the program.
pub struct EventLog {
    path: PathBuf,
    reported: Vec<Event>,
    /// Whether the file ends within a line, because a writer was stopped.
    is_cut: bool,
}

impl EventLog {
    /// Reads the events that were reported. Lines that are no events are ignored.
    ///
    /// # Errors
    /// The file exists and cannot be read.
    pub fn open(path: &Path) -> io::Result<Self> {
        let text = match fs::read(path) {
            Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(error),
        };
        let reported = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        Ok(Self { path: path.to_owned(), reported, is_cut: !text.is_empty() && !text.ends_with('\n') })
    }

    /// Whether an event was reported before.
    pub fn has(&self, event: &Event) -> bool {
        self.reported.iter().any(|known| known.is_same(event))
    }

    /// Adds an event, which counts as reported even if the file cannot be written.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn add(&mut self, event: Event, json: &str) -> io::Result<()> {
        self.reported.push(event);
        let mut file = File::options().create(true).append(true).open(&self.path)?;
        let start = if std::mem::take(&mut self.is_cut) { "\n" } else { "" };
        file.write_all(format!("{start}{json}\n").as_bytes())
    }
}
