//! Workers of the analyst: the calculators and the engine. The page starts them, because a worker of
//! Firefox that starts another one may wait for it forever: its thread waits for the same signal as
//! the new one's, and the signal wakes only one of them (seen in Firefox 153).
//!
//! 1. The analyst makes a message channel and posts `Event::StartChild` with one of its ports.
//! 2. The page starts the worker. As soon as that listens, it says so, and the page hands it
//!    the port.
//! 3. From then on, analyst and worker talk through the channel. The page reports an error of the
//!    worker as `Job::ChildExited`.

#[cfg(target_arch = "wasm32")]
mod connection;

#[cfg(target_arch = "wasm32")]
pub use self::connection::{connect, listen};

/// Property of the page's message with the port to the analyst.
pub const PORT: &str = "port";
