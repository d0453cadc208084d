//! Pointer and keyboard interaction with the distance matrix: pan, zoom, mark two samples and open
//! them.

use leptos::html;
use leptos::prelude::*;
use protocol::Job;
use web_sys::{KeyboardEvent, MouseEvent, PointerEvent, WheelEvent};

use crate::map::paint::nearest;
use crate::state::App;
use crate::{analyst, map};

/// The visible part of the map in shares of it: left, top and width.
pub type Viewport = (f64, f64, f64);

/// The whole map.
pub const WHOLE: Viewport = (0.0, 0.0, 1.0);

/// Pixels that a pointer may move during a click.
const CLICK_TOLERANCE: f64 = 4.0;

/// Pointers of the drag in progress.
#[derive(Clone, Copy, Default)]
struct DragState {
    /// First pressed pointer: id and position.
    first: Option<(i32, f64, f64)>,
    second: Option<(i32, f64, f64)>,
    /// Whether a pointer has moved, so that releasing it is not a click.
    moved: bool,
}

/// The visible part of the map and the marks on it.
#[derive(Clone, Copy)]
pub struct MapInteraction {
    app: App,
    /// The canvas.
    pub canvas: NodeRef<html::Canvas>,
    /// Whether the view shows samples in a plane instead of the matrix.
    pub plane: RwSignal<bool>,
    /// The visible part.
    pub viewport: RwSignal<Viewport>,
    /// The two marked samples, by their positions on the map.
    pub marked: RwSignal<Option<(usize, usize)>>,
    /// The first of two points picked in the plane.
    pub held: RwSignal<Option<usize>>,
    /// Whether to open the requested pair.
    pub opening: RwSignal<bool>,
    /// Current coordinates of the points, x and y interleaved.
    pub points: StoredValue<Vec<f32>>,
    drag: StoredValue<DragState>,
}

impl MapInteraction {
    /// The whole map, nothing marked.
    pub fn new(app: App) -> Self {
        Self {
            app,
            canvas: NodeRef::new(),
            plane: RwSignal::new(false),
            viewport: RwSignal::new(WHOLE),
            marked: RwSignal::new(None),
            held: RwSignal::new(None),
            opening: RwSignal::new(false),
            points: StoredValue::new(Vec::new()),
            drag: StoredValue::new(DragState::default()),
        }
    }

    /// Clears the marks.
    pub fn clear(self) {
        self.marked.set(None);
        self.held.set(None);
        self.app.map_pair.set(String::new());
    }

    /// Switches between matrix and plane.
    pub fn set_plane(self, plane: bool) {
        self.viewport.set(WHOLE);
        self.marked.set(None);
        self.plane.set(plane);
    }

    /// Zooms towards a position on the canvas, in shares of it.
    pub fn zoom(self, factor: f64, (x, y): (f64, f64)) {
        self.viewport.update(|viewport| {
            let (left, top, span) = *viewport;
            let number = map::with(map::MapData::number).max(16) as f64;
            let next = (span / factor).clamp(8.0 / number, 1.0);
            *viewport = clamped((left + x * (span - next), top + y * (span - next), next));
        });
    }

    /// Requests the marked samples' distance; with `open`, also opens their pathways.
    pub fn request_pair(self, open: bool) {
        let Some((a, b)) = self.marked.get_untracked() else { return };
        let place = |at: usize| {
            let row = map::with(|map| map.order.get(at).copied());
            if self.plane.get_untracked() { Some(at as u32) } else { row }
        };
        let Some(places) = place(a).zip(place(b)) else { return };
        let open = open && places.0 != places.1;
        self.opening.set(open);
        let checkpoint = self.app.checkpoint.get_untracked();
        analyst::post(self.app, &Job::MapPair { places, checkpoint, open });
    }

    /// Handles a pressed pointer.
    pub fn down(self, event: &PointerEvent) {
        let (x, y) = self.share(event);
        self.drag.update_value(|drag| {
            let slot = if drag.first.is_none() { &mut drag.first } else { &mut drag.second };
            *slot = Some((event.pointer_id(), x, y));
            drag.moved &= drag.second.is_some();
        });
    }

    /// Handles a moved pointer: it hovers, drags, or pinches with a second one.
    pub fn moved(self, event: &PointerEvent) {
        let (x, y) = self.share(event);
        let before = self.drag.get_value();
        let id = event.pointer_id();
        let (mine, other) = match (before.first, before.second) {
            (Some(first), second) if first.0 == id => (first, second),
            (first, Some(second)) if second.0 == id => (second, first),
            _ => {
                self.mark(self.find((x, y)));
                return;
            }
        };
        let (from_x, from_y) = (mine.1, mine.2);
        if !before.moved && (x - from_x).abs().max((y - from_y).abs()) * self.size() < CLICK_TOLERANCE {
            return;
        }
        if let Some((_, other_x, other_y)) = other {
            let apart = |x: f64, y: f64| {
                let (x, y) = (x - other_x, y - other_y);
                (x * x + y * y).sqrt().max(0.01)
            };
            let middle = (f64::midpoint(x, other_x), f64::midpoint(y, other_y));
            self.zoom(apart(x, y) / apart(from_x, from_y), middle);
        } else {
            let span = self.viewport.get_untracked().2;
            self.pan((from_x - x) * span, (from_y - y) * span);
        }
        self.drag.update_value(|drag| {
            drag.moved = true;
            for slot in [&mut drag.first, &mut drag.second].into_iter().flatten().filter(|slot| slot.0 == id)
            {
                *slot = (id, x, y);
            }
        });
    }

    /// Handles a released or cancelled pointer.
    pub fn up(self, event: &PointerEvent) {
        self.drag.update_value(|drag| {
            let id = event.pointer_id();
            drag.first = drag.first.filter(|slot| slot.0 != id);
            drag.second = drag.second.filter(|slot| slot.0 != id);
        });
    }

    /// Handles a click: it marks a cell or sample, or opens the marked one.
    pub fn click(self, event: &MouseEvent) {
        let was_dragged = self.drag.get_value().moved;
        self.drag.set_value(DragState::default());
        if was_dragged {
            return;
        }
        let size = self.size();
        let found = self.find(self.share(event));
        // Touch has no hover: the first tap marks, the second opens. Clicks have whole-pixel
        // coordinates and moves fractional ones, so positions a few pixels apart count as equal.
        let near = |(a, b): (usize, usize), (c, d): (usize, usize)| {
            let cells = 3.0 * self.viewport.get_untracked().2 * map::with(map::MapData::number) as f64 / size;
            let plane = self.plane.get_untracked();
            b == d && plane || !plane && a.abs_diff(c).max(b.abs_diff(d)) as f64 <= cells.max(1.0)
        };
        let seen = found.zip(self.marked.get_untracked()).is_some_and(|(found, marked)| near(found, marked));
        if seen {
            self.choose();
        } else {
            self.mark(found);
        }
    }

    /// Handles the wheel: it zooms.
    pub fn wheel(self, event: &WheelEvent) {
        let closer = event.delta_y() < 0.0;
        // While the whole map is visible, the wheel scrolls the page.
        if closer || self.viewport.get_untracked().2 < 1.0 {
            event.prevent_default();
            self.zoom(if closer { 1.2 } else { 1.0 / 1.2 }, self.share(event));
        }
    }

    /// Handles a key: arrows move, plus and minus zoom, 0 resets the zoom, Enter opens.
    pub fn key(self, event: &KeyboardEvent) {
        let (left, top, span) = self.viewport.get_untracked();
        let (x, y) = match &event.key()[..] {
            "+" | "=" => {
                event.prevent_default();
                return self.zoom(1.5, (0.5, 0.5));
            }
            "-" => {
                event.prevent_default();
                return self.zoom(1.0 / 1.5, (0.5, 0.5));
            }
            "0" => {
                event.prevent_default();
                return self.viewport.set(WHOLE);
            }
            "Enter" => {
                event.prevent_default();
                return self.choose();
            }
            "ArrowLeft" => (-1.0, 0.0),
            "ArrowRight" => (1.0, 0.0),
            "ArrowUp" => (0.0, -1.0),
            "ArrowDown" => (0.0, 1.0),
            _ => return,
        };
        if event.ctrl_key() || event.meta_key() || event.alt_key() {
            return;
        }
        event.prevent_default();
        let number = map::with(map::MapData::number);
        if self.plane.get_untracked() || event.shift_key() || number == 0 {
            self.pan(0.1 * span * x, 0.1 * span * y);
            return;
        }
        // One sample if cells are large enough, else a hundredth of the visible part.
        let step = (0.01 * span * number as f64).max(1.0);
        let walk = |at: usize, by: f64| (at as f64 + by * step).clamp(0.0, (number - 1) as f64) as usize;
        let middle = |from: f64| ((from + span / 2.0) * number as f64) as usize;
        let (row, column) = self.marked.get_untracked().unwrap_or((middle(top), middle(left)));
        let next = (walk(row, y), walk(column, x));
        let keep = |from: f64, at: usize| {
            let at = at as f64 / number as f64;
            from.min(at).max(at + 1.0 / number as f64 - span)
        };
        self.viewport.set(clamped((keep(left, next.1), keep(top, next.0), span)));
        self.mark(Some(next));
    }

    /// Width of the canvas in pixels.
    fn size(self) -> f64 {
        self.canvas.get_untracked().map_or(1.0, |element| f64::from(element.client_width()).max(1.0))
    }

    /// Position of an event on the canvas, in shares of it.
    fn share(self, event: &MouseEvent) -> (f64, f64) {
        let size = self.size();
        (f64::from(event.offset_x()) / size, f64::from(event.offset_y()) / size)
    }

    fn pan(self, x: f64, y: f64) {
        self.viewport.update(|(left, top, span)| (*left, *top, _) = clamped((*left + x, *top + y, *span)));
    }

    /// The cell or sample at a position on the canvas, in shares of it.
    fn find(self, (x, y): (f64, f64)) -> Option<(usize, usize)> {
        let (left, top, span) = self.viewport.get_untracked();
        if self.plane.get_untracked() {
            let size = self.size();
            let at = self
                .points
                .with_value(|points| nearest(points, (left, top, span), size, (x * size, y * size)))?;
            return Some((self.held.get_untracked().unwrap_or(at), at));
        }
        let number = map::with(map::MapData::number);
        let place =
            |share: f64| (share >= 0.0).then_some((share * number as f64) as usize).filter(|at| *at < number);
        place(top + y * span).zip(place(left + x * span))
    }

    fn mark(self, found: Option<(usize, usize)>) {
        if found.is_some() && self.marked.get_untracked() != found {
            self.marked.set(found);
            self.request_pair(false);
        }
    }

    /// Opens the marked pair; in the plane, the first call only holds the first sample.
    fn choose(self) {
        if self.plane.get_untracked() && self.held.get_untracked().is_none() {
            self.held.set(self.marked.get_untracked().map(|(_, at)| at));
        } else {
            self.held.set(None);
            self.request_pair(true);
        }
    }
}

/// Moves a viewport into the map.
fn clamped((left, top, span): Viewport) -> Viewport {
    let most = (1.0 - span).max(0.0);
    (left.clamp(0.0, most), top.clamp(0.0, most), span)
}
