//! p values from counts of hits, and back.

/// Share of the tried orders that hit: `hits / tried` if all orders were tried, else
/// `(hits + 1) / (tried + 1)`, because the observed order counts too
/// (docs/metrics.md#does-it-follow-accuracy).
#[must_use]
pub fn p_of_hits(hits: u64, tried: u64, all: bool) -> f64 {
    if all { hits as f64 / tried as f64 } else { (hits as f64 + 1.0) / (tried as f64 + 1.0) }
}

/// Hits whose [`p_of_hits`] is nearest to `p`, at most `tried`
/// (docs/metrics.md#does-it-follow-accuracy).
#[must_use]
pub fn hits_of_p(p: f64, tried: u64, all: bool) -> u64 {
    let hits = if all { p * tried as f64 } else { p * (tried as f64 + 1.0) - 1.0 };
    // A p that is not a number gives 0.
    (hits.round().max(0.0) as u64).min(tried)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hits_come_back_from_every_p() {
        for (tried, all) in [(9_999, false), (24, true), (362_880, true), (40_320, true), (1, true)] {
            for hits in (0..=tried).step_by(1 + tried as usize / 5_000).chain([tried]) {
                assert_eq!(hits_of_p(p_of_hits(hits, tried, all), tried, all), hits, "{hits} of {tried}");
            }
        }
        assert_eq!(hits_of_p(2.0, 24, true), 24);
        assert_eq!((hits_of_p(-1.0, 24, false), hits_of_p(f64::NAN, 24, false)), (0, 0));
    }

    #[test]
    fn the_observed_order_counts_among_random_ones() {
        assert_eq!(p_of_hits(0, 9_999, false).to_bits(), 1e-4_f64.to_bits());
        assert_eq!(p_of_hits(1, 24, true).to_bits(), (1.0_f64 / 24.0).to_bits());
    }
}
