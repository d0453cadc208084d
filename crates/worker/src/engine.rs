//! The connection to the engine, the worker that runs checkpoints. Dropping it ends the worker and
//! so stops the current checkpoint.

use futures::{StreamExt as _, channel::mpsc};
use js_sys::Array;
use protocol::{
    engine::{Backend, EngineEvent, EngineJob, EngineProgress, InputsInfo, MadeInfo},
    scope::{object, property, scope, to_js},
};
use wasm_bindgen::{JsCast as _, JsValue};
use web_sys::{Blob, MessageEvent};

use crate::child::Child;

/// The script of this worker, and the script of the engine beside it.
const LOADER: (&str, &str) = ("worker_loader.js", "engine_loader.js");

/// A running engine.
pub struct Engine {
    worker: Child,
    messages: mpsc::UnboundedReceiver<Message>,
}

/// A message of the worker, or the reason of its exit.
enum Message {
    Event(EngineEvent, JsValue),
    Exit(String),
}

/// The reason why a job failed.
#[derive(Debug)]
pub enum EngineExit {
    /// The checkpoint or the inputs cannot be used.
    Refused(String),
    /// The device or the worker was lost; another one may succeed.
    Device(String),
}

/// The address of the engine's script.
pub fn address() -> String {
    scope().location().href().replace(LOADER.0, LOADER.1)
}

impl Engine {
    /// Starts the worker, whose script is beside the one of this worker.
    ///
    /// # Errors
    /// [`EngineExit::Device`] if it cannot be started.
    pub async fn start() -> Result<Self, EngineExit> {
        let (sender, messages) = mpsc::unbounded();
        let received = sender.clone();
        let on_message = move |_, message: &MessageEvent| {
            let data = message.data();
            let message = match serde_wasm_bindgen::from_value(property(&data, "event")) {
                Ok(event) => Message::Event(event, property(&data, "trace")),
                Err(error) => Message::Exit(format!("it said something unknown ({error}); reload the page")),
            };
            received.unbounded_send(message).ok();
        };
        let on_exit = move |_, reason: &str| drop(sender.unbounded_send(Message::Exit(reason.to_owned())));
        let worker = Child::start(address(), protocol::engine::NAME, on_message, on_exit)
            .ok_or_else(|| EngineExit::Device("it could not be started".to_owned()))?;
        let mut engine = Self { worker, messages };
        match engine.next().await? {
            (EngineEvent::Ready, _) => Ok(engine),
            (event, _) => Err(unexpected(&event)),
        }
    }

    /// Sends the files of samples and items.
    ///
    /// # Errors
    /// [`EngineExit::Refused`] if they cannot be read.
    pub async fn inputs(&mut self, files: &[(String, JsValue)]) -> Result<InputsInfo, EngineExit> {
        let paths = files.iter().map(|(path, _)| path.clone()).collect();
        self.post(&EngineJob::Inputs { paths }, files)?;
        match self.next().await? {
            (EngineEvent::Inputs { outcome }, _) => outcome.map_err(EngineExit::Refused),
            (event, _) => Err(unexpected(&event)),
        }
    }

    /// Runs a checkpoint and returns its trace.
    ///
    /// # Errors
    /// [`EngineExit`] with the reason.
    pub async fn run(
        &mut self,
        folder: &str,
        files: &[(String, JsValue)],
        backend: Backend,
        progress: &mut impl FnMut(EngineProgress),
    ) -> Result<(MadeInfo, Blob), EngineExit> {
        let paths = files.iter().map(|(path, _)| path.clone()).collect();
        self.post(&EngineJob::Run { folder: folder.to_owned(), paths, backend }, files)?;
        self.trace(progress).await
    }

    /// Computes the gating layers of a checkpoint on router inputs, which are the first file, and
    /// returns the trace.
    ///
    /// # Errors
    /// [`EngineExit`] with the reason.
    pub async fn gates(
        &mut self,
        folder: &str,
        files: &[(String, JsValue)],
        progress: &mut impl FnMut(EngineProgress),
    ) -> Result<(MadeInfo, Blob), EngineExit> {
        let paths = files.iter().map(|(path, _)| path.clone()).collect();
        self.post(&EngineJob::Gates { folder: folder.to_owned(), paths }, files)?;
        self.trace(progress).await
    }

    async fn trace(
        &mut self,
        progress: &mut impl FnMut(EngineProgress),
    ) -> Result<(MadeInfo, Blob), EngineExit> {
        loop {
            match self.next().await? {
                (EngineEvent::Progress(at), _) => progress(at),
                (EngineEvent::Traced(made), trace) => {
                    let trace = trace
                        .dyn_into::<Blob>()
                        .map_err(|_| EngineExit::Device("a trace came without its data".to_owned()))?;
                    return Ok((*made, trace));
                }
                (EngineEvent::Failed { message, device: false }, _) => {
                    return Err(EngineExit::Refused(message));
                }
                (EngineEvent::Failed { message, device: true }, _) => {
                    return Err(EngineExit::Device(message));
                }
                (event, _) => return Err(unexpected(&event)),
            }
        }
    }

    fn post(&self, job: &EngineJob, files: &[(String, JsValue)]) -> Result<(), EngineExit> {
        let lost =
            |error: String| EngineExit::Device(format!("a request could not be handed to it ({error})"));
        let job = to_js(job).map_err(|error| lost(error.to_string()))?;
        let files: Array = files.iter().map(|(_, file)| file.clone()).collect();
        self.worker
            .post(&object(&[("job", &job), ("files", &files)]))
            .map_err(|error| lost(format!("{error:?}")))
    }

    async fn next(&mut self) -> Result<(EngineEvent, JsValue), EngineExit> {
        match self.messages.next().await {
            Some(Message::Event(event, trace)) => Ok((event, trace)),
            Some(Message::Exit(reason)) => Err(EngineExit::Device(reason)),
            None => Err(EngineExit::Device("nothing is heard from it".to_owned())),
        }
    }
}

fn unexpected(event: &EngineEvent) -> EngineExit {
    EngineExit::Device(format!("it answered something else than was asked ({event:?}); reload the page"))
}
