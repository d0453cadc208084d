//! The calculator on the GPU: distances by compute shaders, with the messages of
//! [`protocol::calculator`].

use std::collections::BTreeMap;

use futures::{StreamExt as _, channel::mpsc};
use levenshtein::{
    Error, Sequences,
    gpu::{Gpu, Set},
};
use protocol::{
    adapter::adapter,
    calculator::{CalculatorRequest, CalculatorResponse, Outcome},
    child::listen,
    scope::now,
};
use wasm_bindgen_futures::spawn_local;
use web_sys::MessagePort;

/// Starts to answer, once there is a GPU whose results are correct.
pub fn start(port: MessagePort) {
    let (sender, requests) = mpsc::unbounded();
    listen(&port, move |message| match serde_wasm_bindgen::from_value(message.data()) {
        // The receiver lives as long as the worker, or has reported why it does not.
        Ok(request) => drop(sender.unbounded_send(request)),
        // The pool handles it as the worker's end.
        Err(error) => wasm_bindgen::throw_str(&format!("an unknown request: {error}")),
    });
    spawn_local(async move {
        if let Err(error) = answer_all(&port, requests).await {
            absent(&port, &error.to_string());
        }
    });
}

/// Reports that there is no GPU, or that it was lost.
fn absent(port: &MessagePort, reason: &str) {
    CalculatorResponse::Absent { reason: format!("WebGPU is not used: {reason}.") }.post(port);
}

async fn answer_all(
    port: &MessagePort,
    mut requests: mpsc::UnboundedReceiver<CalculatorRequest>,
) -> Result<(), Error> {
    let gpu = Gpu::new().await?;
    let lost = gpu.when_lost();
    let told = port.clone();
    spawn_local(async move { absent(&told, &lost.await) });
    let name = adapter().await.map(|adapter| adapter.name).filter(|name| !name.is_empty());
    let name = name.unwrap_or_else(|| gpu.name().to_owned());
    CalculatorResponse::Ready { gpu: Some(name) }.post(port);

    let mut sets: BTreeMap<u32, Result<Set<'_>, Error>> = BTreeMap::new();
    while let Some(request) = requests.next().await {
        match request {
            CalculatorRequest::Load(load) => {
                let sequences = Sequences::from_parts(load.symbols.to_vec(), load.offsets.to_vec());
                if let Some(sequences) = sequences {
                    sets.insert(load.call, gpu.load(&sequences));
                }
            }
            CalculatorRequest::Drop { call } => {
                sets.remove(&call);
            }
            CalculatorRequest::Measure(measure) => {
                let start = now();
                let outcome = match sets.get(&measure.call) {
                    Some(Ok(set)) => {
                        let distances = set.pairs(&measure.pairs(), &mut |_, _| {}).await?;
                        Outcome::measured(&distances, now() - start)
                    }
                    Some(Err(error)) => Outcome::Refused { reason: error.to_string() },
                    None => Outcome::Failed { message: "the sequences did not arrive".to_owned() },
                };
                measure.answer(outcome).post(port);
            }
        }
    }
    Ok(())
}
