//! Code shared by the fuzz targets: turning inputs into files, reading all of them, and bounds of memory.
//!
//! Each file in `fuzz_targets` is a target and gives bytes to one reader. libFuzzer changes the bytes and keeps inputs that
//! reach new code. A finding is a panic, a failed check, memory over the bound of [`heap`], or an input that takes longer
//! than `cargo xtask fuzz` allows.

pub mod files;
pub mod heap;
pub mod link;
pub mod repair;
pub mod reports;
