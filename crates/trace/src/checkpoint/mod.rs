//! Checkpoints in folders: their files and their router matrices.

pub mod files;
pub mod names;
pub mod routers;
