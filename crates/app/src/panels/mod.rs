//! Panels and dialogs around the views.

pub mod address;
pub mod banner;
pub mod code;
pub mod definition;
pub mod dialog;
pub mod empty;
pub mod engine;
pub mod entry;
pub mod errors;
pub mod export;
pub mod file_inputs;
pub mod file_table;
pub mod header;
pub mod help;
pub mod kept;
pub mod mapping;
pub mod notes;
pub mod notice;
pub mod offline;
pub mod progress;
pub mod routers;
pub mod second_run;
pub mod settings;
pub mod shape;
pub mod share;
pub mod verdict;
