//! Where bytes come from: memory, files, and in browsers `File` objects and HTTP addresses.

pub mod source;

// Paths exist outside the browser only, `File` and `fetch` inside it only.
#[cfg(target_arch = "wasm32")]
pub mod blob;
#[cfg(not(target_arch = "wasm32"))]
pub mod disk;
#[cfg(target_arch = "wasm32")]
pub mod http;
#[cfg(target_arch = "wasm32")]
mod read_ahead;
pub mod utf16;
