//! Metrics against every expected value of `tests/fixtures/metrics/run-a`, natively and in wasm.
//!
//! Integers and strings are equal; real numbers agree to 1e-9, effective dimensions to 1e-7.
#![expect(clippy::unwrap_used, reason = "a failing test may panic")]

mod bits;
mod consistency;
mod courses;
mod distance;
mod fixture;
mod follow;
mod pairing;
mod pathways;
mod routing;
mod spectrum;
