//! Definitions against plain, slow versions of themselves, on drawn data.
#![cfg(not(target_arch = "wasm32"))]

mod align;
mod correlation;
mod counts;
mod distance;
mod draw;
mod memorization;
mod pairing;
mod ranking;
mod spectrum;
