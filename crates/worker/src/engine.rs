//! The line to the engine: the worker that runs checkpoints. Dropping the line ends the worker, which is how work on a
//! checkpoint is stopped.

use futures::{StreamExt as _, channel::mpsc};
use js_sys::Array;
use protocol::{
    engine::{Backend, EngineEvent, EngineJob, EngineProgress, InputsInfo, MadeInfo},
    scope::{object, property, scope, to_js},
};
use wasm_bindgen::{JsCast as _, JsValue, closure::Closure};
use web_sys::{Blob, ErrorEvent, MessageEvent, Worker, WorkerOptions, WorkerType};

/// The script that starts this worker, and the one beside it that starts the engine.
const LOADER: (&str, &str) = ("worker_loader.js", "engine_loader.js");

/// A running engine.
pub struct Engine {
    worker: Worker,
    heard: mpsc::UnboundedReceiver<Heard>,
    /// They live as long as the worker does.
    _on_message: Closure<dyn FnMut(MessageEvent)>,
    _on_error: Closure<dyn FnMut(web_sys::Event)>,
}

/// What comes from the worker.
enum Heard {
    Event(EngineEvent, JsValue),
    Died(String),
}

/// Why a job brought nothing.
#[derive(Debug)]
pub enum Gone {
    /// The checkpoint's own fault, or that of the inputs.
    Refused(String),
    /// The device or the worker is gone; another one may do better.
    Device(String),
}

/// Files for a job: path, and a `File` or an address.
pub type Files = [(String, JsValue)];

/// The address of the engine's script.
pub fn address() -> String {
    scope().location().href().replace(LOADER.0, LOADER.1)
}

impl Engine {
    /// Starts the worker; it is fetched from beside this one.
    ///
    /// # Errors
    /// [`Gone::Device`] where it cannot be started.
    pub async fn start() -> Result<Self, Gone> {
        let options = WorkerOptions::new();
        options.set_type(WorkerType::Module);
        options.set_name(protocol::engine::NAME);
        let worker = Worker::new_with_options(&address(), &options)
            .map_err(|error| Gone::Device(format!("it could not be started ({error:?})")))?;
        let (sender, heard) = mpsc::unbounded();
        let said = sender.clone();
        let on_message = Closure::<dyn FnMut(MessageEvent)>::new(move |message: MessageEvent| {
            let data = message.data();
            let heard = match serde_wasm_bindgen::from_value(property(&data, "event")) {
                Ok(event) => Heard::Event(event, property(&data, "trace")),
                Err(error) => Heard::Died(format!("it said something unknown ({error}); reload the page")),
            };
            said.unbounded_send(heard).ok();
        });
        let on_error = Closure::<dyn FnMut(web_sys::Event)>::new(move |event: web_sys::Event| {
            event.prevent_default();
            let message = event.dyn_ref::<ErrorEvent>().map(ErrorEvent::message);
            let message = message.filter(|message| !message.is_empty());
            let message = message.unwrap_or_else(|| "its script could not be loaded".to_owned());
            sender.unbounded_send(Heard::Died(message)).ok();
        });
        worker.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
        worker.set_onerror(Some(on_error.as_ref().unchecked_ref()));
        let mut engine = Self { worker, heard, _on_message: on_message, _on_error: on_error };
        match engine.next().await? {
            (EngineEvent::Ready, _) => Ok(engine),
            (event, _) => Err(unexpected(&event)),
        }
    }

    /// Hands over the files of samples and items.
    ///
    /// # Errors
    /// [`Gone::Refused`] with what is wrong with them.
    pub async fn inputs(&mut self, files: &Files) -> Result<InputsInfo, Gone> {
        let paths = files.iter().map(|(path, _)| path.clone()).collect();
        self.post(&EngineJob::Inputs { paths }, files)?;
        match self.next().await? {
            (EngineEvent::Inputs { outcome }, _) => outcome.map_err(Gone::Refused),
            (event, _) => Err(unexpected(&event)),
        }
    }

    /// Runs a checkpoint and brings its trace.
    ///
    /// # Errors
    /// [`Gone`], with whose fault it is.
    pub async fn run(
        &mut self,
        folder: &str,
        files: &Files,
        backend: Backend,
        progress: &mut impl FnMut(EngineProgress),
    ) -> Result<(MadeInfo, Blob), Gone> {
        let paths = files.iter().map(|(path, _)| path.clone()).collect();
        self.post(&EngineJob::Run { folder: folder.to_owned(), paths, backend }, files)?;
        self.trace(progress).await
    }

    /// Computes the gating layers of a checkpoint on the first of the files, and brings the trace.
    ///
    /// # Errors
    /// [`Gone`], with whose fault it is.
    pub async fn gates(
        &mut self,
        folder: &str,
        files: &Files,
        progress: &mut impl FnMut(EngineProgress),
    ) -> Result<(MadeInfo, Blob), Gone> {
        let paths = files.iter().map(|(path, _)| path.clone()).collect();
        self.post(&EngineJob::Gates { folder: folder.to_owned(), paths }, files)?;
        self.trace(progress).await
    }

    async fn trace(&mut self, progress: &mut impl FnMut(EngineProgress)) -> Result<(MadeInfo, Blob), Gone> {
        loop {
            match self.next().await? {
                (EngineEvent::Progress(at), _) => progress(at),
                (EngineEvent::Traced(made), trace) => {
                    let trace = trace
                        .dyn_into::<Blob>()
                        .map_err(|_| Gone::Device("a trace came without its data".to_owned()))?;
                    return Ok((*made, trace));
                }
                (EngineEvent::Failed { message, device: false }, _) => return Err(Gone::Refused(message)),
                (EngineEvent::Failed { message, device: true }, _) => return Err(Gone::Device(message)),
                (event, _) => return Err(unexpected(&event)),
            }
        }
    }

    fn post(&self, job: &EngineJob, files: &Files) -> Result<(), Gone> {
        let lost = |error: String| Gone::Device(format!("a request could not be handed to it ({error})"));
        let job = to_js(job).map_err(|error| lost(error.to_string()))?;
        let files: Array = files.iter().map(|(_, file)| file.clone()).collect();
        self.worker
            .post_message(&object(&[("job", &job), ("files", &files)]))
            .map_err(|error| lost(format!("{error:?}")))
    }

    async fn next(&mut self) -> Result<(EngineEvent, JsValue), Gone> {
        match self.heard.next().await {
            Some(Heard::Event(event, trace)) => Ok((event, trace)),
            Some(Heard::Died(reason)) => Err(Gone::Device(reason)),
            None => Err(Gone::Device("nothing is heard from it".to_owned())),
        }
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.worker.terminate();
    }
}

fn unexpected(event: &EngineEvent) -> Gone {
    Gone::Device(format!("it answered something else than was asked ({event:?}); reload the page"))
}
