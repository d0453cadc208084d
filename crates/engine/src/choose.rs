//! What to compute on: the user's wish, else whatever is likely faster.

use std::cell::RefCell;

use olmoe::{Config, Error, Processor};
use protocol::{
    adapter::adapter,
    engine::{Backend, EngineEvent, ProcessorInfo},
};

use crate::post::post;

/// Operations below which a graphics processor only loses time: its shaders are compiled first, and every small step is
/// a message to it. About a second of the processor's time.
const SMALL: f64 = 2e10;

/// The processors that there are. A graphics processor is asked for once, when it is first wanted.
pub struct Processors {
    gpu: RefCell<Option<Result<Processor, Error>>>,
}

/// A processor, and why it was chosen.
pub struct Chosen {
    pub processor: Processor,
    note: Option<String>,
}

impl Processors {
    /// None is known yet.
    pub fn new() -> Self {
        Self { gpu: RefCell::new(None) }
    }

    /// Chooses for a model and so many tokens.
    ///
    /// # Errors
    /// The user wants the graphics processor, and there is none that computes right.
    pub async fn choose(&self, backend: Backend, config: &Config, tokens: usize) -> Result<Chosen, Error> {
        let cpu = |note: Option<String>| Ok(Chosen { processor: Processor::cpu(), note });
        match backend {
            Backend::Cpu => cpu(None),
            Backend::Gpu => {
                let processor = self.gpu().await?;
                let note = processor.imitated.then(|| {
                    "WebGPU is imitated by the processor here, which is slower than the processor itself."
                        .to_owned()
                });
                Ok(Chosen { processor, note })
            }
            Backend::Auto if operations(config, tokens) < SMALL => {
                cpu(Some("The model is so small that the processor alone is as quick.".to_owned()))
            }
            Backend::Auto => match self.gpu().await {
                Ok(processor) if !processor.imitated => Ok(Chosen { processor, note: None }),
                Ok(_) => {
                    cpu(Some("WebGPU is only imitated here; the processor itself is quicker.".to_owned()))
                }
                Err(error) => cpu(Some(error.to_string())),
            },
        }
    }

    async fn gpu(&self) -> Result<Processor, Error> {
        let known = self.gpu.borrow().clone();
        if let Some(known) = known {
            return known;
        }
        let mut found = Processor::gpu().await;
        if let Ok(processor) = &mut found {
            if let Some(adapter) = adapter().await.filter(|adapter| !adapter.name.is_empty()) {
                processor.name = adapter.name;
            }
            processor.when_lost(|message| {
                post(&EngineEvent::Failed { message, device: true });
            });
        }
        *self.gpu.borrow_mut() = Some(found.clone());
        found
    }
}

impl Chosen {
    /// For the page's badge.
    pub fn info(&self) -> ProcessorInfo {
        info(&self.processor, self.note.clone())
    }
}

/// A processor for the page's badge.
pub fn info(processor: &Processor, note: Option<String>) -> ProcessorInfo {
    ProcessorInfo {
        gpu: processor.backend == olmoe::Backend::Gpu,
        name: processor.name.clone(),
        buffer: processor.buffer,
        budget: processor.budget,
        note,
    }
}

/// Multiplications and additions that so many tokens cost, roughly: those of the matrices they pass through.
fn operations(config: &Config, tokens: usize) -> f64 {
    let Config { hidden, intermediate, layers, top_k, vocabulary, .. } = *config;
    let layer = 4 * hidden * hidden + 3 * top_k * hidden * intermediate;
    2.0 * tokens as f64 * (layers * layer + vocabulary * hidden) as f64
}
