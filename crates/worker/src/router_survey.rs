//! Router geometry of checkpoints that wait for samples: only their routers are read, a few MB
//! each.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    rc::Rc,
};

use protocol::{Event, FileState};
use report::{LastRouters, Watch, last_in_training, training_order};
use trace::{CheckpointRouters, read_routers};

use crate::{
    entry::FileOrigin,
    file_table::FileTable,
    post::post,
    remote::{FileHandles, router_sources},
};

/// Bytes of routers that are cached, so that a further checkpoint does not require reading all
/// others again.
const CACHE_BYTES: usize = 256 << 20;

/// Reads routers and posts their geometry.
pub struct RouterSurvey {
    files: Rc<FileTable>,
    /// Cached routers by the checkpoint's row in the file table.
    cache: RefCell<BTreeMap<usize, CheckpointRouters>>,
    /// Whether the page displays a geometry.
    displayed: Cell<bool>,
}

/// A checkpoint to read.
struct Checkpoint {
    id: usize,
    folder: String,
    files: FileHandles,
    step: Option<u64>,
}

impl RouterSurvey {
    /// A survey with an empty cache.
    pub fn new(files: Rc<FileTable>) -> Self {
        Self { files, cache: RefCell::default(), displayed: Cell::default() }
    }

    /// Forgets a checkpoint.
    pub fn forget(&self, id: usize) {
        self.cache.borrow_mut().remove(&id);
    }

    /// Forgets all checkpoints and clears the page.
    pub fn clear(&self) {
        self.cache.borrow_mut().clear();
        self.hide();
    }

    fn hide(&self) {
        if self.displayed.replace(false) {
            post(&Event::Geometry(None));
        }
    }

    /// Reads the routers of all waiting checkpoints and posts their geometry. Errors are written
    /// into the row of the checkpoint, which still waits for samples.
    pub async fn run(&self, watch: &dyn Watch) {
        let mut checkpoints = self.waiting();
        // A step that only the trainer's state contains is known after reading.
        for at in (0..checkpoints.len()).rev() {
            let Some(checkpoint) = checkpoints.get_mut(at).filter(|checkpoint| checkpoint.step.is_none())
            else {
                continue;
            };
            match self.routers(checkpoint).await {
                Some(routers) => {
                    checkpoint.step = routers.step;
                    self.keep(checkpoint.id, routers);
                }
                None => drop(checkpoints.remove(at)),
            }
        }
        let (last_id, last) = loop {
            let steps: Vec<Option<u64>> = checkpoints.iter().map(|checkpoint| checkpoint.step).collect();
            let Some(at) = last_in_training(&steps) else {
                self.hide();
                return;
            };
            let checkpoint = checkpoints.remove(at);
            if let Some(routers) = self.routers(&checkpoint).await {
                break (checkpoint.id, routers);
            }
        };
        checkpoints.sort_by_key(|checkpoint| training_order(checkpoint.step));
        let measured = LastRouters::new(&last, watch).await;
        let Some(mut measured) = self.or_report(last_id, measured) else { return };
        for checkpoint in &checkpoints {
            if let Some(routers) = self.routers(checkpoint).await {
                self.or_report(checkpoint.id, measured.measure(&routers, watch).await);
                self.keep(checkpoint.id, routers);
            }
        }
        self.or_report(last_id, measured.measure(&last, watch).await);
        self.keep(last_id, last);
        let sheet = figures::geometry(&measured.finish());
        self.displayed.set(true);
        post(&Event::Geometry(Some(Box::new(sheet))));
        self.files.post();
    }

    /// The waiting checkpoints.
    fn waiting(&self) -> Vec<Checkpoint> {
        self.files.read(|files| {
            let waiting =
                files.iter().filter(|file| file.row.checkpoint && file.row.state == FileState::Waiting);
            waiting
                .filter_map(|file| match &file.origin {
                    FileOrigin::Checkpoint(files) => Some(Checkpoint {
                        id: file.row.id,
                        folder: file.row.path.clone(),
                        files: files.clone(),
                        step: file.step.or(file.row.step),
                    }),
                    _ => None,
                })
                .collect()
        })
    }

    /// The routers of a checkpoint; none if they cannot be read.
    async fn routers(&self, checkpoint: &Checkpoint) -> Option<CheckpointRouters> {
        let id = checkpoint.id;
        let cached = self.cache.borrow_mut().remove(&id);
        let routers = match cached {
            Some(routers) => routers,
            None => {
                let read = Rc::new(Cell::new(0));
                let routers = async {
                    let sources = router_sources(&checkpoint.folder, &checkpoint.files, &read).await?;
                    read_routers(&checkpoint.folder, &sources).await
                };
                let routers = routers.await;
                self.files.change(id, |file| file.row.bytes_read = read.get());
                let routers = self.or_report(id, routers)?;
                self.files.change(id, |file| file.row.step = file.row.step.or(routers.step));
                self.files.post();
                routers
            }
        };
        // The user may have entered another step since they were cached.
        Some(CheckpointRouters { step: checkpoint.step.or(routers.step), ..routers })
    }

    fn keep(&self, id: usize, routers: CheckpointRouters) {
        let mut cache = self.cache.borrow_mut();
        let size = |routers: &CheckpointRouters| 4 * routers.values.len();
        if cache.values().map(size).sum::<usize>() + size(&routers) <= CACHE_BYTES {
            cache.insert(id, routers);
        }
    }

    /// The value, or none with the error written into the checkpoint's row.
    fn or_report<T, E: ToString>(&self, id: usize, outcome: Result<T, E>) -> Option<T> {
        match outcome {
            Ok(value) => Some(value),
            Err(error) => {
                let message = format!("Its routers are not shown: {}", error.to_string());
                self.files.change(id, |file| file.row.messages.push(message));
                self.files.post();
                None
            }
        }
    }
}
