//! The science: mean gates become pathways, pathways become distances, courses become statements.
//!
//! Nothing here knows files, browsers, GPUs or time. The same input gives the same bits on every machine:
//! transcendental functions come from `libm`, sums run in a fixed order, random draws are seeded.

mod edit;

pub use edit::Edit;
