//! An edit script between two lists of experts, for showing how two pathways differ.

use serde::{Deserialize, Serialize};

/// What stands in the first and in the second list.
type Places = (Option<u16>, Option<u16>);

/// One step of turning a list of expert ids into another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
// As what stands in the first and in the second: a tagged form costs the page ten times as much code.
#[serde(into = "Places", try_from = "Places")]
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
