//! The calculator on the GPU: distances by compute shaders, with the messages of
//! [`worker::calculator`].

use std::collections::BTreeMap;

use futures::{StreamExt as _, channel::mpsc};
use levenshtein::{
    Error,
    gpu::{Gpu, Set},
};
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::spawn_local;
use web_sys::DedicatedWorkerGlobalScope;
use worker::{
    adapter::adapter,
    calculator,
    scope::{listen, now, object, property},
};

/// Starts to answer, once there is a GPU whose results are correct.
pub fn start(scope: &DedicatedWorkerGlobalScope) {
    let (asks, waiting) = mpsc::unbounded();
    listen(scope, move |message| {
        // The receiver lives as long as the worker, or has reported why it does not.
        asks.unbounded_send(message.data()).ok();
    });
    let scope = scope.clone();
    spawn_local(async move {
        if let Err(error) = serve(&scope, waiting).await {
            absent(&scope, &error.to_string());
        }
    });
}

/// Reports that there is no GPU, or that it was lost.
fn absent(scope: &DedicatedWorkerGlobalScope, why: &str) {
    scope
        .post_message(&object(&[("absent", &JsValue::from_str(&format!("WebGPU is not used: {why}.")))]))
        .ok();
}

async fn serve(
    scope: &DedicatedWorkerGlobalScope,
    mut waiting: mpsc::UnboundedReceiver<JsValue>,
) -> Result<(), Error> {
    let gpu = Gpu::new().await?;
    let lost = gpu.when_lost();
    let told = scope.clone();
    spawn_local(async move { absent(&told, &lost.await) });
    let told = adapter().await.map(|adapter| adapter.name).filter(|name| !name.is_empty());
    let name = told.unwrap_or_else(|| gpu.name().to_owned());
    scope.post_message(&object(&[("ready", &JsValue::from_str(&name))])).ok();

    let mut sets: BTreeMap<u32, Result<Set<'_>, Error>> = BTreeMap::new();
    while let Some(data) = waiting.next().await {
        let number = |name| property(&data, name).as_f64().map(|number| number as u32);
        if let (Some(call), Some(sequences)) = (number("load"), calculator::sequences(&data)) {
            sets.insert(call, gpu.load(&sequences));
        } else if let Some(call) = number("drop") {
            sets.remove(&call);
        } else if let (Some(call), Some(pairs)) = (number("measure"), calculator::pairs(&data)) {
            let start = now();
            match sets.get(&call) {
                Some(Ok(set)) => {
                    let distances = set.pairs(&pairs, &mut |_, _| {}).await?;
                    calculator::answer(scope, &data, &distances, now() - start);
                }
                Some(Err(error)) => calculator::refuse(scope, &data, "refused", &error.to_string()),
                None => calculator::refuse(scope, &data, "error", "the sequences did not arrive"),
            }
        }
    }
    Ok(())
}
