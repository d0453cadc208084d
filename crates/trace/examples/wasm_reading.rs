//! The reading of ids in WebAssembly, for `tests/e2e/reading.mjs` to time. Native builds get a notice instead.
#![expect(unsafe_code, reason = "exported functions keep their names")]

#[path = "../benches/ids/records.rs"]
mod records;

use std::cell::RefCell;

#[cfg(target_arch = "wasm32")]
#[link(wasm_import_module = "bench")]
unsafe extern "C" {
    /// Milliseconds.
    safe fn now() -> f64;
}

#[cfg(not(target_arch = "wasm32"))]
extern "C" fn now() -> f64 {
    f64::NAN
}

thread_local! {
    static TABLE: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Measures all, and gives the length of the table in bytes.
#[unsafe(no_mangle)]
extern "C" fn measure() -> usize {
    let table = records::measure(|| now());
    let length = table.len();
    TABLE.set(table);
    length
}

/// Where the table is.
#[unsafe(no_mangle)]
extern "C" fn table() -> *const u8 {
    TABLE.with_borrow(|table| table.as_ptr())
}
