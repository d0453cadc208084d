//! The map of the current report. Cells stay in JavaScript arrays until they are drawn.

use std::cell::RefCell;
use std::collections::BTreeMap;

use js_sys::Uint16Array;
use protocol::MapFrame;
use report::map::{MapOrder, MapScope};
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

/// The map of the current report.
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
    pub(super) detail: Option<Detail>,
    /// The last requested detail: checkpoint, rows and columns.
    pub(super) requested_detail: Option<(usize, Span, Span)>,
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
