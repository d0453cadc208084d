//! Checkpoints without samples: the geometry of their routers, as plain data. `docs/router-geometry.md` has the
//! definitions.

use std::cmp::Reverse;

use pathway::{RouterDrift, RouterLayer};
use serde::{Deserialize, Serialize};
use trace::CheckpointRouters;

use crate::{
    Watch,
    error::Error,
    export::{Table, count, figure},
};

/// What `format` says in the JSON.
pub const GEOMETRY_FORMAT: &str = "grokscope.geometry";

/// The version of the JSON.
pub const GEOMETRY_VERSION: u32 = 1;

/// The routers of some checkpoints of one run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Geometry {
    /// Always [`GEOMETRY_FORMAT`].
    pub format: String,
    /// [`GEOMETRY_VERSION`].
    pub version: u32,
    /// The model's numbers of the layers that have routers, ascending, `[L]`.
    pub layers: Vec<usize>,
    /// Experts a layer, `E`.
    pub experts: usize,
    /// Hidden size, `d`.
    pub width: usize,
    /// In training order; those without a step come last. The last one is what drift is measured to.
    pub checkpoints: Vec<CheckpointGeometry>,
}

/// The routers of one checkpoint.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CheckpointGeometry {
    /// The folder's name or address.
    pub name: String,
    /// Training step.
    pub step: Option<u64>,
    /// Training tokens.
    pub tokens: Option<u64>,
    /// One a layer with a router, `[L]`.
    pub layers: Vec<LayerGeometry>,
}

/// One layer's router at one checkpoint.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LayerGeometry {
    /// Mean length of an expert's row.
    pub norm_mean: Option<f64>,
    /// Least length of an expert's row.
    pub norm_min: Option<f64>,
    /// Largest length of an expert's row.
    pub norm_max: Option<f64>,
    /// Mean cosine over pairs of different experts.
    pub similarity: Option<f64>,
    /// Relative Frobenius distance to the last checkpoint.
    pub drift: Option<f64>,
    /// Mean cosine of an expert's row with its own row at the last checkpoint.
    pub cosine: Option<f64>,
    /// Mean absolute difference of the experts' cosines from those at the last checkpoint.
    pub gram_difference: Option<f64>,
}

/// A figure of a layer, for going over all of them.
pub type LayerFigure = fn(&LayerGeometry) -> Option<f64>;

impl LayerGeometry {
    /// Every figure with its name in the CSV, in order.
    pub const FIGURES: [(&'static str, LayerFigure); 7] = [
        ("norm_mean", |layer| layer.norm_mean),
        ("norm_min", |layer| layer.norm_min),
        ("norm_max", |layer| layer.norm_max),
        ("similarity", |layer| layer.similarity),
        ("drift", |layer| layer.drift),
        ("cosine", |layer| layer.cosine),
        ("gram_difference", |layer| layer.gram_difference),
    ];

    fn new(layer: &RouterLayer, last: &RouterLayer) -> Result<Self, Error> {
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
        })
    }
}

impl CheckpointGeometry {
    /// A figure as its mean over layers; none where any layer lacks it.
    #[must_use]
    pub fn mean(&self, figure: LayerFigure) -> Option<f64> {
        let values: Option<Vec<f64>> = self.layers.iter().map(figure).collect();
        let values = values.filter(|values| !values.is_empty())?;
        Some(values.iter().sum::<f64>() / values.len() as f64)
    }
}

/// What checkpoints are ordered by: those with a step by it, then those without.
#[must_use]
pub fn training_order(step: Option<u64>) -> (bool, u64) {
    (step.is_none(), step.unwrap_or(0))
}

/// The routers of the last checkpoint, ready to be compared with.
#[derive(Debug)]
pub struct LastRouters {
    layers: Vec<RouterLayer>,
    geometry: Geometry,
}

impl LastRouters {
    /// Takes in the last checkpoint of a run.
    ///
    /// # Errors
    /// The matrices have not the shape that they claim.
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
        Ok(Self { layers, geometry })
    }

    /// Measures a checkpoint of the run, the last one among them.
    ///
    /// # Errors
    /// [`Error::OtherRouters`] where it is a checkpoint of another model.
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
            measured.push(LayerGeometry::new(&layer, last)?);
            watch.yield_now().await;
        }
        self.geometry.checkpoints.push(CheckpointGeometry {
            name: routers.folder.clone(),
            step: routers.step,
            tokens: routers.tokens,
            layers: measured,
        });
        Ok(())
    }

    /// What was measured, in training order.
    #[must_use]
    pub fn finish(self) -> Geometry {
        let mut geometry = self.geometry;
        geometry.checkpoints.sort_by_key(|checkpoint| training_order(checkpoint.step));
        geometry
    }
}

/// Which of the checkpoints with these steps is the last in training: of equals the one that came last.
#[must_use]
pub fn last_in_training(steps: &[Option<u64>]) -> Option<usize> {
    (0..steps.len()).min_by_key(|&at| Reverse((training_order(steps.get(at).copied().flatten()), at)))
}

/// The JSON, every digit of every figure.
#[must_use]
pub fn geometry_json(geometry: &Geometry) -> String {
    // Plain data with text for keys: nothing in it that JSON could not hold.
    serde_json::to_string(geometry).unwrap_or_default()
}

/// The CSV, a row a checkpoint and layer.
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
