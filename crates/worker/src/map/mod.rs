//! The map of all pairwise distances: its frames one after the other, single pairs and rectangles
//! on request, and files. Cells are transferred to the page as typed arrays and not kept.

mod file;
mod frames;
mod planes;
mod progress;
mod session;

use std::{cell::RefCell, rc::Rc};

use js_sys::{Array, Uint16Array};
use protocol::{Event, MapRequest, PairChoice};
use report::{Error, map::MapScope};
use wasm_bindgen_futures::spawn_local;

pub use self::progress::MapProgress;
use self::session::MapSession;
use crate::{
    activity::{Activity, Task},
    pathways::choose_pair,
    post::{post, post_with_arrays},
    run_state::RunState,
};

/// Tasks of a map.
const TASKS: [Task; 3] = [Task::MapFrames, Task::MapPart, Task::MapFile];

/// Handles the page's requests for maps.
pub struct Map {
    state: Rc<RunState>,
    activity: Rc<Activity>,
    session: RefCell<Option<Rc<MapSession>>>,
}

impl Map {
    /// No map is requested yet.
    pub fn new(state: Rc<RunState>, activity: Rc<Activity>) -> Self {
        Self { state, activity, session: RefCell::default() }
    }

    /// Stops all tasks.
    pub fn stop(&self) {
        for task in TASKS {
            self.activity.stop(task);
        }
    }

    /// Forgets the run.
    pub fn clear(&self) {
        self.stop();
        self.session.take();
    }

    /// Measures a map: posts its order, then the frames that the page does not have.
    pub fn measure(&self, request: MapRequest) {
        let was_running = self.activity.stop(Task::MapFrames);
        let others = [Task::MapFile, Task::Pair].into_iter().any(|task| self.activity.is_running(task));
        if was_running && self.activity.is_idle() && !others {
            // No other task has pairs in the queue.
            self.state.pool().clear();
        }
        // A frame alone does not replace the map that is open.
        let session =
            if request.room == 0 { self.begin(&request.scope) } else { self.session(&request.scope) };
        match session {
            Ok(session) => {
                let progress = MapProgress::new(&self.activity);
                self.start(
                    Task::MapFrames,
                    async move { frames::measure(&session, &request, progress).await },
                );
            }
            Err(error) => post(&Event::Failed { message: error.to_string() }),
        }
    }

    /// The session for these samples: the current one, or a new one if the run, the settings or the
    /// samples differ.
    fn session(&self, scope: &MapScope) -> Result<Rc<MapSession>, Error> {
        if let Some(session) = &*self.session.borrow()
            && let Some(run) = self.state.run()
            && session.is_for(&run, &self.state.settings(), scope)
        {
            return Ok(Rc::clone(session));
        }
        let session = self.begin(scope)?;
        *self.session.borrow_mut() = Some(Rc::clone(&session));
        Ok(session)
    }

    /// A new session for these samples.
    fn begin(&self, scope: &MapScope) -> Result<Rc<MapSession>, Error> {
        let Some(run) = self.state.run() else {
            return Err(Error::NoMap { reason: "it needs the run's own traces".to_owned() });
        };
        let (state, settings) = (Rc::clone(&self.state), self.state.settings());
        Ok(Rc::new(MapSession::new(state, run, settings, scope.clone())?))
    }

    /// Describes two samples and their distance, or aligns their pathways.
    pub fn pair(&self, places: (u32, u32), checkpoint: usize, open: bool) {
        let Some(session) = self.session.borrow().clone() else { return };
        let state = Rc::clone(&self.state);
        spawn_local(async move {
            let Some((a, b)) = session.sample(places.0).zip(session.sample(places.1)) else { return };
            if open {
                choose_pair(&state, PairChoice::Samples { a, b }, checkpoint).await;
                return;
            }
            let quiet = MapProgress::quiet();
            let part = session.part((&[places.0], &[places.1]), checkpoint, &quiet).await;
            if let Some(&distance) = part.as_ref().ok().and_then(|part| part.first()) {
                post(&Event::MapPair { text: session.describe(a, b, distance) });
            }
        });
    }

    /// Measures a rectangle exactly.
    pub fn part(&self, rows: (usize, usize), columns: (usize, usize), checkpoint: usize) {
        self.activity.stop(Task::MapPart);
        let Some(session) = self.session.borrow().clone() else { return };
        self.start(Task::MapPart, async move {
            let order = session.order();
            let of = |(first, number): (usize, usize)| order.get(first..first.saturating_add(number));
            let places = (of(rows).unwrap_or(&[]), of(columns).unwrap_or(&[]));
            let part = session.part(places, checkpoint, &MapProgress::quiet()).await?;
            let distances = Uint16Array::from(&part[..]);
            post_with_arrays(&Event::MapPart { rows, columns, checkpoint }, &[&distances]);
            Ok(())
        });
    }

    /// Posts a frame as a file of numbers, or the table of rows, to save.
    pub fn save(&self, checkpoint: Option<usize>) {
        let Some(session) = self.session.borrow().clone() else { return };
        let progress = MapProgress::new(&self.activity);
        self.start(Task::MapFile, async move {
            match checkpoint {
                Some(checkpoint) => file::save(&session, checkpoint, progress).await,
                None => {
                    file::post_parts("map-rows.csv".to_owned(), &Array::of1(&file::rows(&session).into()));
                    Ok(())
                }
            }
        });
    }

    /// Starts a task and posts how it ended.
    fn start(&self, task: Task, work: impl Future<Output = Result<(), Error>> + 'static) {
        let activity = Rc::clone(&self.activity);
        self.activity.start(task, work, move |outcome| {
            let others = activity.is_running(Task::MapFrames) || activity.is_running(Task::MapFile);
            match outcome {
                Err(error) => post(&Event::Failed { message: error.to_string() }),
                Ok(()) if !others && activity.is_idle() => post(&Event::Idle),
                Ok(()) => {}
            }
        });
    }
}
