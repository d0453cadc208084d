//! The connection to the engine, the worker that runs checkpoints. Dropping it ends the worker and
//! so stops the current checkpoint.

use futures::{StreamExt as _, channel::mpsc};
use js_sys::Array;
use protocol::{
    engine::{Backend, EngineEvent, EngineJob, EngineProgress, InputsInfo, MadeInfo},
    scope::{object, property, scope, to_js},
};
use wasm_bindgen::{JsCast as _, JsValue, closure::Closure};
use web_sys::{Blob, ErrorEvent, MessageEvent, Worker, WorkerOptions, WorkerType};

/// The script of this worker, and the script of the engine beside it.
const LOADER: (&str, &str) = ("worker_loader.js", "engine_loader.js");

/// Why the engine did not start if its script cannot be fetched.
pub const UNLOADED: &str = "its script could not be loaded";

/// A running engine.
pub struct Engine {
    worker: Worker,
    messages: mpsc::UnboundedReceiver<Message>,
    /// Kept as long as the worker.
    _on_message: Closure<dyn FnMut(MessageEvent)>,
    _on_error: Closure<dyn FnMut(web_sys::Event)>,
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
        let options = WorkerOptions::new();
        options.set_type(WorkerType::Module);
        options.set_name(protocol::engine::NAME);
        let worker = Worker::new_with_options(&address(), &options)
            .map_err(|error| EngineExit::Device(format!("it could not be started ({error:?})")))?;
        let (sender, messages) = mpsc::unbounded();
        let received = sender.clone();
        let on_message = Closure::<dyn FnMut(MessageEvent)>::new(move |message: MessageEvent| {
            let data = message.data();
            let message = match serde_wasm_bindgen::from_value(property(&data, "event")) {
                Ok(event) => Message::Event(event, property(&data, "trace")),
                Err(error) => Message::Exit(format!("it said something unknown ({error}); reload the page")),
            };
            received.unbounded_send(message).ok();
        });
        let on_error = Closure::<dyn FnMut(web_sys::Event)>::new(move |event: web_sys::Event| {
            event.prevent_default();
            let message = event.dyn_ref::<ErrorEvent>().map(ErrorEvent::message);
            let message = message.filter(|message| !message.is_empty());
            let message = message.unwrap_or_else(|| UNLOADED.to_owned());
            sender.unbounded_send(Message::Exit(message)).ok();
        });
        worker.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
        worker.set_onerror(Some(on_error.as_ref().unchecked_ref()));
        let mut engine = Self { worker, messages, _on_message: on_message, _on_error: on_error };
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
            .post_message(&object(&[("job", &job), ("files", &files)]))
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

impl Drop for Engine {
    fn drop(&mut self) {
        self.worker.terminate();
    }
}

fn unexpected(event: &EngineEvent) -> EngineExit {
    EngineExit::Device(format!("it answered something else than was asked ({event:?}); reload the page"))
}
