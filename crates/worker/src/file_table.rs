//! The files of the run, in the order in which they were added.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};

use futures::{StreamExt as _, stream};
use protocol::{
    Event, FileRow, FileState, Progress, WorkUnit,
    addresses::{self, Address},
};
use trace::{BlobSource, ByteSource as _, CachedBranches, LARGEST_REFERENCE, Source, listing::Listed};
use wasm_bindgen::{JsCast as _, JsValue};
use web_sys::Blob;

use crate::{
    entry::{Entry, FileOrigin, NestedFiles},
    folders,
    opening::{Content, Members, open},
    post::{Throttle, post},
    yielding::turn,
};

/// Number of files that are opened at the same time, which is the number of requests that browsers
/// send to one server at the same time.
const OPENED_AT_ONCE: usize = 6;

/// The files of the run.
#[derive(Default)]
pub struct FileTable {
    entries: RefCell<Vec<Entry>>,
    next_id: Cell<usize>,
    /// Files that name the commits of branches, before they are read.
    references: RefCell<Vec<Source>>,
    /// The branches of cached repositories.
    branches: RefCell<CachedBranches>,
}

impl FileTable {
    /// Reads the entries.
    pub fn read<T>(&self, read: impl FnOnce(&[Entry]) -> T) -> T {
        read(&self.entries.borrow())
    }

    /// Changes entries.
    pub fn change_all<T>(&self, change: impl FnOnce(&mut [Entry]) -> T) -> T {
        change(&mut self.entries.borrow_mut())
    }

    /// Changes one entry; `None` if it was removed.
    pub fn change<T>(&self, id: usize, change: impl FnOnce(&mut Entry) -> T) -> Option<T> {
        self.entries.borrow_mut().iter_mut().find(|entry| entry.row.id == id).map(change)
    }

    /// Posts the table.
    pub fn post(&self) {
        let rows: Vec<FileRow> = self.read(|entries| entries.iter().map(Entry::row).collect());
        post(&Event::Files { rows });
    }

    /// Removes a file, and the files inside it. Returns the removed rows.
    pub fn remove(&self, id: usize) -> Vec<usize> {
        let removed = |entry: &Entry| entry.row.id == id || entry.parent == Some(id);
        self.entries.borrow_mut().extract_if(.., |entry| removed(entry)).map(|entry| entry.row.id).collect()
    }

    /// Removes all files. Returns the removed rows.
    pub fn clear(&self) -> Vec<usize> {
        self.references.take();
        self.branches.take();
        self.entries.take().into_iter().map(|entry| entry.row.id).collect()
    }

    /// Adds addresses that the user entered.
    pub fn add_urls(&self, urls: Vec<String>) {
        for url in urls {
            match addresses::read(&url) {
                Address::File(url) => {
                    let path = url.rsplit('/').next().unwrap_or(&url).to_string();
                    self.add(path, FileOrigin::Address(url), None);
                }
                Address::Folder(url) => {
                    self.add(addresses::folder_name(&url), FileOrigin::Folder(url), None);
                }
                Address::Index(url) => {
                    self.add(url.clone(), FileOrigin::Index(url), None);
                }
            }
        }
    }

    /// Adds files that were dropped together, each a `File` or an address. A checkpoint's folder
    /// becomes one entry, as does every other file.
    pub fn add_files(
        &self,
        paths: &[String],
        handle: &dyn Fn(usize) -> Option<JsValue>,
        parent: Option<usize>,
    ) {
        let sorted = folders::sort(paths);
        for folders::Folder { path, files } in sorted.folders {
            let files = files.into_iter().filter_map(|at| Some((paths.get(at)?.clone(), handle(at)?)));
            let path = if path.is_empty() { "checkpoint".to_owned() } else { path };
            self.add(path, FileOrigin::Checkpoint(files.collect()), parent);
        }
        for at in sorted.references {
            let file = handle(at).and_then(|file| file.dyn_into::<web_sys::File>().ok());
            if let (Some(path), Some(file)) = (paths.get(at), file) {
                self.references.borrow_mut().push(Rc::new(BlobSource::new(path.clone(), Blob::from(file))));
            }
        }
        for at in sorted.others {
            let (Some(path), Some(file)) = (paths.get(at), handle(at)) else { continue };
            if trace::is_system_file(path) {
                continue;
            }
            let origin = match (file.as_string(), file.dyn_into::<web_sys::File>()) {
                (Some(url), _) => FileOrigin::Address(url),
                (None, Ok(file)) => FileOrigin::Disk(file),
                (None, Err(_)) => continue,
            };
            let id = self.add(path.clone(), origin, parent);
            if sorted.tokenizers.contains(&at) {
                self.change(id, Entry::mark_tokenizer);
            }
        }
    }

    fn add(&self, path: String, origin: FileOrigin, parent: Option<usize>) -> usize {
        let id = self.next_id.get();
        self.next_id.set(id + 1);
        self.entries.borrow_mut().push(Entry::new(id, path, origin, parent));
        id
    }

    /// Adds the files of an archive.
    fn add_members(&self, Members { checkpoints, others, references }: Members, archive: usize) {
        self.references.borrow_mut().extend(references);
        for (path, files) in checkpoints {
            self.add(path, FileOrigin::Checkpoint(files), Some(archive));
        }
        for (file, is_tokenizer) in others {
            let member = self.add(file.name().to_owned(), FileOrigin::Member(file), Some(archive));
            if is_tokenizer {
                self.change(member, Entry::mark_tokenizer);
            }
        }
    }

    /// Adds the files and folders of a list.
    fn add_listed(&self, listed: Vec<Listed>, list: usize) {
        let (folders, files): (Vec<_>, Vec<_>) = listed.into_iter().partition(|one| one.url.ends_with('/'));
        for Listed { url, .. } in folders {
            self.add(addresses::folder_name(&url), FileOrigin::Folder(url), Some(list));
        }
        let (paths, urls): (Vec<_>, Vec<_>) =
            files.into_iter().map(|Listed { path, url }| (path, url)).unzip();
        let address = |at: usize| urls.get(at).map(|url: &String| JsValue::from_str(url));
        self.add_files(&paths, &address, Some(list));
    }

    /// Opens all files that were added, and the files inside them.
    pub async fn open_all(&self) {
        loop {
            self.read_branches().await;
            let waiting: Vec<usize> = self.read(|entries| {
                entries.iter().filter(|entry| entry.is_waiting()).map(|entry| entry.row.id).collect()
            });
            if waiting.is_empty() {
                return;
            }
            let throttle = Throttle::new();
            stream::iter(waiting)
                .for_each_concurrent(OPENED_AT_ONCE, |id| self.open_file(id, &throttle))
                .await;
            self.post();
        }
    }

    /// Reads the files that name commits, and gives checkpoints and traces in snapshots the step of their
    /// branch.
    async fn read_branches(&self) {
        loop {
            // Removed only after it was read: the task may be stopped in between.
            let Some(file) = self.references.borrow().last().map(Rc::clone) else { break };
            if file.len() <= LARGEST_REFERENCE
                && let Ok(content) = file.read(0, file.len() as usize).await
            {
                self.branches.borrow_mut().add(file.name(), &content);
            }
            self.references.borrow_mut().pop();
        }
        let branches = self.branches.borrow();
        self.change_all(|entries| {
            for entry in entries {
                entry.set_branch_step(branches.step(&entry.row.path));
            }
        });
    }

    async fn open_file(&self, id: usize, throttle: &Throttle) {
        let Some(request) = self.change(id, Entry::start_opening).flatten() else { return };
        if throttle.passes(false) {
            self.post();
            self.post_progress();
            turn().await;
        }
        let opened = open(request).await;
        match self.change(id, |entry| entry.apply_opened(opened)) {
            Some(NestedFiles::Members(members)) => self.add_members(members, id),
            Some(NestedFiles::Listed(files)) => self.add_listed(files, id),
            Some(NestedFiles::None) | None => {}
        }
    }

    fn post_progress(&self) {
        let (done, total) = self.read(|entries| {
            let opened = entries.iter().filter(|entry| !entry.is_waiting());
            (opened.map(|entry| entry.row.bytes).sum(), entries.iter().map(|entry| entry.row.bytes).sum())
        });
        let stage = "opening files".into();
        post(&Event::Progress(Progress { stage, done, total, unit: WorkUnit::Bytes }));
    }

    /// Marks files that were being read when the user cancelled as waiting.
    pub fn reset_reading(&self) {
        self.change_all(|entries| {
            for entry in entries.iter_mut().filter(|entry| entry.row.state == FileState::Reading) {
                entry.row.state = FileState::Waiting;
            }
        });
    }

    /// Marks all reports as used and returns the last report, which the page displays unchanged.
    pub fn use_reports(&self) -> Option<report::Report> {
        self.change_all(|entries| {
            let mut last = None;
            for entry in entries {
                if let Some(Content::Report(report)) = &entry.content {
                    last = Some((**report).clone());
                    entry.set_verdict(true, None);
                }
            }
            last
        })
    }

    /// Marks which files a run uses, and why it does not use the others.
    pub fn apply_verdicts(&self, verdicts: &[report::Verdict]) {
        self.change_all(|entries| {
            for entry in entries {
                if entry.is_tokenizer {
                    entry.set_verdict(true, None);
                } else if let Some(verdict) = verdicts.iter().rev().find(|verdict| verdict.id == entry.row.id)
                {
                    entry.set_verdict(verdict.used, verdict.text.clone());
                }
            }
        });
        self.post();
    }
}
