//! Checkpoints that wait for samples: their routers alone are read, a few MB each, and shown.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    rc::Rc,
};

use protocol::{Event, FileState};
use report::{LastRouters, Watch, last_in_training};
use trace::{CheckpointRouters, read_routers};

use crate::{analyst::Analyst, files::Door, handles::Files, post::post, remote::router_sources};

/// Bytes of routers that are kept, so that a further checkpoint does not have all others read again.
const KEPT: usize = 256 << 20;

/// Reads routers, and remembers them.
#[derive(Default)]
pub struct Survey {
    /// By the checkpoint's row in the file table.
    known: RefCell<BTreeMap<usize, CheckpointRouters>>,
    /// Whether the page shows something of them.
    shown: Cell<bool>,
}

/// A checkpoint to look at.
struct Task {
    id: usize,
    folder: String,
    files: Files,
    step: Option<u64>,
}

impl Survey {
    /// Forgets a checkpoint.
    pub fn forget(&self, id: usize) {
        self.known.borrow_mut().remove(&id);
    }

    /// Forgets all of them.
    pub fn clear(&self) {
        self.known.borrow_mut().clear();
        self.hide();
    }

    fn hide(&self) {
        if self.shown.replace(false) {
            post(&Event::Geometry { texts: Vec::new() });
        }
    }

    /// Reads the routers of the checkpoints that wait, and has the page show what they look like. What is wrong with one
    /// of them is said in its row; it still waits for samples.
    pub async fn look(&self, analyst: &Analyst, watch: &dyn Watch) {
        let mut tasks = tasks(analyst);
        // A step that only the trainer's state tells is known after reading.
        for place in (0..tasks.len()).rev() {
            let Some(task) = tasks.get_mut(place).filter(|task| task.step.is_none()) else { continue };
            match self.routers(analyst, task).await {
                Some(routers) => {
                    task.step = routers.step;
                    self.keep(task.id, routers);
                }
                None => drop(tasks.remove(place)),
            }
        }
        let (last_id, last) = loop {
            let steps: Vec<Option<u64>> = tasks.iter().map(|task| task.step).collect();
            let Some(at) = last_in_training(&steps) else {
                self.hide();
                return;
            };
            let task = tasks.remove(at);
            if let Some(routers) = self.routers(analyst, &task).await {
                break (task.id, routers);
            }
        };
        let Some(mut measured) = said(analyst, last_id, LastRouters::new(&last, watch).await) else { return };
        for task in &tasks {
            if let Some(routers) = self.routers(analyst, task).await {
                said(analyst, task.id, measured.measure(&routers, watch).await);
                self.keep(task.id, routers);
            }
        }
        said(analyst, last_id, measured.measure(&last, watch).await);
        self.keep(last_id, last);
        let texts = figures::geometry(&measured.finish()).write();
        self.shown.set(true);
        post(&Event::Geometry { texts });
        analyst.post_files();
    }

    /// The routers of a checkpoint; none where they cannot be read, which its row says then.
    async fn routers(&self, analyst: &Analyst, task: &Task) -> Option<CheckpointRouters> {
        let known = self.known.borrow_mut().remove(&task.id);
        let routers = match known {
            Some(routers) => routers,
            None => {
                let read = Rc::new(Cell::new(0));
                let routers = async {
                    let sources = router_sources(&task.folder, &task.files, &read).await?;
                    read_routers(&task.folder, &sources).await
                };
                let routers = routers.await;
                analyst.change(task.id, |file| file.row.bytes_read = read.get());
                let routers = said(analyst, task.id, routers)?;
                analyst.change(task.id, |file| file.row.step = file.row.step.or(routers.step));
                analyst.post_files();
                routers
            }
        };
        // The user may have said another one since.
        Some(CheckpointRouters { step: task.step.or(routers.step), ..routers })
    }

    fn keep(&self, id: usize, routers: CheckpointRouters) {
        let mut known = self.known.borrow_mut();
        let size = |routers: &CheckpointRouters| 4 * routers.values.len();
        if known.values().map(size).sum::<usize>() + size(&routers) <= KEPT {
            known.insert(id, routers);
        }
    }
}

/// The checkpoints that wait.
fn tasks(analyst: &Analyst) -> Vec<Task> {
    let files = analyst.files.borrow();
    let waiting = files.iter().filter(|file| file.row.checkpoint && file.row.state == FileState::Waiting);
    waiting
        .filter_map(|file| match &file.door {
            Door::Checkpoint(files) => Some(Task {
                id: file.row.id,
                folder: file.row.path.clone(),
                files: files.clone(),
                step: file.step.or(file.row.step),
            }),
            _ => None,
        })
        .collect()
}

/// What came, or else nothing, with the reason in the checkpoint's row.
fn said<T, E: ToString>(analyst: &Analyst, id: usize, outcome: Result<T, E>) -> Option<T> {
    match outcome {
        Ok(came) => Some(came),
        Err(error) => {
            let message = format!("Its routers are not shown: {}", error.to_string());
            analyst.change(id, |file| file.row.messages.push(message));
            analyst.post_files();
            None
        }
    }
}
