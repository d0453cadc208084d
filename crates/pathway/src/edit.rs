//! An edit script between two lists of experts, for showing how two pathways differ.

use serde::{Deserialize, Serialize};

/// One step of turning a list of expert ids into another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "lowercase")]
pub enum Edit {
    /// The expert stands in both.
    Keep {
        /// Its id.
        expert: u16,
    },
    /// The expert stands only in the first.
    Delete {
        /// Its id.
        expert: u16,
    },
    /// The expert stands only in the second.
    Insert {
        /// Its id.
        expert: u16,
    },
    /// One expert stands in the place of another.
    Substitute {
        /// The first's id.
        from: u16,
        /// The second's id.
        to: u16,
    },
}
