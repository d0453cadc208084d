//! Sources of bytes: memory, files, and in browsers `File` objects.

pub mod lines;
pub mod source;

// Paths exist only outside browsers, `File` only inside.
#[cfg(target_arch = "wasm32")]
pub mod blob;
#[cfg(not(target_arch = "wasm32"))]
pub mod disk;
#[cfg(target_arch = "wasm32")]
mod read_ahead;
pub mod utf16;
