//! Maps of compared runs: each is the frame of the last checkpoint, which outlives the run's traces.

use std::cell::{Cell, RefCell};
use std::sync::{Arc, Weak};

use js_sys::Array;
use protocol::{MapFrame, MapRequest, ReportText};
use report::Group;
use report::map::{MapOrder, MapScope};
use web_sys::HtmlCanvasElement;

use super::data::MapData;
use super::paint::{self, MapView, PointColor};

/// A map and the report that it belongs to; a recomputed report is another one.
struct Still {
    request_id: u32,
    of: Weak<ReportText>,
    map: MapData,
}

thread_local! {
    /// The last request id. It counts down, so that it differs from those of the view Map.
    static LAST_ID: Cell<u32> = const { Cell::new(0) };
    static STILLS: RefCell<Vec<Still>> = const { RefCell::new(Vec::new()) };
}

/// Expects the map of a report and returns its request: all samples at the last checkpoint.
pub fn request(of: &Arc<ReportText>, checkpoints: usize) -> MapRequest {
    let request_id = LAST_ID.get().wrapping_sub(1);
    LAST_ID.set(request_id);
    let still = Still { request_id, of: Arc::downgrade(of), map: MapData::default() };
    STILLS.with_borrow_mut(|stills| {
        stills.retain(|old| old.of.strong_count() > 0 && !old.is_of(of));
        stills.push(still);
    });
    let last = checkpoints.saturating_sub(1);
    MapRequest {
        request_id,
        scope: MapScope { domain: None, group: Group::All },
        order: MapOrder::Cluster,
        reference: last,
        checkpoint: last,
        have: Vec::new(),
        room: 0,
    }
}

/// Stores the row order of the map with this request.
pub fn take_order(request_id: u32, texts: Vec<(String, String)>, arrays: &Array) {
    answered(request_id, |map| map.set_order(texts, arrays));
}

/// Stores the frame of the map with this request.
pub fn take_frame(facts: MapFrame, arrays: &Array) {
    answered(facts.request_id, |map| map.insert(facts, arrays));
}

fn answered(request_id: u32, take: impl FnOnce(&mut MapData)) {
    STILLS.with_borrow_mut(|stills| {
        if let Some(still) = stills.iter_mut().find(|still| still.request_id == request_id) {
            take(&mut still.map);
        }
    });
}

/// Facts about the map of a report and a note on its samples, once it is measured.
pub fn facts(of: &Arc<ReportText>) -> Option<(MapFrame, String)> {
    STILLS.with_borrow(|stills| {
        let map = &stills.iter().find(|still| still.is_of(of))?.map;
        Some((map.frames.values().next()?.facts.clone(), map.note.clone()))
    })
}

/// Draws the map of a report on a square canvas, with a colour scale that other maps share.
pub fn draw(of: &Arc<ReportText>, canvas: &HtmlCanvasElement, scale: (u32, u32), dark: bool, unit: f64) {
    let size = paint::fit(canvas, unit);
    STILLS.with_borrow_mut(|stills| {
        let Some(still) = stills.iter_mut().find(|still| still.is_of(of)) else { return };
        let map = &mut still.map;
        map.scale = Some(scale);
        let Some(&checkpoint) = map.frames.keys().next() else { return };
        let view = MapView {
            checkpoint,
            plane: false,
            color: PointColor::Domain,
            viewport: (0.0, 0.0, 1.0),
            marked: None,
            dark,
            checkpoints: 1,
            fade: 1.0,
        };
        paint::draw_map(map, canvas, ((0.0, 0.0), size), view, &[], unit);
    });
}

impl Still {
    fn is_of(&self, report: &Arc<ReportText>) -> bool {
        std::ptr::eq(self.of.as_ptr(), Arc::as_ptr(report))
    }
}
