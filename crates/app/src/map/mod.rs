//! The map on the page: what the analyst has sent of it. Cells stay outside the page's own memory until they are drawn.

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

/// Bytes of cells that the page holds.
const HELD: usize = 320 << 20;

/// One checkpoint.
pub struct Frame {
    /// Distances, row by row.
    cells: Uint16Array,
    /// x and y by turns, in the order of the run.
    pub points: Vec<f32>,
    /// In the order of the run.
    pub loss: Vec<f32>,
    /// In words and numbers.
    pub facts: MapFrame,
}

/// The first of some rows or columns, and their number.
type Reach = (usize, usize);

/// A rectangle of exact distances over the means.
struct Part {
    checkpoint: usize,
    rows: (usize, usize),
    columns: (usize, usize),
    picture: HtmlCanvasElement,
}

/// What there is of the map.
#[derive(Default)]
pub struct Sheet {
    request_id: u32,
    asked: Option<(MapScope, MapOrder)>,
    /// Whether the user has stopped it.
    pub halted: bool,
    /// For each row its place in the order of the run.
    pub order: Vec<u32>,
    /// In the order of the run.
    pub domains: Vec<u32>,
    /// In the order of the run, -1 for none.
    pub t_star: Vec<f32>,
    /// What is to be known of the samples.
    pub note: String,
    /// Domains with the rows at which they end.
    pub bounds: Vec<(String, usize)>,
    /// Those that have come, by checkpoint.
    pub frames: BTreeMap<usize, Frame>,
    /// The picture of one frame, by checkpoint and range of colours.
    picture: Option<(usize, (u32, u32), HtmlCanvasElement)>,
    part: Option<Part>,
    /// The place that the exact rectangle was last asked for.
    wanted: Option<(usize, Reach, Reach)>,
}

thread_local! {
    static SHEET: RefCell<Sheet> = RefCell::default();
}

/// Looks at the map.
pub fn with<T>(look: impl FnOnce(&Sheet) -> T) -> T {
    SHEET.with_borrow(look)
}

/// Forgets all of it: the report is another one.
pub fn forget(app: App) {
    SHEET.with_borrow_mut(|sheet| *sheet = Sheet { request_id: sheet.request_id, ..Sheet::default() });
    app.map.set(0);
}

/// The user has stopped the work.
pub fn halt(app: App) {
    SHEET.with_borrow_mut(|sheet| sheet.halted = true);
    app.map.update(|turn| *turn += 1);
}

/// Asks for a map, or for what is still missing of it.
pub fn ask(app: App, scope: MapScope, order: MapOrder) {
    let checkpoint = app.checkpoint.get_untracked();
    let last =
        app.report.with_untracked(|report| report.as_ref().map_or(0, |report| report.checkpoints.len()));
    let ask = SHEET.with_borrow_mut(|sheet| {
        // Frames of few samples are in the order of the run, whatever the map's is.
        let exact = sheet.order.len() <= EXACT_SAMPLES;
        let same = sheet.asked.as_ref().is_some_and(|(old, kind)| *old == scope && (exact || *kind == order));
        if !same {
            *sheet = Sheet { request_id: sheet.request_id, ..Sheet::default() };
        }
        sheet.halted = false;
        sheet.request_id = sheet.request_id.wrapping_add(1);
        sheet.asked = Some((scope.clone(), order));
        MapRequest {
            request_id: sheet.request_id,
            scope,
            order,
            reference: last.saturating_sub(1),
            checkpoint,
            have: sheet.frames.keys().copied().collect(),
            room: HELD,
        }
    });
    app.cancelled.set(false);
    analyst::post(app, &Job::Map(ask));
    app.map.update(|turn| *turn += 1);
}

fn floats(arrays: &Array, at: u32) -> Vec<f32> {
    arrays.get(at).dyn_into::<Float32Array>().map(|array| array.to_vec()).unwrap_or_default()
}

fn places(arrays: &Array, at: u32) -> Vec<u32> {
    arrays.get(at).dyn_into::<Uint32Array>().map(|array| array.to_vec()).unwrap_or_default()
}

/// Takes in the rows.
pub fn take_order(app: App, request_id: u32, texts: Vec<(String, String)>, arrays: &Array) {
    SHEET.with_borrow_mut(|sheet| {
        if sheet.request_id != request_id {
            return;
        }
        let mut texts = texts.into_iter();
        sheet.note = texts.next().map(|(note, _)| note).unwrap_or_default();
        sheet.bounds = texts.filter_map(|(name, end)| Some((name, end.parse().ok()?))).collect();
        (sheet.order, sheet.domains) = (places(arrays, 0), places(arrays, 1));
        sheet.t_star = floats(arrays, 2);
        sheet.picture = None;
        sheet.part = None;
    });
    app.map.update(|turn| *turn += 1);
}

/// Takes in a frame.
pub fn take_frame(app: App, facts: MapFrame, arrays: &Array) {
    let here = app.checkpoint.get_untracked();
    SHEET.with_borrow_mut(|sheet| {
        let Ok(cells) = arrays.get(0).dyn_into::<Uint16Array>() else { return };
        if sheet.request_id != facts.request_id {
            return;
        }
        let held: usize = sheet.frames.values().map(|frame| frame.cells.length() as usize * 2).sum();
        // The one that plays last goes first.
        let last = sheet.frames.keys().copied().rev().max_by_key(|&at| at.wrapping_sub(here));
        if held > HELD
            && let Some(last) = last
        {
            sheet.frames.remove(&last);
        }
        let (points, loss) = (floats(arrays, 1), floats(arrays, 2));
        sheet.frames.insert(facts.checkpoint, Frame { cells, points, loss, facts });
    });
    app.map.update(|turn| *turn += 1);
}

/// Takes in all points anew.
pub fn take_points(app: App, request_id: u32, arrays: &Array) {
    SHEET.with_borrow_mut(|sheet| {
        if sheet.request_id == request_id {
            for (&at, frame) in &mut sheet.frames {
                frame.points = floats(arrays, at as u32);
            }
        }
    });
    app.map.update(|turn| *turn += 1);
}

/// Takes in an exact rectangle.
pub fn take_part(app: App, checkpoint: usize, rows: (usize, usize), columns: (usize, usize), arrays: &Array) {
    SHEET.with_borrow_mut(|sheet| {
        let Ok(cells) = arrays.get(0).dyn_into::<Uint16Array>() else { return };
        let (low, high) = sheet.range();
        let picture = paint::picture(&cells.to_vec(), (columns.1, rows.1), None, (low, high));
        sheet.part = picture.map(|picture| Part { checkpoint, rows, columns, picture });
    });
    app.map.update(|turn| *turn += 1);
}

/// Asks for the exact distances of what is in sight, where the frame has only means and few enough samples are.
pub fn look_closely(app: App, (left, top, span): (f64, f64, f64)) {
    const MOST: f64 = 400.0;
    let checkpoint = app.checkpoint.get_untracked();
    let wanted = SHEET.with_borrow_mut(|sheet| {
        let number = sheet.order.len();
        if number <= EXACT_SAMPLES || span * number as f64 > MOST {
            return None;
        }
        let reach = |from: f64| {
            let first = (from * number as f64).max(0.0) as usize;
            let end = ((from + span) * number as f64) as usize + 1;
            (first, end.min(number).saturating_sub(first))
        };
        let wanted = Some((checkpoint, reach(top), reach(left)));
        (sheet.wanted != wanted).then(|| sheet.wanted = wanted)?;
        wanted
    });
    if let Some((checkpoint, rows, columns)) = wanted {
        analyst::post(app, &Job::MapPart { rows, columns, checkpoint });
    }
}

impl Sheet {
    /// Samples on it.
    pub fn number(&self) -> usize {
        self.order.len()
    }

    /// Where the scale of colours begins and ends, over all frames.
    pub fn range(&self) -> (u32, u32) {
        let low = self.frames.values().map(|frame| frame.facts.low).min();
        let high = self.frames.values().map(|frame| frame.facts.high).max();
        (low.unwrap_or(0), high.unwrap_or(0))
    }

    /// The farthest that a point is from the middle, over all frames.
    pub fn extent(&self) -> f64 {
        let all = self.frames.values().flat_map(|frame| &frame.points);
        f64::from(all.fold(0.0_f32, |most, x| most.max(x.abs()))).max(1e-6) * 1.05
    }

    /// The least and the largest loss, over all frames.
    pub fn losses(&self) -> (f64, f64) {
        let all = self.frames.values().flat_map(|frame| &frame.loss).filter(|loss| loss.is_finite());
        let (low, high) =
            all.fold((f32::INFINITY, 0.0_f32), |(low, high), &loss| (low.min(loss), high.max(loss)));
        (f64::from(low.min(high)), f64::from(high))
    }
}
