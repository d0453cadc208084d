//! Checkpoints in folders: which files belong to one, and the router matrices in them.

pub mod files;
pub mod names;
pub mod routers;
