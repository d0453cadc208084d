//! Property tests: each metric against a plain, slow implementation of its definition.
#![cfg(not(target_arch = "wasm32"))]
#![expect(clippy::unwrap_used, reason = "a failing test may panic")]
#![expect(clippy::float_cmp, reason = "tests assert equal bits")]

mod align;
mod correlation;
mod counts;
mod distance;
mod maps;
mod memorization;
mod pairing;
mod ranking;
mod router_geometry;
mod spectrum;
