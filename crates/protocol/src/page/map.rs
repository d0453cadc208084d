//! Requests and frames of the map: all pairwise distances of a group of samples.

use figures::MapSheet;
use report::map::{MapOrder, MapScope};
use serde::{Deserialize, Serialize};

/// A request for a map.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MapRequest {
    /// Returned with every response.
    pub request_id: u32,
    /// The group of samples.
    pub scope: MapScope,
    /// Order of the samples on the map.
    pub order: MapOrder,
    /// Index of the checkpoint whose distances define clusters.
    pub reference: usize,
    /// Index of the displayed checkpoint, whose frame is measured first.
    pub checkpoint: usize,
    /// Checkpoints whose frames the page has.
    pub have: Vec<usize>,
    /// Bytes of cells that the page can hold, which limits the number of frames. 0 is for the
    /// displayed frame alone, which does not replace the map that is open.
    pub room: usize,
}

/// Facts about one frame of the map.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MapFrame {
    /// Id of the request that this answers.
    pub request_id: u32,
    /// Index of the checkpoint.
    pub checkpoint: usize,
    /// Lower end of the color scale.
    pub low: u32,
    /// Upper end of the color scale.
    pub high: u32,
    /// Summary and table of mean distances.
    pub sheet: MapSheet,
}
