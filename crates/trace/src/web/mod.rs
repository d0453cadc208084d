//! Addresses: pages of model hubs, lists of files, and what a server's refusal means.

pub mod http_error;
pub mod hub;
pub mod listing;
mod reference;
