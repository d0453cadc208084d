//! The benchmark of files of expert ids in WebAssembly: `cargo xtask bench trace` builds and runs it.

#[cfg(target_arch = "wasm32")]
#[path = "../benches/ids/records.rs"]
mod records;

/// The table of speeds.
#[cfg(target_arch = "wasm32")]
#[wasm_bindgen::prelude::wasm_bindgen]
pub fn measure() -> String {
    records::measure(js_sys::Date::now)
}

fn main() {}
