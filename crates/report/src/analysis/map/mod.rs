//! The map: all pairwise distances of a group of samples at one checkpoint, in an order that shows who is alike, and the
//! same samples as points of a plane.
//!
//! `samples` chooses who is on it, `order` in which order, `frame` measures a checkpoint, `part` measures
//! rectangles of it exactly. All of them measure by blocks of rows and hold no more than a block of pairs.

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
