//! Size limits of a map.

/// Most samples of a map; a larger group is subsampled evenly.
pub const MOST_SAMPLES: usize = 10_000;

/// Most samples for which a frame has every distance; otherwise it has means.
pub const EXACT_SAMPLES: usize = 2_000;

/// Cells per row of a frame with means.
pub const MEAN_SIDE: usize = 1_000;

/// Most samples for which the plane is fitted to all distances; otherwise it is fitted to
/// landmarks.
pub const EXACT_LAYOUT: usize = 1_000;

/// Number of landmarks.
pub const LANDMARKS: usize = 400;

/// Most samples of a domain that are clustered; the others are placed next to the nearest of these.
pub const MOST_CLUSTERED: usize = 2_000;
