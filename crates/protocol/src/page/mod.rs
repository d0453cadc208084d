//! Messages between the page and the analyst.

pub mod drawing;
pub mod event;
pub mod export;
pub mod file_table;
pub mod job;
pub mod map;
pub mod mapping;
pub mod pathways;
