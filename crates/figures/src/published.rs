//! The paper's own figures, to stand beside a run's (docs/metrics.md#published-figures): arXiv 2506.21551, table 1 and figures.

/// A correlation of the paper's table 1, Pearson and Spearman against accuracy.
pub(crate) struct PublishedCorrelation {
    pub domain: &'static str,
    /// The report's name of the same metric.
    pub metric: &'static str,
    pub pearson: f64,
    pub spearman: f64,
}

/// A range that the paper's figures show over its checkpoints.
pub(crate) struct PublishedLevel {
    pub domain: &'static str,
    /// Mean pathway distance at tau 0.7.
    pub distance: (f64, f64),
}

const fn correlation(
    domain: &'static str,
    metric: &'static str,
    pearson: f64,
    spearman: f64,
) -> PublishedCorrelation {
    PublishedCorrelation { domain, metric, pearson, spearman }
}

pub(crate) const CORRELATIONS: [PublishedCorrelation; 12] = [
    correlation("math", "distance", -0.9471, -0.9487),
    correlation("code", "distance", -0.9290, -0.9276),
    correlation("commonsense", "distance", -0.9821, -0.9747),
    correlation("domain", "distance", -0.9254, -0.9487),
    correlation("math", "consistency_mean", 0.9246, 0.9487),
    correlation("code", "consistency_mean", 0.9786, 0.9856),
    correlation("commonsense", "consistency_mean", 0.9804, 0.9747),
    correlation("domain", "consistency_mean", 0.9917, 0.9487),
    correlation("math", "loss", -0.0435, -0.2108),
    correlation("code", "loss", -0.0680, -0.2052),
    correlation("commonsense", "loss", 0.6427, 0.4104),
    correlation("domain", "loss", 0.7944, 0.9487),
];

pub(crate) const LEVELS: [PublishedLevel; 4] = [
    PublishedLevel { domain: "math", distance: (520.0, 550.0) },
    PublishedLevel { domain: "code", distance: (505.0, 530.0) },
    PublishedLevel { domain: "commonsense", distance: (480.0, 580.0) },
    PublishedLevel { domain: "domain", distance: (520.0, 580.0) },
];

/// `C_i` over all of the paper's domains, falling.
pub(crate) const C: (f64, f64) = (0.24, 0.44);
