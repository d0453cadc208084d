//! The map: requests to the analyst, what it answers, and the drawing.

mod data;
pub mod paint;
pub mod still;

use js_sys::{Array, Uint16Array};
use leptos::prelude::*;
use protocol::{MapFrame, MapRequest};
use report::map::{EXACT_SAMPLES, MapOrder, MapScope};
use wasm_bindgen::JsCast;

use self::data::{Detail, MAP, Span, floats};
pub use self::data::{MapData, with};
use crate::state::App;

/// Maximum bytes of cells that the page keeps.
const CACHE_BYTES: usize = 320 << 20;

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

/// The request for a map, or for its missing frames.
pub fn request(app: App, scope: MapScope, order: MapOrder) -> MapRequest {
    let checkpoint = app.checkpoint.get_untracked();
    let last =
        app.report.with_untracked(|report| report.as_ref().map_or(0, |report| report.checkpoints.len()));
    let request = MAP.with_borrow_mut(|map| {
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
    app.map.update(|revision| *revision += 1);
    request
}

/// Stores the row order.
pub fn take_order(app: App, request_id: u32, texts: Vec<(String, String)>, arrays: &Array) {
    if MAP.with_borrow(|map| map.request_id == request_id) {
        MAP.with_borrow_mut(|map| map.set_order(texts, arrays));
    } else {
        still::take_order(request_id, texts, arrays);
    }
    app.map.update(|revision| *revision += 1);
}

/// Stores a frame.
pub fn take_frame(app: App, facts: MapFrame, arrays: &Array) {
    let here = app.checkpoint.get_untracked();
    if MAP.with_borrow(|map| map.request_id == facts.request_id) {
        MAP.with_borrow_mut(|map| {
            let held: usize = map.frames.values().map(|frame| frame.cells.length() as usize * 2).sum();
            // The frame that is played last is dropped first.
            let last = map.frames.keys().copied().rev().max_by_key(|&at| at.wrapping_sub(here));
            if held > CACHE_BYTES
                && let Some(last) = last
            {
                map.frames.remove(&last);
            }
            map.insert(facts, arrays);
        });
    } else {
        still::take_frame(facts, arrays);
    }
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

/// Rows and columns of the visible rectangle, if the frame has only block means, few samples are
/// visible and their exact distances were not requested before.
pub fn missing_detail(checkpoint: usize, (left, top, span): (f64, f64, f64)) -> Option<(Span, Span)> {
    const MAX_SAMPLES: f64 = 400.0;
    MAP.with_borrow_mut(|map| {
        let number = map.order.len();
        if number <= EXACT_SAMPLES || span * number as f64 > MAX_SAMPLES {
            return None;
        }
        let visible = |from: f64| {
            let first = (from * number as f64).max(0.0) as usize;
            let end = ((from + span) * number as f64) as usize + 1;
            (first, end.min(number).saturating_sub(first))
        };
        let (rows, columns) = (visible(top), visible(left));
        let request = Some((checkpoint, rows, columns));
        (map.requested_detail != request).then(|| {
            map.requested_detail = request;
            (rows, columns)
        })
    })
}
