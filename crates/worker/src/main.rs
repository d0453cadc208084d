//! The WebAssembly binary of the analyst and its calculators, which the name of the worker
//! distinguishes.

#[cfg(target_arch = "wasm32")]
fn main() {
    console_error_panic_hook::set_once();
    let scope = protocol::scope::scope();
    if scope.name() == protocol::calculator::NAME {
        protocol::child::connect(&scope, worker::calculator::start);
    } else {
        worker::analyst::start(&scope);
    }
}

/// There is nothing to do outside a browser.
#[cfg(not(target_arch = "wasm32"))]
fn main() {}
