//! Router geometry of checkpoints, without samples, as plain data. See `docs/router-geometry.md`
//! for definitions.

use std::cmp::Reverse;

use pathway::{RouterDrift, RouterLayer};
use serde::{Deserialize, Serialize};
use trace::CheckpointRouters;

use crate::{
    Watch,
    error::Error,
    export::{Table, count, figure},
};

/// The `format` field in the JSON.
pub const GEOMETRY_FORMAT: &str = "grokscope.geometry";

/// Version of the JSON.
pub const GEOMETRY_VERSION: u32 = 1;

/// Router geometry of the checkpoints of one run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Geometry {
    /// Always [`GEOMETRY_FORMAT`].
    pub format: String,
    /// [`GEOMETRY_VERSION`].
    pub version: u32,
    /// Model indices of the layers with routers, ascending, `[L]`.
    pub layers: Vec<usize>,
    /// Experts per layer, `E`.
    pub experts: usize,
    /// Hidden size, `d`.
    pub width: usize,
    /// Checkpoints in training order, those without a step last. Drift is relative to the last one, turn to
    /// the one before.
    pub checkpoints: Vec<CheckpointGeometry>,
}

/// Router geometry of one checkpoint.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CheckpointGeometry {
    /// Name or address of the folder.
    pub name: String,
    /// Training step.
    pub step: Option<u64>,
    /// Training tokens.
    pub tokens: Option<u64>,
    /// One entry per layer with a router, `[L]`.
    pub layers: Vec<LayerGeometry>,
}

/// Router geometry of one layer at one checkpoint.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LayerGeometry {
    /// Mean norm of the experts' rows.
    pub norm_mean: Option<f64>,
    /// Smallest norm of the experts' rows.
    pub norm_min: Option<f64>,
    /// Largest norm of the experts' rows.
    pub norm_max: Option<f64>,
    /// Mean cosine over pairs of different experts.
    pub similarity: Option<f64>,
    /// Relative Frobenius distance to the last checkpoint.
    pub drift: Option<f64>,
    /// Mean cosine of an expert's row with its own row at the last checkpoint.
    pub cosine: Option<f64>,
    /// Mean absolute difference of the experts' cosines from those at the last checkpoint.
    pub gram_difference: Option<f64>,
    /// Largest distance of an expert's row from the mean row, over the mean row's norm.
    #[serde(default)]
    pub conditioning: Option<f64>,
    /// Exponential of the entropy of the singular values over their sum.
    #[serde(default)]
    pub effective_rank: Option<f64>,
    /// One less the cosine of all weights with those at the checkpoint before.
    #[serde(default)]
    pub turn: Option<f64>,
    /// Standard deviation of the experts' correction biases.
    #[serde(default)]
    pub bias_spread: Option<f64>,
}

/// Accessor of one figure of a layer.
pub type LayerFigure = fn(&LayerGeometry) -> Option<f64>;

impl LayerGeometry {
    /// Every figure with its name in the CSV, in order.
    pub const FIGURES: [(&'static str, LayerFigure); 11] = [
        ("norm_mean", |layer| layer.norm_mean),
        ("norm_min", |layer| layer.norm_min),
        ("norm_max", |layer| layer.norm_max),
        ("similarity", |layer| layer.similarity),
        ("drift", |layer| layer.drift),
        ("cosine", |layer| layer.cosine),
        ("gram_difference", |layer| layer.gram_difference),
        ("conditioning", |layer| layer.conditioning),
        ("effective_rank", |layer| layer.effective_rank),
        ("turn", |layer| layer.turn),
        ("bias_spread", |layer| layer.bias_spread),
    ];

    /// Measures a layer, whose correction biases and weights at the checkpoint before may be empty.
    fn new(layer: &RouterLayer, last: &RouterLayer, before: &[f32], biases: &[f32]) -> Result<Self, Error> {
        let [mean, min, max] = layer.norm_summary();
        let RouterDrift { distance, cosine, gram } = layer.drift(last)?;
        Ok(Self {
            norm_mean: Some(mean),
            norm_min: Some(min),
            norm_max: Some(max),
            similarity: layer.similarity(),
            drift: distance,
            cosine,
            gram_difference: gram,
            conditioning: layer.conditioning(),
            effective_rank: layer.effective_rank(),
            turn: if before.is_empty() { None } else { layer.turn(before)? },
            bias_spread: pathway::bias_spread(biases),
        })
    }
}

impl CheckpointGeometry {
    /// Mean of a figure over layers; `None` if it is undefined in any layer.
    #[must_use]
    pub fn mean(&self, figure: LayerFigure) -> Option<f64> {
        let values: Option<Vec<f64>> = self.layers.iter().map(figure).collect();
        let values = values.filter(|values| !values.is_empty())?;
        Some(values.iter().sum::<f64>() / values.len() as f64)
    }
}

/// Sort key of checkpoints: by step, then those without a step.
#[must_use]
pub fn training_order(step: Option<u64>) -> (bool, u64) {
    (step.is_none(), step.unwrap_or(0))
}

/// Routers of the last checkpoint, the reference of drift, those of the checkpoint measured before,
/// and the results so far.
#[derive(Debug)]
pub struct LastRouters {
    layers: Vec<RouterLayer>,
    /// Matrices `[L,E,d]` of the checkpoint measured before; empty at first.
    before: Vec<f32>,
    geometry: Geometry,
}

impl LastRouters {
    /// Starts with the last checkpoint of a run.
    ///
    /// # Errors
    /// A matrix does not have its stated shape.
    pub async fn new(routers: &CheckpointRouters, watch: &dyn Watch) -> Result<Self, Error> {
        let CheckpointRouters { layers: numbers, experts, width, .. } = routers;
        let mut layers = Vec::with_capacity(numbers.len());
        for place in 0..numbers.len() {
            layers.push(RouterLayer::new(*experts, *width, routers.layer(place))?);
            watch.yield_now().await;
        }
        let geometry = Geometry {
            format: GEOMETRY_FORMAT.to_owned(),
            version: GEOMETRY_VERSION,
            layers: numbers.clone(),
            experts: *experts,
            width: *width,
            checkpoints: Vec::new(),
        };
        Ok(Self { layers, before: Vec::new(), geometry })
    }

    /// Measures a checkpoint of the run, which may be the last one. Checkpoints come in training
    /// order, so that the one measured before is the one before in training.
    ///
    /// # Errors
    /// [`Error::OtherRouters`] if it is a checkpoint of another model.
    pub async fn measure(&mut self, routers: &CheckpointRouters, watch: &dyn Watch) -> Result<(), Error> {
        let Geometry { layers, experts, width, .. } = &self.geometry;
        let CheckpointRouters { layers: found, experts: e, width: d, .. } = routers;
        if (found, e, d) != (layers, experts, width) {
            let shape =
                |layers: &[usize], e: &usize, d: &usize| format!("{} routers of [{e},{d}]", layers.len());
            return Err(Error::OtherRouters {
                folder: routers.folder.clone(),
                found: shape(found, e, d),
                expected: shape(layers, experts, width),
            });
        }
        let mut measured = Vec::with_capacity(layers.len());
        for (place, last) in self.layers.iter().enumerate() {
            let layer = RouterLayer::new(*experts, *width, routers.layer(place))?;
            let size = experts * width;
            let before = self.before.get(place * size..(place + 1) * size).unwrap_or_default();
            measured.push(LayerGeometry::new(&layer, last, before, routers.layer_biases(place))?);
            watch.yield_now().await;
        }
        self.before.clone_from(&routers.values);
        self.geometry.checkpoints.push(CheckpointGeometry {
            name: routers.folder.clone(),
            step: routers.step,
            tokens: routers.tokens,
            layers: measured,
        });
        Ok(())
    }

    /// Returns the results in training order.
    #[must_use]
    pub fn finish(self) -> Geometry {
        let mut geometry = self.geometry;
        geometry.checkpoints.sort_by_key(|checkpoint| training_order(checkpoint.step));
        geometry
    }
}

/// Index of the last checkpoint in training; of several with the same step, the last in the list.
#[must_use]
pub fn last_in_training(steps: &[Option<u64>]) -> Option<usize> {
    (0..steps.len()).min_by_key(|&at| Reverse((training_order(steps.get(at).copied().flatten()), at)))
}

/// The geometry as JSON, with exact figures.
#[must_use]
pub fn geometry_json(geometry: &Geometry) -> String {
    // Plain data with text keys always serializes.
    serde_json::to_string(geometry).unwrap_or_default()
}

/// The geometry as CSV, one row per checkpoint and layer.
#[must_use]
pub fn geometry_csv(geometry: &Geometry) -> String {
    let mut head = vec!["checkpoint", "step", "tokens", "layer"];
    head.extend(LayerGeometry::FIGURES.iter().map(|(name, _)| *name));
    let mut table = Table::new("routers.csv", &head);
    for checkpoint in &geometry.checkpoints {
        for (number, layer) in geometry.layers.iter().zip(&checkpoint.layers) {
            let mut row = vec![
                checkpoint.name.clone(),
                count(checkpoint.step),
                count(checkpoint.tokens),
                number.to_string(),
            ];
            row.extend(LayerGeometry::FIGURES.iter().map(|(_, read)| figure(read(layer))));
            table.row(row);
        }
    }
    table.finish().1
}
