//! The metrics: mean gates to pathways, pathways to distances, and metric courses over checkpoints
//! to statistics.
//!
//! This crate does no file, network, GPU or clock access. The same input gives the same bits on
//! every machine: transcendental functions come from `libm`, sums run in a fixed order, random
//! draws are seeded.
//!
//! `docs/metrics.md` defines every metric; the functions cite its sections.

mod align;
mod cells;
mod change;
mod characters;
mod clock;
mod clusters;
mod coactivation;
mod commitment;
mod consistency;
mod correlation;
mod distance;
mod draw;
mod edit;
mod eigenvalues;
mod entropy;
mod error;
mod exchange;
mod flow;
mod generalization;
mod hits;
mod increment_orders;
mod increments;
mod information;
mod labels;
mod load;
mod load_null;
mod logarithm;
mod memorization;
mod null;
mod onset;
mod order;
mod pairing;
mod pairing_null;
mod products;
mod ranking;
mod router_geometry;
mod saturation;
mod scaling;
mod signature;
mod spectrum;
mod student;
mod sums;
mod vector;

pub use align::align;
pub use cells::{MeanCells, triangle_blocks};
pub use change::{DistanceChange, PairSums, distance_change};
pub use clock::{clock, pearson};
pub use clusters::cluster_order;
pub use coactivation::{Coactivation, CoactivationPair};
pub use commitment::{Commitment, CommitmentSum, Neighbors, Share};
pub use consistency::{
    ConsistencySummary, RouterGram, SampleConsistency, sample_consistency, summarise_consistency,
};
pub use correlation::{CorrelationResult, RANDOM_ORDERS, Undefined, coefficients, correlate_all};
pub use distance::{CrossDistance, GroupDistance, cross_distance, group_distance, lengths, structure};
pub use draw::{Rng, pair_count, sample_cross_pairs, sample_pairs};
pub use edit::Edit;
pub use entropy::{entropy_by_layer, mean_entropy_by_layer};
pub use error::Error;
pub use exchange::{ExchangeTest, FEWEST_EXCHANGED, RANDOM_ASSIGNMENTS, observe_exchange, test_exchange};
pub use flow::{Flow, FlowSum, StrongestLinks};
pub use generalization::{accuracy, t_sharp};
pub use hits::{hits_of_p, p_of_hits};
pub use increments::{IncrementTest, RANDOM_INCREMENT_ORDERS, observe_increments, test_increments};
pub use information::{
    DomainGates, DomainInformation, DomainMeans, InformationNull, LayerSums, most_information,
};
pub use labels::permutations;
pub use load::{LayerLoad, LoadCounts};
pub use load_null::{load_null_characters, load_null_symbols};
pub use memorization::{EpsSearch, EpsStep, moving_average, search_eps, t_stars};
pub use null::{null_characters, null_symbols};
pub use onset::{
    CausalGeneralization, CausalMemorization, CausalStep, FALSE_ALARM_RATE, Look, LookPlan, Phase, PhaseFold,
    fallen, half_between, half_by, one_sided, plan_looks,
};
pub use pairing::{Assignment, UnitSum, assign, best_pairs, score_matrix};
pub use pairing_null::{MOST_ARRANGEMENTS, PairingNull, PairingSide, pairing_null};
pub use ranking::{FREQUENCY_MARGIN, Ranking};
pub use router_geometry::{RouterDrift, RouterLayer, bias_spread};
pub use saturation::{Saturation, SaturationSum};
pub use scaling::{Layout, Scaling, turn_towards};
pub use signature::{Comparison, ComparisonStep, Separation, Signatures};
pub use spectrum::{EffectiveDimension, LayerMoments, Spectrum};
pub use student::{t_quantile, t_quantile_95};
