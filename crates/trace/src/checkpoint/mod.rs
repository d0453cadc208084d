//! Checkpoints in folders: their files and their router matrices.

pub mod files;
pub mod hub_cache;
pub mod names;
pub mod routers;
