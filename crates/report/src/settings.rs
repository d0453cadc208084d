//! The settings: every choice of the user that changes a figure. The report holds them.
//!
//! [`declared`] has the field, the default and the row of each; [`text`] reads, writes and checks
//! any of them.

pub mod declared;
pub mod text;
pub mod value;

pub use declared::Settings;
pub use value::{OnsetRule, PairBudget, Unit, Window};
