//! Distance matrix (the view "Map"): all pairwise distances of a group of samples at one
//! checkpoint, ordered by similarity, and the same samples as points of a plane.
//!
//! `samples` selects the samples, `order` orders them, `frame` measures a checkpoint, and `part`
//! measures rectangles exactly. All measure in blocks of rows and keep at most two blocks of pairs.

mod frame;
mod limits;
mod measure;
mod order;
mod part;
mod samples;

pub use frame::{MapFrame, Mean};
pub use limits::{EXACT_LAYOUT, EXACT_SAMPLES, LANDMARKS, MEAN_SIDE, MOST_CLUSTERED, MOST_SAMPLES};
pub use order::MapOrder;
pub use part::npy_header;
pub use samples::{MapSamples, MapScope};
