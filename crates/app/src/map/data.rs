//! The map of the current report. Cells stay in JavaScript arrays until they are drawn.

use std::cell::RefCell;
use std::collections::BTreeMap;

use js_sys::{Array, Float32Array, Uint16Array, Uint32Array};
use protocol::MapFrame;
use report::map::{MapOrder, MapScope};
use wasm_bindgen::JsCast;
use web_sys::HtmlCanvasElement;

/// The map of one checkpoint.
pub struct Frame {
    /// Distances, row-major.
    pub(super) cells: Uint16Array,
    /// Point coordinates, x and y interleaved, in file order.
    pub points: Vec<f32>,
    /// Losses, in file order.
    pub loss: Vec<f32>,
    /// Range, summary and table.
    pub facts: MapFrame,
}

/// First index and length.
pub(super) type Span = (usize, usize);

/// A rectangle of exact distances, drawn over block means.
pub(super) struct Detail {
    pub(super) checkpoint: usize,
    pub(super) rows: Span,
    pub(super) columns: Span,
    pub(super) picture: HtmlCanvasElement,
}

/// The map of a report.
#[derive(Default)]
pub struct MapData {
    pub(super) request_id: u32,
    pub(super) requested: Option<(MapScope, MapOrder)>,
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
    pub(super) picture: Option<(usize, (u32, u32), HtmlCanvasElement)>,
    /// The frame that was drawn before, which fades into the last one.
    pub(super) earlier: Option<HtmlCanvasElement>,
    pub(super) detail: Option<Detail>,
    /// The last requested detail: checkpoint, rows and columns.
    pub(super) requested_detail: Option<(usize, Span, Span)>,
    /// Range of the colour scale, if it is not that of the frames.
    pub(super) scale: Option<(u32, u32)>,
}

thread_local! {
    pub(super) static MAP: RefCell<MapData> = RefCell::default();
}

/// Reads the map.
pub fn with<T>(read: impl FnOnce(&MapData) -> T) -> T {
    MAP.with_borrow(read)
}

impl MapData {
    /// Number of samples.
    pub fn number(&self) -> usize {
        self.order.len()
    }

    /// Stores the row order.
    pub(super) fn set_order(&mut self, texts: Vec<(String, String)>, arrays: &Array) {
        let mut texts = texts.into_iter();
        self.note = texts.next().map(|(note, _)| note).unwrap_or_default();
        self.bounds = texts.filter_map(|(name, end)| Some((name, end.parse().ok()?))).collect();
        (self.order, self.domains) = (integers(arrays, 0), integers(arrays, 1));
        self.t_star = floats(arrays, 2);
        self.picture = None;
        self.earlier = None;
        self.detail = None;
    }

    /// Stores a frame.
    pub(super) fn insert(&mut self, facts: MapFrame, arrays: &Array) {
        let Ok(cells) = arrays.get(0).dyn_into::<Uint16Array>() else { return };
        let (points, loss) = (floats(arrays, 1), floats(arrays, 2));
        self.frames.insert(facts.checkpoint, Frame { cells, points, loss, facts });
    }

    /// Range of the colour scale: over all frames, unless it is set.
    pub fn range(&self) -> (u32, u32) {
        if let Some(scale) = self.scale {
            return scale;
        }
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

/// The numbers at a position of a list of arrays.
pub(super) fn floats(arrays: &Array, at: u32) -> Vec<f32> {
    arrays.get(at).dyn_into::<Float32Array>().map(|array| array.to_vec()).unwrap_or_default()
}

fn integers(arrays: &Array, at: u32) -> Vec<u32> {
    arrays.get(at).dyn_into::<Uint32Array>().map(|array| array.to_vec()).unwrap_or_default()
}
