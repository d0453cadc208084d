//! URLs: pages of model hubs, lists of files, and explanations of failed requests.

pub mod http_error;
pub mod hub;
pub mod listing;
mod reference;
