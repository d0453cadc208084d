//! Selection of the processor: the backend that the user forces, else the one that is likely
//! faster.

use std::cell::RefCell;

use olmoe::{Config, Error, Processor};
use protocol::{
    adapter::adapter,
    engine::{Backend, EngineEvent, ProcessorInfo},
};

use crate::post::post;

/// Operations below which a GPU does not pay off, because it first compiles shaders and every small
/// operation is a message to it. About a second on the CPU.
const MIN_GPU_OPERATIONS: f64 = 2e10;

/// Processors of this machine. The GPU is opened once, when it is first needed.
pub struct Processors {
    gpu: RefCell<Option<Result<Processor, Error>>>,
}

/// A processor, and a note for the user about the choice.
pub struct ChosenProcessor {
    pub processor: Processor,
    note: Option<String>,
}

impl Processors {
    /// Processors of which the GPU is not opened yet.
    pub fn new() -> Self {
        Self { gpu: RefCell::new(None) }
    }

    /// Chooses a processor to run `tokens` tokens through a model.
    ///
    /// # Errors
    /// Those of [`Processor::gpu`] if the user forces the GPU.
    pub async fn choose(
        &self,
        backend: Backend,
        config: &Config,
        tokens: usize,
    ) -> Result<ChosenProcessor, Error> {
        let cpu = |note: Option<String>| Ok(ChosenProcessor { processor: Processor::cpu(), note });
        match backend {
            Backend::Cpu => cpu(None),
            Backend::Gpu => {
                let processor = self.gpu().await?;
                let note = processor.software.then(|| {
                    "WebGPU is a software (fallback) adapter here, which is slower than the CPU backend."
                        .to_owned()
                });
                Ok(ChosenProcessor { processor, note })
            }
            Backend::Auto if operations(config, tokens) < MIN_GPU_OPERATIONS => {
                cpu(Some("The CPU is used because so few operations do not pay off on a GPU.".to_owned()))
            }
            Backend::Auto => match self.gpu().await {
                Ok(processor) if !processor.software => Ok(ChosenProcessor { processor, note: None }),
                Ok(_) => cpu(Some(
                    "The CPU is used because WebGPU is a software (fallback) adapter here.".to_owned(),
                )),
                Err(error) => cpu(Some(error.to_string())),
            },
        }
    }

    /// The GPU, or the error of opening it.
    async fn gpu(&self) -> Result<Processor, Error> {
        let known = self.gpu.borrow().clone();
        if let Some(known) = known {
            return known;
        }
        let mut opened = Processor::gpu().await;
        if let Ok(processor) = &mut opened {
            if let Some(adapter) = adapter().await.filter(|adapter| !adapter.name.is_empty()) {
                processor.name = adapter.name;
            }
            processor.on_device_error(|message| {
                post(&EngineEvent::Failed { message, device: true });
            });
        }
        *self.gpu.borrow_mut() = Some(opened.clone());
        opened
    }
}

impl ChosenProcessor {
    /// Description for the badge of the page.
    pub fn info(&self) -> ProcessorInfo {
        info(&self.processor, self.note.clone())
    }
}

/// Description of a processor for the badge of the page.
pub fn info(processor: &Processor, note: Option<String>) -> ProcessorInfo {
    ProcessorInfo {
        gpu: processor.backend == olmoe::Backend::Gpu,
        name: processor.name.clone(),
        buffer: processor.max_buffer,
        budget: processor.budget,
        note,
    }
}

/// Approximate multiplications and additions to run `tokens` tokens: those of the matrix products
/// with weights.
fn operations(config: &Config, tokens: usize) -> f64 {
    let Config { hidden, intermediate, layers, top_k, vocabulary, .. } = *config;
    let layer = 4 * hidden * hidden + 3 * top_k * hidden * intermediate;
    2.0 * tokens as f64 * (layers * layer + vocabulary * hidden) as f64
}
