//! The one wasm binary of all workers. A worker named `calculator` computes distances; any other is the analyst.

#[cfg(target_arch = "wasm32")]
fn main() {
    console_error_panic_hook::set_once();
    let scope = protocol::scope::scope();
    if scope.name() == protocol::calculator::NAME {
        worker::calculator::start(&scope);
    } else {
        worker::analyst::start(&scope);
    }
}

/// There is nothing to do outside a browser.
#[cfg(not(target_arch = "wasm32"))]
fn main() {}
