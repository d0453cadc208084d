//! What rows of the table have in common: scopes, precisions in links, and the default row.

use crate::metrics::{
    Band, Better, Bounds, Layers, LinkPrecision, Metric, MetricUnit, Need, Scale, Scope, Shown,
};

/// A figure of a domain's samples, without further detail.
pub const DOMAIN: Scope = Scope {
    groups: false,
    layers: Layers::Never,
    threshold: false,
    t_star: false,
    domain_pairs: false,
    whole_run: false,
};

/// A figure of the whole run.
pub const RUN: Scope = Scope { whole_run: true, ..DOMAIN };

/// A figure of the whole run and of its single layers.
pub const RUN_LAYERS: Scope = Scope { layers: Layers::Also, ..RUN };

/// A figure of all and of the memorized samples.
pub const GROUPS: Scope = Scope { groups: true, ..DOMAIN };

/// A figure of pathways at a threshold, of all and of the memorized samples.
pub const PATHWAYS: Scope = Scope { groups: true, threshold: true, ..DOMAIN };

/// A figure of single layers.
pub const LAYERS: Scope = Scope { layers: Layers::Only, ..DOMAIN };

/// A figure over all layers and of single ones.
pub const ALSO_LAYERS: Scope = Scope { layers: Layers::Also, ..DOMAIN };

/// Precision of figures that a link codes with all of its bits.
pub const MAIN: LinkPrecision = LinkPrecision { fewer_bits: 0, scale: Scale::Linear, further: false };

/// Figures that accompany the main ones.
pub const SIDE: LinkPrecision = LinkPrecision { fewer_bits: 2, scale: Scale::Linear, further: false };

/// Shares, and the baseline of random pathways.
pub const COARSE: LinkPrecision = LinkPrecision { fewer_bits: 4, scale: Scale::Linear, further: false };

/// Controls and comparisons that only links with further metrics carry.
pub const FURTHER: LinkPrecision = LinkPrecision { further: true, ..SIDE };

/// Likewise, as coarse as shares.
pub const COARSE_FURTHER: LinkPrecision = LinkPrecision { further: true, ..COARSE };

/// Losses.
pub const LOSS: LinkPrecision = LinkPrecision { fewer_bits: 0, scale: Scale::SquareRoot, further: false };

/// Default row, so that each row states only what differs.
pub const ROW: Metric = Metric {
    id: "",
    name: "",
    summary: "",
    unit: MetricUnit::Dimensionless,
    section: "",
    scope: DOMAIN,
    better: Better::Neither,
    correlates: false,
    shown: Shown::Tables,
    band: Band::None,
    reference: None,
    bounds: Bounds::None,
    link: SIDE,
    needs: &[Need::Routing],
    derived: None,
};
