//! WebAssembly binary of the engine.

#[cfg(target_arch = "wasm32")]
fn main() {
    console_error_panic_hook::set_once();
    engine::start(&protocol::scope::scope());
}

/// Does nothing outside a browser.
#[cfg(not(target_arch = "wasm32"))]
fn main() {}
