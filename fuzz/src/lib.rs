//! What the fuzz targets have in common: how an input becomes a file, how all of it is read, and how much memory that
//! may take.
//!
//! A target is a file in `fuzz_targets`. Each gives bytes to one reader; libFuzzer changes the bytes and keeps what
//! reaches code that nothing reached before. A finding is a panic, a failed check, more than [`heap`] allows, or more
//! than the seconds that `cargo xtask fuzz` allows an input.

pub mod files;
pub mod heap;
pub mod link;
pub mod repair;
pub mod reports;
