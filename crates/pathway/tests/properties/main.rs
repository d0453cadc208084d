//! Definitions against plain, slow versions of themselves, on drawn data.
#![cfg(not(target_arch = "wasm32"))]
#![expect(clippy::unwrap_used, reason = "a failing test may panic")]
#![expect(clippy::float_cmp, reason = "where bits must be equal, nothing less is asserted")]

mod align;
mod correlation;
mod counts;
mod distance;
mod draw;
mod maps;
mod memorization;
mod pairing;
mod ranking;
mod router_geometry;
mod spectrum;
