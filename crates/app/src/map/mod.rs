//! Map data received from the analyst. Cells stay in JavaScript arrays until they are drawn.

pub mod paint;

use std::cell::RefCell;
use std::collections::BTreeMap;

use js_sys::{Array, Float32Array, Uint16Array, Uint32Array};
use leptos::prelude::*;
use protocol::{Job, MapFrame, MapRequest};
use report::map::{EXACT_SAMPLES, MapOrder, MapScope};
use wasm_bindgen::JsCast;
use web_sys::HtmlCanvasElement;

use crate::analyst;
use crate::state::App;

/// Maximum bytes of cells that the page keeps.
const CACHE_BYTES: usize = 320 << 20;

/// The map of one checkpoint.
pub struct Frame {
    /// Distances, row-major.
    cells: Uint16Array,
    /// Point coordinates, x and y interleaved, in file order.
    pub points: Vec<f32>,
    /// Losses, in file order.
    pub loss: Vec<f32>,
    /// Range, summary and table.
    pub facts: MapFrame,
}

/// First index and length.
type Span = (usize, usize);

/// A rectangle of exact distances, drawn over block means.
struct Detail {
    checkpoint: usize,
    rows: Span,
    columns: Span,
    picture: HtmlCanvasElement,
}

/// The map of the current report.
#[derive(Default)]
pub struct MapData {
    request_id: u32,
    requested: Option<(MapScope, MapOrder)>,
    /// Whether the user cancelled it.
    pub halted: bool,
    /// Sample index of each row, in file order.
    pub order: Vec<u32>,
    /// Domain of each sample, in file order.
    pub domains: Vec<u32>,
    /// Memorization checkpoint of each sample in file order; -1 for none.
    pub t_star: Vec<f32>,
    /// Note on the samples.
    pub note: String,
    /// Domains with their end rows.
    pub bounds: Vec<(String, usize)>,
    /// Received frames by checkpoint.
    pub frames: BTreeMap<usize, Frame>,
    /// The last drawn frame, with its checkpoint and colour range.
    picture: Option<(usize, (u32, u32), HtmlCanvasElement)>,
    detail: Option<Detail>,
    /// The last requested detail: checkpoint, rows and columns.
    requested_detail: Option<(usize, Span, Span)>,
}

thread_local! {
    static MAP: RefCell<MapData> = RefCell::default();
}

/// Reads the map.
pub fn with<T>(read: impl FnOnce(&MapData) -> T) -> T {
    MAP.with_borrow(read)
}

/// Clears the map for a new report.
pub fn forget(app: App) {
    MAP.with_borrow_mut(|map| *map = MapData { request_id: map.request_id, ..MapData::default() });
    app.map.set(0);
}

/// Marks the map as cancelled.
pub fn halt(app: App) {
    MAP.with_borrow_mut(|map| map.halted = true);
    app.map.update(|revision| *revision += 1);
}

/// Requests a map, or its missing frames.
pub fn request(app: App, scope: MapScope, order: MapOrder) {
    let checkpoint = app.checkpoint.get_untracked();
    let last =
        app.report.with_untracked(|report| report.as_ref().map_or(0, |report| report.checkpoints.len()));
    let ask = MAP.with_borrow_mut(|map| {
        // Exact frames are in file order, whatever the order of the map's rows.
        let exact = map.order.len() <= EXACT_SAMPLES;
        let same =
            map.requested.as_ref().is_some_and(|(old, kind)| *old == scope && (exact || *kind == order));
        if !same {
            *map = MapData { request_id: map.request_id, ..MapData::default() };
        }
        map.halted = false;
        map.request_id = map.request_id.wrapping_add(1);
        map.requested = Some((scope.clone(), order));
        MapRequest {
            request_id: map.request_id,
            scope,
            order,
            reference: last.saturating_sub(1),
            checkpoint,
            have: map.frames.keys().copied().collect(),
            room: CACHE_BYTES,
        }
    });
    app.cancelled.set(false);
    analyst::post(app, &Job::Map(ask));
    app.map.update(|revision| *revision += 1);
}

fn floats(arrays: &Array, at: u32) -> Vec<f32> {
    arrays.get(at).dyn_into::<Float32Array>().map(|array| array.to_vec()).unwrap_or_default()
}

fn integers(arrays: &Array, at: u32) -> Vec<u32> {
    arrays.get(at).dyn_into::<Uint32Array>().map(|array| array.to_vec()).unwrap_or_default()
}

/// Stores the row order.
pub fn take_order(app: App, request_id: u32, texts: Vec<(String, String)>, arrays: &Array) {
    MAP.with_borrow_mut(|map| {
        if map.request_id != request_id {
            return;
        }
        let mut texts = texts.into_iter();
        map.note = texts.next().map(|(note, _)| note).unwrap_or_default();
        map.bounds = texts.filter_map(|(name, end)| Some((name, end.parse().ok()?))).collect();
        (map.order, map.domains) = (integers(arrays, 0), integers(arrays, 1));
        map.t_star = floats(arrays, 2);
        map.picture = None;
        map.detail = None;
    });
    app.map.update(|revision| *revision += 1);
}

/// Stores a frame.
pub fn take_frame(app: App, facts: MapFrame, arrays: &Array) {
    let here = app.checkpoint.get_untracked();
    MAP.with_borrow_mut(|map| {
        let Ok(cells) = arrays.get(0).dyn_into::<Uint16Array>() else { return };
        if map.request_id != facts.request_id {
            return;
        }
        let held: usize = map.frames.values().map(|frame| frame.cells.length() as usize * 2).sum();
        // The frame that is played last is dropped first.
        let last = map.frames.keys().copied().rev().max_by_key(|&at| at.wrapping_sub(here));
        if held > CACHE_BYTES
            && let Some(last) = last
        {
            map.frames.remove(&last);
        }
        let (points, loss) = (floats(arrays, 1), floats(arrays, 2));
        map.frames.insert(facts.checkpoint, Frame { cells, points, loss, facts });
    });
    app.map.update(|revision| *revision += 1);
}

/// Replaces the points of all frames.
pub fn take_points(app: App, request_id: u32, arrays: &Array) {
    MAP.with_borrow_mut(|map| {
        if map.request_id == request_id {
            for (&at, frame) in &mut map.frames {
                frame.points = floats(arrays, at as u32);
            }
        }
    });
    app.map.update(|revision| *revision += 1);
}

/// Stores a rectangle of exact distances.
pub fn take_part(app: App, checkpoint: usize, rows: Span, columns: Span, arrays: &Array) {
    MAP.with_borrow_mut(|map| {
        let Ok(cells) = arrays.get(0).dyn_into::<Uint16Array>() else { return };
        let (low, high) = map.range();
        let picture = paint::picture(&cells.to_vec(), (columns.1, rows.1), None, (low, high));
        map.detail = picture.map(|picture| Detail { checkpoint, rows, columns, picture });
    });
    app.map.update(|revision| *revision += 1);
}

/// Requests exact distances of the visible rectangle if the frame has only block means and few
/// samples are visible.
pub fn request_detail(app: App, (left, top, span): (f64, f64, f64)) {
    const MAX_SAMPLES: f64 = 400.0;
    let checkpoint = app.checkpoint.get_untracked();
    let request = MAP.with_borrow_mut(|map| {
        let number = map.order.len();
        if number <= EXACT_SAMPLES || span * number as f64 > MAX_SAMPLES {
            return None;
        }
        let visible = |from: f64| {
            let first = (from * number as f64).max(0.0) as usize;
            let end = ((from + span) * number as f64) as usize + 1;
            (first, end.min(number).saturating_sub(first))
        };
        let request = Some((checkpoint, visible(top), visible(left)));
        (map.requested_detail != request).then(|| map.requested_detail = request)?;
        request
    });
    if let Some((checkpoint, rows, columns)) = request {
        analyst::post(app, &Job::MapPart { rows, columns, checkpoint });
    }
}

impl MapData {
    /// Number of samples.
    pub fn number(&self) -> usize {
        self.order.len()
    }

    /// Range of the colour scale over all frames.
    pub fn range(&self) -> (u32, u32) {
        let low = self.frames.values().map(|frame| frame.facts.low).min();
        let high = self.frames.values().map(|frame| frame.facts.high).max();
        (low.unwrap_or(0), high.unwrap_or(0))
    }

    /// Largest coordinate of a point over all frames, with a margin.
    pub fn extent(&self) -> f64 {
        let all = self.frames.values().flat_map(|frame| &frame.points);
        f64::from(all.fold(0.0_f32, |most, x| most.max(x.abs()))).max(1e-6) * 1.05
    }

    /// Smallest and largest loss over all frames.
    pub fn losses(&self) -> (f64, f64) {
        let all = self.frames.values().flat_map(|frame| &frame.loss).filter(|loss| loss.is_finite());
        let (low, high) =
            all.fold((f32::INFINITY, 0.0_f32), |(low, high), &loss| (low.min(loss), high.max(loss)));
        (f64::from(low.min(high)), f64::from(high))
    }
}
