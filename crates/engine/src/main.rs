//! spike
#[cfg(target_arch = "wasm32")]
fn main() {
    console_error_panic_hook::set_once();
    wasm_bindgen_futures::spawn_local(async {
        let d = olmoe::Processor::gpu().await;
        web_sys::console::log_1(&format!("{d:?}").into());
        let d = olmoe::Processor::cpu();
        let inputs = olmoe::Inputs::default();
        let c = olmoe::Checkpoint::open("x", &[]).await;
        if let Ok(c) = c { let r = olmoe::run(&c, &inputs, &d, &olmoe::Unwatched).await; web_sys::console::log_1(&format!("{r:?}").into()); }
    });
}
#[cfg(not(target_arch = "wasm32"))]
fn main() {}
