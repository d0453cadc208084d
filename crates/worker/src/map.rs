//! The map of all pairwise distances: frames one after the other, single pairs and rectangles as they are looked at, and
//! files. What the page draws rides beside the messages as typed arrays; no frame stays here.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    rc::Rc,
};

use figures::{map_sheet, table_text};
use futures::future::{AbortHandle, abortable};
use js_sys::{Array, Float32Array, Uint8Array, Uint16Array, Uint32Array};
use protocol::{
    Event, MapRequest, PairChoice, Progress, WorkUnit,
    scope::{now, object, property, scope, to_js},
};
use report::{
    Error, Pending, Report, Settings, Stage, TraceRun, Unit, Watch,
    map::{EXACT_SAMPLES, MEAN_SIDE, MapFrame, MapOrder, MapSamples, MapScope, npy_header},
};
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::spawn_local;
use web_sys::Blob;

use crate::{analyst::Analyst, post::post, watcher::TICK, yielding::Yielder};

/// Distances of a file that are in memory at once.
const CELLS_A_PART: usize = 4 << 20;

/// What is on the map, and the work for it.
#[derive(Default)]
pub struct Map {
    shown: RefCell<Option<Rc<Shown>>>,
    frames: Slot,
    part: Slot,
    saving: Slot,
}

/// Work under way, of one kind.
type Slot = RefCell<Option<AbortHandle>>;

/// The kind of an order with its checkpoint, once there is one, and the order.
type Order = (Option<(MapOrder, usize)>, Rc<[u32]>);

/// A map.
struct Shown {
    run: Rc<TraceRun>,
    settings: Settings,
    scope: MapScope,
    samples: MapSamples,
    order: RefCell<Order>,
    /// Points of the plane by checkpoint, turned towards their neighbours'.
    planes: RefCell<BTreeMap<usize, Vec<[f64; 2]>>>,
}

impl Map {
    /// Stops all that is under way.
    pub fn stop(&self) {
        for work in [&self.frames, &self.part, &self.saving] {
            if let Some(work) = work.take() {
                work.abort();
            }
        }
    }

    /// Forgets the run.
    pub fn forget(&self) {
        self.stop();
        self.shown.take();
    }

    fn is_saving(&self) -> bool {
        self.saving.borrow().is_some()
    }

    /// Shows a map: its order first, then the frames that the page does not have.
    pub fn show(&self, analyst: &Rc<Analyst>, ask: MapRequest) {
        if let Some(work) = self.frames.take() {
            work.abort();
            // Nobody else's pairs are among those that wait then.
            if analyst.is_idle() && !self.is_saving() {
                analyst.pool.clear();
            }
        }
        let shown = match self.shown(analyst, &ask.scope) {
            Ok(shown) => shown,
            Err(error) => {
                post(&Event::Failed { message: error.to_string() });
                return;
            }
        };
        let me = Rc::clone(analyst);
        start(analyst, |map| &map.frames, async move { shown.measure(&me, &ask).await });
    }

    /// The map of these samples, the one that is shown where it is the same.
    fn shown(&self, analyst: &Analyst, scope: &MapScope) -> Result<Rc<Shown>, Error> {
        let Some(run) = analyst.run.borrow().clone() else {
            return Err(Error::NoMap { reason: "it needs the run's own traces".to_owned() });
        };
        let settings = analyst.settings.borrow().clone();
        if let Some(shown) = &*self.shown.borrow()
            && Rc::ptr_eq(&shown.run, &run)
            && (&shown.settings, &shown.scope) == (&settings, scope)
        {
            return Ok(Rc::clone(shown));
        }
        let samples = analyst.analysis.map_samples(&run, &settings, scope)?;
        let order = (None, (0..samples.len() as u32).collect());
        let shown = Rc::new(Shown {
            run,
            settings,
            scope: scope.clone(),
            samples,
            order: RefCell::new(order),
            planes: RefCell::default(),
        });
        *self.shown.borrow_mut() = Some(Rc::clone(&shown));
        Ok(shown)
    }

    /// Says which two samples those are, and how far they are from each other; or aligns their pathways.
    pub fn pair(&self, analyst: &Rc<Analyst>, places: (u32, u32), checkpoint: usize, open: bool) {
        let Some(shown) = self.shown.borrow().clone() else { return };
        let me = Rc::clone(analyst);
        spawn_local(async move {
            let Some((a, b)) = shown.sample(places.0).zip(shown.sample(places.1)) else { return };
            if open {
                me.choose_pair(PairChoice::Samples { a, b }, checkpoint).await;
                return;
            }
            let quiet = Teller::quiet(&me);
            let part = shown.part(&me, (&[places.0], &[places.1]), checkpoint, &quiet).await;
            if let Some(&distance) = part.as_ref().ok().and_then(|part| part.first()) {
                post(&Event::MapPair { text: shown.words(a, b, distance) });
            }
        });
    }

    /// Measures a rectangle exactly.
    pub fn part(
        &self,
        analyst: &Rc<Analyst>,
        rows: (usize, usize),
        columns: (usize, usize),
        checkpoint: usize,
    ) {
        if let Some(work) = self.part.take() {
            work.abort();
        }
        let Some(shown) = self.shown.borrow().clone() else { return };
        let me = Rc::clone(analyst);
        start(analyst, |map| &map.part, async move {
            let order = Rc::clone(&shown.order.borrow().1);
            let of = |(first, number): (usize, usize)| order.get(first..first.saturating_add(number));
            let places = (of(rows).unwrap_or(&[]), of(columns).unwrap_or(&[]));
            let part = shown.part(&me, places, checkpoint, &Teller::quiet(&me)).await?;
            post_with(&Event::MapPart { rows, columns, checkpoint }, &[&Uint16Array::from(&part[..])]);
            Ok(())
        });
    }

    /// Hands out a frame as a file of numbers, or a table of the rows.
    pub fn save(&self, analyst: &Rc<Analyst>, checkpoint: Option<usize>) {
        let Some(shown) = self.shown.borrow().clone() else { return };
        if let Some(work) = self.saving.take() {
            work.abort();
        }
        let me = Rc::clone(analyst);
        start(analyst, |map| &map.saving, async move {
            match checkpoint {
                Some(checkpoint) => shown.save(&me, checkpoint).await,
                None => {
                    hand_out("map-rows.csv".to_owned(), &Array::of1(&shown.rows().into()));
                    Ok(())
                }
            }
        });
    }
}

/// Starts work that can be stopped, and says how it ended.
fn start(
    analyst: &Rc<Analyst>,
    slot: fn(&Map) -> &Slot,
    work: impl Future<Output = Result<(), Error>> + 'static,
) {
    let me = Rc::clone(analyst);
    let (work, handle) = abortable(async move {
        let outcome = work.await;
        slot(&me.map).take();
        let map = &me.map;
        let at_rest = map.frames.borrow().is_none() && !map.is_saving();
        match outcome {
            Err(error) => post(&Event::Failed { message: error.to_string() }),
            Ok(()) if at_rest && me.is_idle() => post(&Event::Idle),
            Ok(()) => {}
        }
    });
    *slot(&analyst.map).borrow_mut() = Some(handle);
    spawn_local(async move {
        work.await.ok();
    });
}

impl Shown {
    async fn measure(&self, analyst: &Analyst, ask: &MapRequest) -> Result<(), Error> {
        let checkpoints = self.run.checkpoints.len();
        let last = checkpoints.saturating_sub(1);
        let (reference, first) = (ask.reference.min(last), ask.checkpoint.min(last));
        self.put_in_order(analyst, ask.order, reference).await?;
        self.post_order(ask);
        // The frame that is looked at, then those that follow when it plays.
        let missing: Vec<usize> = (0..checkpoints)
            .map(|at| (first + at) % checkpoints.max(1))
            .take((ask.room / self.frame_bytes()).max(1))
            .filter(|at| !ask.have.contains(at) || !self.planes.borrow().contains_key(at))
            .collect();
        let pairs = pathway::pair_count(self.samples.len());
        for (number, &checkpoint) in missing.iter().enumerate() {
            let step = self.run.checkpoints.get(checkpoint).map_or(0, |checkpoint| checkpoint.step);
            let stage = format!(
                "measuring the map, step {} ({} of {})",
                figures::number::step(step),
                number + 1,
                missing.len()
            );
            let teller = Teller {
                before: number as u64 * pairs,
                total: missing.len() as u64 * pairs,
                ..Teller::new(analyst, stage)
            };
            let order = Rc::clone(&self.order.borrow().1);
            let frame = analyst
                .analysis
                .map_frame(
                    &self.run,
                    &self.settings,
                    &self.samples,
                    &order,
                    checkpoint,
                    &analyst.pool,
                    &teller,
                )
                .await?;
            self.post_frame(ask.request_id, checkpoint, step, frame);
        }
        if !missing.is_empty() {
            self.turn_all(ask.request_id);
        }
        Ok(())
    }

    /// Clusters take pairs to measure, so that they are found once for a map.
    async fn put_in_order(&self, analyst: &Analyst, kind: MapOrder, reference: usize) -> Result<(), Error> {
        if self.order.borrow().0 == Some((kind, reference)) {
            return Ok(());
        }
        let teller = Teller::new(analyst, "ordering the samples of the map".to_owned());
        let order = analyst
            .analysis
            .map_order(&self.run, &self.settings, &self.samples, kind, reference, &analyst.pool, &teller)
            .await?;
        *self.order.borrow_mut() = (Some((kind, reference)), order.into());
        Ok(())
    }

    fn frame_bytes(&self) -> usize {
        let number = self.samples.len();
        let side = if number <= EXACT_SAMPLES { number } else { MEAN_SIDE };
        2 * side * side
    }

    fn post_order(&self, ask: &MapRequest) {
        let samples = &self.samples;
        let order = Rc::clone(&self.order.borrow().1);
        let domain_at = |place: &u32| samples.domains.get(*place as usize).copied().unwrap_or(0);
        let note = if samples.of > samples.len() {
            format!(
                "{} of {} samples, taken at even distances.",
                figures::number::count(samples.len() as u64),
                figures::number::count(samples.of as u64)
            )
        } else {
            String::new()
        };
        let mut texts = vec![(note, String::new())];
        if ask.order != MapOrder::File {
            let mut end = 0;
            for block in order.chunk_by(|a, b| domain_at(a) == domain_at(b)) {
                end += block.len();
                let name = block.first().map(domain_at).and_then(|at| self.run.domains.get(at));
                texts.push((name.map(|domain| domain.name.clone()).unwrap_or_default(), end.to_string()));
            }
        }
        let domains: Vec<u32> = samples.domains.iter().map(|&domain| domain as u32).collect();
        let t_star = samples.t_star.iter().map(|at| at.map_or(-1.0, |at| at as f32));
        let t_star: Vec<f32> = t_star.collect();
        post_with(
            &Event::MapOrder { request_id: ask.request_id, texts },
            &[
                &Uint32Array::from(&order[..]),
                &Uint32Array::from(&domains[..]),
                &Float32Array::from(&t_star[..]),
            ],
        );
    }

    fn post_frame(&self, request_id: u32, checkpoint: usize, step: u64, mut frame: MapFrame) {
        let mut planes = self.planes.borrow_mut();
        // Until all are known, each is turned towards the nearest one that is.
        let nearest = planes.keys().copied().filter(|&at| at != checkpoint);
        let nearest = nearest.min_by_key(|at| at.abs_diff(checkpoint));
        if let Some(goal) = nearest.and_then(|at| planes.get(&at)) {
            pathway::turn_towards(&mut frame.points, goal);
        }
        let names: Vec<&str> = self.run.domains.iter().map(|domain| &domain.name[..]).collect();
        let sheet = map_sheet(&frame, &names, self.samples.len(), step, self.settings.unit);
        let event = Event::MapFrame(Box::new(protocol::MapFrame {
            request_id,
            checkpoint,
            low: u32::from(frame.low),
            high: u32::from(frame.high),
            says: sheet.says,
            table: table_text(&sheet.table),
        }));
        let (cells, loss) = (Uint16Array::from(&frame.cells[..]), Float32Array::from(&frame.loss[..]));
        post_with(&event, &[&cells, &flat(&frame.points), &loss]);
        planes.insert(checkpoint, frame.points);
    }

    /// Turns every frame towards the one after it, from the last one back, so that the same run always gives the same
    /// picture whichever frame came first.
    fn turn_all(&self, request_id: u32) {
        let mut planes = self.planes.borrow_mut();
        if planes.len() < self.run.checkpoints.len() {
            return;
        }
        let mut after: Option<Vec<[f64; 2]>> = None;
        for points in planes.values_mut().rev() {
            match &after {
                Some(after) => pathway::turn_towards(points, after),
                None => settle(points),
            }
            after = Some(points.clone());
        }
        let arrays: Vec<Float32Array> = planes.values().map(|points| flat(points)).collect();
        let arrays: Vec<&JsValue> = arrays.iter().map(AsRef::as_ref).collect();
        post_with(&Event::MapPoints { request_id }, &arrays);
    }

    /// The sample at a place, by index in the run.
    fn sample(&self, place: u32) -> Option<usize> {
        self.samples.samples.get(place as usize).map(|&sample| sample as usize)
    }

    async fn part(
        &self,
        analyst: &Analyst,
        places: (&[u32], &[u32]),
        checkpoint: usize,
        watch: &dyn Watch,
    ) -> Result<Vec<u16>, Error> {
        let (run, settings, samples) = (&self.run, &self.settings, &self.samples);
        analyst.analysis.map_part(run, settings, samples, places, checkpoint, &analyst.pool, watch).await
    }

    fn words(&self, a: usize, b: usize, distance: u16) -> String {
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

    /// Row by row, both triangles, so that no more than some rows are in memory.
    async fn save(&self, analyst: &Analyst, checkpoint: usize) -> Result<(), Error> {
        let order = Rc::clone(&self.order.borrow().1);
        let side = order.len();
        let step = self.run.checkpoints.get(checkpoint).map_or(0, |checkpoint| checkpoint.step);
        let name = format!("map-step-{step:05}.npy");
        let parts = Array::of1(&Uint8Array::from(&npy_header(side)[..]));
        let rows_a_part = (CELLS_A_PART / side.max(1)).max(1);
        for (number, rows) in order.chunks(rows_a_part).enumerate() {
            let teller = Teller {
                before: (number * rows_a_part * side) as u64,
                total: (side * side) as u64,
                saving: true,
                ..Teller::new(analyst, format!("writing {name}"))
            };
            let part = self.part(analyst, (rows, &order), checkpoint, &teller).await?;
            let bytes: Vec<u8> = part.iter().flat_map(|distance| distance.to_le_bytes()).collect();
            // As a blob of its own the browser may keep it where it likes.
            let bytes = Array::of1(&Uint8Array::from(&bytes[..]));
            let blob = Blob::new_with_u8_array_sequence(&bytes).map_err(|_| full(&name))?;
            parts.push(&blob);
        }
        hand_out(name, &parts);
        Ok(())
    }

    /// The samples in the order of the map, as CSV.
    fn rows(&self) -> String {
        let quoted = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
        let mut text = "row,sample,domain,memorized_at_step\n".to_owned();
        for (row, &place) in self.order.borrow().1.iter().enumerate() {
            let Some(sample) = self.sample(place).and_then(|at| self.run.samples.get(at)) else { continue };
            let t_star = self.samples.t_star.get(place as usize).copied().flatten();
            let step = t_star.and_then(|at| self.run.checkpoints.get(at)).map(|at| at.step.to_string());
            let (id, domain) = (quoted(&sample.id), quoted(&sample.domain));
            text += &format!("{row},{id},{domain},{}\n", step.unwrap_or_default());
        }
        text
    }
}

/// The last frame has no neighbour: its mean is put at the origin.
fn settle(points: &mut [[f64; 2]]) {
    let goal = points.to_vec();
    pathway::turn_towards(points, &goal);
}

fn full(name: &str) -> Error {
    let message = format!("{name} does not fit into the browser's memory; take one domain");
    Error::Distances { message }
}

/// x and y by turns.
fn flat(points: &[[f64; 2]]) -> Float32Array {
    let flat: Vec<f32> = points.iter().flatten().map(|&x| x as f32).collect();
    Float32Array::from(&flat[..])
}

/// Posts an event with arrays beside it, which are handed over without a copy.
fn post_with(event: &Event, arrays: &[&JsValue]) {
    let Ok(event) = to_js(event) else { return };
    let list: Array = arrays.iter().copied().collect();
    let buffers: Array = arrays.iter().map(|array| property(array, "buffer")).collect();
    let message = object(&[("event", &event), ("arrays", &list)]);
    scope().post_message_with_transfer(&message, &buffers).ok();
}

/// Hands a file to the page.
fn hand_out(name: String, parts: &Array) {
    let Ok(file) = Blob::new_with_blob_sequence(parts) else {
        post(&Event::Failed { message: full(&name).to_string() });
        return;
    };
    if let Ok(event) = to_js(&Event::Saved { name }) {
        scope().post_message(&object(&[("event", &event), ("file", &file)])).ok();
    }
}

/// Tells the page how far a map is, and hears its messages in between.
struct Teller<'a> {
    analyst: &'a Analyst,
    stage: String,
    /// Pairs that were done before.
    before: u64,
    /// Pairs in all; none where only those count that the step itself tells.
    total: u64,
    /// Whether it is about a file; frames say nothing meanwhile.
    saving: bool,
    quiet: bool,
    yielder: Yielder,
    last_tick: Cell<f64>,
}

impl<'a> Teller<'a> {
    fn new(analyst: &'a Analyst, stage: String) -> Self {
        Self {
            analyst,
            stage,
            before: 0,
            total: 0,
            saving: false,
            quiet: false,
            yielder: Yielder::new(),
            last_tick: Cell::new(f64::NEG_INFINITY),
        }
    }

    fn quiet(analyst: &'a Analyst) -> Self {
        Self { quiet: true, ..Self::new(analyst, String::new()) }
    }
}

impl Watch for Teller<'_> {
    fn yield_now(&self) -> Pending<'_, ()> {
        self.yielder.yield_now()
    }

    fn progress(&self, _: &Stage, done: u64, total: u64) {
        let hushed = self.quiet || (!self.saving && self.analyst.map.is_saving());
        if hushed || !self.analyst.is_idle() || now() - self.last_tick.get() < TICK {
            return;
        }
        self.last_tick.set(now());
        post(&Event::Progress(Progress {
            stage: self.stage.clone(),
            done: self.before + done,
            total: if self.total > 0 { self.total } else { total },
            unit: WorkUnit::Pairs,
        }));
    }

    fn partial(&self, _: bool, _: &dyn Fn() -> Report) {}
}
