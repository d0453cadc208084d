//! One map: its samples, their order, and the planes of the frames that were measured.

use std::{cell::RefCell, rc::Rc};

use report::{
    Error, Settings, TraceRun, Unit, Watch,
    map::{EXACT_SAMPLES, MEAN_SIDE, MapFrame, MapOrder, MapSamples, MapScope},
};

use super::planes::Planes;
use crate::run_state::RunState;

/// The order of a map: the kind of order with its reference checkpoint, if samples were ordered,
/// and the positions of the samples.
type Order = (Option<(MapOrder, usize)>, Rc<[u32]>);

/// A map.
pub struct MapSession {
    state: Rc<RunState>,
    run: Rc<TraceRun>,
    settings: Settings,
    scope: MapScope,
    samples: MapSamples,
    order: RefCell<Order>,
    planes: Planes,
}

impl MapSession {
    /// A map of these samples.
    ///
    /// # Errors
    /// If the run has no such samples.
    pub fn new(
        state: Rc<RunState>,
        run: Rc<TraceRun>,
        settings: Settings,
        scope: MapScope,
    ) -> Result<Self, Error> {
        let samples = state.analysis().map_samples(&run, &settings, &scope)?;
        let order = (None, (0..samples.len() as u32).collect());
        Ok(Self {
            state,
            run,
            settings,
            scope,
            samples,
            order: RefCell::new(order),
            planes: Planes::default(),
        })
    }

    /// Whether this is the map of these samples of the run with these settings.
    pub fn is_for(&self, run: &Rc<TraceRun>, settings: &Settings, scope: &MapScope) -> bool {
        Rc::ptr_eq(&self.run, run) && (&self.settings, &self.scope) == (settings, scope)
    }

    /// The run.
    pub fn run(&self) -> &TraceRun {
        &self.run
    }

    /// The unit of distances.
    pub fn unit(&self) -> Unit {
        self.settings.unit
    }

    /// The samples.
    pub fn samples(&self) -> &MapSamples {
        &self.samples
    }

    /// The planes of the measured frames.
    pub fn planes(&self) -> &Planes {
        &self.planes
    }

    /// Position in the order of the run of each row.
    pub fn order(&self) -> Rc<[u32]> {
        Rc::clone(&self.order.borrow().1)
    }

    /// Training step of a checkpoint.
    pub fn step(&self, checkpoint: usize) -> u64 {
        self.run.checkpoints.get(checkpoint).map_or(0, |checkpoint| checkpoint.step)
    }

    /// Index in the run of the sample at a position.
    pub fn sample(&self, place: u32) -> Option<usize> {
        self.samples.samples.get(place as usize).map(|&sample| sample as usize)
    }

    /// Measures the frame of a checkpoint.
    ///
    /// # Errors
    /// What the analysis fails with.
    pub async fn frame(&self, checkpoint: usize, watch: &dyn Watch) -> Result<MapFrame, Error> {
        let (run, settings, samples) = (&self.run, &self.settings, &self.samples);
        let (analysis, pool, order) = (self.state.analysis(), self.state.pool(), self.order());
        analysis.map_frame(run, settings, samples, &order, checkpoint, pool, watch).await
    }

    /// Orders the samples. The order is kept, because clusters require measuring pairs.
    ///
    /// # Errors
    /// What the analysis fails with.
    pub async fn put_in_order(
        &self,
        kind: MapOrder,
        reference: usize,
        watch: &dyn Watch,
    ) -> Result<(), Error> {
        if self.order.borrow().0 == Some((kind, reference)) {
            return Ok(());
        }
        let (analysis, pool) = (self.state.analysis(), self.state.pool());
        let order = analysis
            .map_order(&self.run, &self.settings, &self.samples, kind, reference, pool, watch)
            .await?;
        *self.order.borrow_mut() = (Some((kind, reference)), order.into());
        Ok(())
    }

    /// Bytes of the cells of a frame.
    pub fn frame_bytes(&self) -> usize {
        let number = self.samples.len();
        let side = if number <= EXACT_SAMPLES { number } else { MEAN_SIDE };
        2 * side * side
    }

    /// Distances of a rectangle, given the positions of its rows and columns.
    ///
    /// # Errors
    /// What the analysis fails with.
    pub async fn part(
        &self,
        places: (&[u32], &[u32]),
        checkpoint: usize,
        watch: &dyn Watch,
    ) -> Result<Vec<u16>, Error> {
        let (run, settings, samples) = (&self.run, &self.settings, &self.samples);
        let (analysis, pool) = (self.state.analysis(), self.state.pool());
        analysis.map_part(run, settings, samples, places, checkpoint, pool, watch).await
    }

    /// Two samples and their distance in words.
    pub fn describe(&self, a: usize, b: usize, distance: u16) -> String {
        let name = |at: usize| {
            self.run
                .samples
                .get(at)
                .map(|sample| format!("{} ({})", sample.id, sample.domain))
                .unwrap_or_default()
        };
        if a == b {
            return name(a);
        }
        let unit = match self.settings.unit {
            Unit::Symbol => "symbols",
            Unit::Character => "characters",
        };
        format!(
            "{} and {}: distance {} {unit}",
            name(a),
            name(b),
            figures::number::count(u64::from(distance))
        )
    }
}
