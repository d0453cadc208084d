//! Analyzes a run of router traces with settings and produces one plain, versioned [`Report`].
//!
//! Charts, tables, links and exports use only a [`Report`], so a link shows exactly what a new
//! analysis shows.

mod analysis;
mod check;
mod claims;
pub mod derive;
mod error;
pub mod export;
mod geometry;
pub mod link;
mod matching;
pub mod metrics;
mod model;
mod onsets;
mod settings;
mod work;

pub use analysis::{
    AlignedPair, Analysis, CELLS_AT_ONCE, Direct, Distances, ExpertTokens, GroupFlow, InlineDistances,
    NoProgress, PairOfSamples, Pairs, Part, Pending, Run as TraceRun, Stage, TokenCount, TokenExperts,
    Verdict, Watch, assemble, explain, map, traces,
};
pub use claims::claims;
pub use error::Error;
pub use export::{csv_tables, json, parse_json};
pub use geometry::{
    CheckpointGeometry, GEOMETRY_FORMAT, GEOMETRY_VERSION, Geometry, LastRouters, LayerFigure, LayerGeometry,
    geometry_csv, geometry_json, last_in_training, training_order,
};
pub use link::{LinkOptions, Parts, decode, encode};
pub use matching::{ExpertMatching, LayerMatching, match_experts};
pub use metrics::{Band, Better, Bounds, METRICS, Metric, Need, Shown, metric};
pub use model::{
    CausalSteps, Change, Checkpoint, Claim, ClaimKind, CoactivationPair, Correlation, Course, Delays, Domain,
    Exchange, ExpertSelections, FORMAT, GateKind, Generalization, Group, Matched, Memorization, Note,
    NoteLevel, Pair, Phase, Report, Run, Series, Shortened, State, VERSION, WHOLE_RUN, Why,
};
pub use pathway::{FALSE_ALARM_RATE, StrongestLinks};
pub use settings::{
    OnsetRule, PairBudget, Settings, Unit, Window,
    declared::{Named, SETTINGS, Setting, Value as SettingValue},
};
pub use trace::{SampleMeta, TokenIds};
