//! Edits that turn one list of experts into another, to show how two pathways differ.

use serde::{Deserialize, Serialize};

/// An edit as the experts of the first and of the second list.
type Places = (Option<u16>, Option<u16>);

/// One edit between two lists of expert ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
// Serialized as a pair of options: a tagged form costs the page ten times as much code.
#[serde(into = "Places", try_from = "Places")]
pub enum Edit {
    /// The expert is in both lists.
    Keep {
        /// Expert id.
        expert: u16,
    },
    /// The expert is only in the first list.
    Delete {
        /// Expert id.
        expert: u16,
    },
    /// The expert is only in the second list.
    Insert {
        /// Expert id.
        expert: u16,
    },
    /// One expert replaces another.
    Substitute {
        /// Expert id in the first list.
        from: u16,
        /// Expert id in the second list.
        to: u16,
    },
}

impl From<Edit> for Places {
    fn from(edit: Edit) -> Self {
        match edit {
            Edit::Keep { expert } => (Some(expert), Some(expert)),
            Edit::Delete { expert } => (Some(expert), None),
            Edit::Insert { expert } => (None, Some(expert)),
            Edit::Substitute { from, to } => (Some(from), Some(to)),
        }
    }
}

impl TryFrom<Places> for Edit {
    type Error = &'static str;

    fn try_from(places: Places) -> Result<Self, Self::Error> {
        match places {
            (Some(from), Some(to)) if from == to => Ok(Self::Keep { expert: from }),
            (Some(from), Some(to)) => Ok(Self::Substitute { from, to }),
            (Some(expert), None) => Ok(Self::Delete { expert }),
            (None, Some(expert)) => Ok(Self::Insert { expert }),
            (None, None) => Err("an edit without experts"),
        }
    }
}
