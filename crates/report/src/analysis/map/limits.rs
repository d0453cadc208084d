//! Sizes of a map.

/// Samples on a map at most: of more, as many are taken at even distances.
pub const MOST_SAMPLES: usize = 10_000;

/// Samples up to which a frame has every distance; of more it has means.
pub const EXACT_SAMPLES: usize = 2_000;

/// Cells in a row of a frame that has means.
pub const MEAN_SIDE: usize = 1_000;

/// Samples up to which a plane is fitted to all distances; of more, to those of some landmarks.
pub const EXACT_LAYOUT: usize = 1_000;

/// Landmarks of a plane.
pub const LANDMARKS: usize = 400;

/// Samples of a domain that are clustered; the others stand beside the nearest of these.
pub const MOST_CLUSTERED: usize = 2_000;
