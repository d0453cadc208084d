//! Drawing of the map: the distance matrix with a colour scale, and the plane of samples.

use figures::palette;
use js_sys::Uint16Array;
use wasm_bindgen::{Clamped, JsCast};
use web_sys::{CanvasRenderingContext2d, HtmlCanvasElement, ImageData};

use super::data::{MAP, MapData};
use crate::browser;

/// The viridis colour map at nine even steps.
const VIRIDIS: [[u8; 3]; 9] = [
    [68, 1, 84],
    [71, 44, 122],
    [59, 81, 139],
    [44, 113, 142],
    [33, 144, 141],
    [39, 173, 129],
    [92, 200, 99],
    [170, 220, 50],
    [253, 231, 37],
];

/// Quantity that the colour of a point shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PointColor {
    /// Domain.
    Domain,
    /// Memorization step.
    TStar,
    /// Loss at the checkpoint.
    Loss,
}

/// Checkpoint, part and style in which the map is drawn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MapView {
    /// The checkpoint.
    pub checkpoint: usize,
    /// Whether to draw the plane instead of the matrix.
    pub plane: bool,
    /// Colours of the plane.
    pub color: PointColor,
    /// Left, top and width of the visible part, in shares of the map.
    pub viewport: (f64, f64, f64),
    /// Marked row and column of the matrix, or marked samples in the plane.
    pub marked: Option<(usize, usize)>,
    /// Whether the background is dark.
    pub dark: bool,
    /// Number of checkpoints.
    pub checkpoints: usize,
    /// Share of the matrix of this checkpoint in the picture; the rest is the one drawn before.
    pub fade: f64,
}

/// The colour at a position in `[0, 1]` of the scale.
fn shade(share: f64) -> [u8; 3] {
    let at = share.clamp(0.0, 1.0) * 8.0;
    let step = (at as usize).min(7);
    let rest = at - step as f64;
    let mix = |channel: usize| {
        let (from, to) = (f64::from(VIRIDIS[step][channel]), f64::from(VIRIDIS[step + 1][channel]));
        (from + rest * (to - from) + 0.5) as u8
    };
    [mix(0), mix(1), mix(2)]
}

fn css([red, green, blue]: [u8; 3]) -> String {
    format!("rgb({red},{green},{blue})")
}

/// A canvas outside the document, with its context.
pub fn canvas(width: usize, height: usize) -> Option<(HtmlCanvasElement, CanvasRenderingContext2d)> {
    let canvas: HtmlCanvasElement = browser::document().create_element("canvas").ok()?.dyn_into().ok()?;
    canvas.set_width(width as u32);
    canvas.set_height(height as u32);
    let context = context(&canvas)?;
    Some((canvas, context))
}

fn context(canvas: &HtmlCanvasElement) -> Option<CanvasRenderingContext2d> {
    canvas.get_context("2d").ok()??.dyn_into().ok()
}

/// An image with one pixel per cell; `order` permutes rows and columns.
pub fn picture(
    cells: &[u16],
    (width, height): (usize, usize),
    order: Option<&[u32]>,
    (low, high): (u32, u32),
) -> Option<HtmlCanvasElement> {
    let span = f64::from(high.saturating_sub(low).max(1));
    let scale: Vec<[u8; 3]> =
        (0..=high.min(65_535)).map(|value| shade((f64::from(value) - f64::from(low)) / span)).collect();
    let top = scale.len().checked_sub(1)?;
    let mut pixels = Vec::with_capacity(4 * width * height);
    for row in 0..height {
        let row = order.map_or(row, |order| order.get(row).map_or(row, |&at| at as usize));
        let line = cells.get(row * width..(row + 1) * width)?;
        let mut put = |cell: u16| {
            let [red, green, blue] = scale[usize::from(cell).min(top)];
            pixels.extend([red, green, blue, 255]);
        };
        match order {
            None => line.iter().copied().for_each(&mut put),
            Some(order) => {
                for &at in order {
                    put(line.get(at as usize).copied().unwrap_or(0));
                }
            }
        }
    }
    let (canvas, context) = canvas(width, height)?;
    let data = ImageData::new_with_u8_clamped_array(Clamped(&pixels), width as u32).ok()?;
    context.put_image_data(&data, 0.0, 0.0).ok()?;
    Some(canvas)
}

impl MapData {
    /// Creates the image of a frame unless it is the one that was drawn last.
    fn prepare(&mut self, checkpoint: usize) {
        let range = self.range();
        if self.picture.as_ref().is_some_and(|(at, known, _)| (*at, *known) == (checkpoint, range)) {
            return;
        }
        self.earlier = self.picture.take().map(|(_, _, picture)| picture);
        self.picture = self.frames.get(&checkpoint).and_then(|frame| {
            let cells: &Uint16Array = &frame.cells;
            let number = self.order.len();
            let exact = cells.length() as usize == number * number;
            let side = if exact { number } else { f64::from(cells.length()).sqrt() as usize };
            let order = exact.then_some(&self.order[..]);
            Some((checkpoint, range, picture(&cells.to_vec(), (side, side), order, range)?))
        });
    }
}

/// Draws the map on a square of a canvas: `at` is its top left corner, `size` its width, `points`
/// are those of the plane.
pub fn draw(
    target: &HtmlCanvasElement,
    at: (f64, f64),
    size: f64,
    view: MapView,
    points: &[f32],
    unit: f64,
) -> bool {
    MAP.with_borrow_mut(|map| draw_map(map, target, (at, size), view, points, unit))
}

/// Draws a map that may be another than the current one.
pub(super) fn draw_map(
    map: &mut MapData,
    target: &HtmlCanvasElement,
    (at, size): ((f64, f64), f64),
    view: MapView,
    points: &[f32],
    unit: f64,
) -> bool {
    let Some(context) = context(target) else { return false };
    context.save();
    context.set_fill_style_str(if view.dark { "#15161a" } else { "#ffffff" });
    context.fill_rect(at.0, at.1, size, size);
    context.begin_path();
    context.rect(at.0, at.1, size, size);
    context.clip();
    drop(context.translate(at.0, at.1));
    let drawn = if view.plane {
        plane(&context, map, size, view, points, unit)
    } else {
        matrix(&context, map, size, view, unit)
    };
    context.restore();
    drawn.is_some()
}

/// Fits a canvas to its size on the page, in device pixels. Returns its width.
pub fn fit(canvas: &HtmlCanvasElement, unit: f64) -> f64 {
    let size = (f64::from(canvas.client_width()) * unit).round().max(1.0);
    if (f64::from(canvas.width()) - size).abs() > 0.5 {
        canvas.set_width(size as u32);
        canvas.set_height(size as u32);
    }
    size
}

fn matrix(
    context: &CanvasRenderingContext2d,
    map: &mut MapData,
    size: f64,
    view: MapView,
    unit: f64,
) -> Option<()> {
    map.prepare(view.checkpoint);
    let (_, _, picture) = map.picture.as_ref()?;
    let (left, top, span) = view.viewport;
    let side = f64::from(picture.width());
    let number = map.order.len().max(1) as f64;
    // Cells larger than a pixel are drawn with sharp edges.
    context.set_image_smoothing_enabled(side * span > size);
    let source = (left * side, top * side, span * side);
    let put = |picture: &HtmlCanvasElement,
               (x, y, w, h): (f64, f64, f64, f64),
               (to_x, to_y, to_w, to_h): (f64, f64, f64, f64)| {
        drop(context.draw_image_with_html_canvas_element_and_sw_and_sh_and_dx_and_dy_and_dw_and_dh(
            picture, x, y, w, h, to_x, to_y, to_w, to_h,
        ));
    };
    let source = (source.0, source.1, source.2, source.2);
    let earlier =
        map.earlier.as_ref().filter(|earlier| view.fade < 1.0 && earlier.width() == picture.width());
    if let Some(earlier) = earlier {
        put(earlier, source, (0.0, 0.0, size, size));
        context.set_global_alpha(view.fade);
    }
    put(picture, source, (0.0, 0.0, size, size));
    context.set_global_alpha(1.0);
    // From a share of the map to a pixel.
    let across = |share: f64| (share - left) / span * size;
    let down = |share: f64| (share - top) / span * size;
    if let Some(detail) = map.detail.as_ref().filter(|detail| detail.checkpoint == view.checkpoint) {
        context.set_image_smoothing_enabled(false);
        let (x, y) = (across(detail.columns.0 as f64 / number), down(detail.rows.0 as f64 / number));
        let (wide, high) = (detail.columns.1 as f64, detail.rows.1 as f64);
        let cell = size / (span * number);
        put(&detail.picture, (0.0, 0.0, wide, high), (x, y, wide * cell, high * cell));
    }
    context.set_stroke_style_str("#ffffff");
    context.set_line_width(unit);
    context.begin_path();
    for (_, end) in map.bounds.iter().take(map.bounds.len().saturating_sub(1)) {
        let share = *end as f64 / number;
        let (x, y) = (across(share).round(), down(share).round());
        context.move_to(x, 0.0);
        context.line_to(x, size);
        context.move_to(0.0, y);
        context.line_to(size, y);
    }
    context.stroke();
    if map.bounds.len() > 1 {
        context.set_font(&format!("600 {}px system-ui, sans-serif", 12.0 * unit));
        context.set_text_baseline("top");
        let mut start = 0.0;
        for (name, end) in &map.bounds {
            let end = *end as f64 / number;
            let (x, y) = (across(start).max(0.0) + 5.0 * unit, down(start).max(0.0) + 5.0 * unit);
            // Each name is drawn in its domain's block on the diagonal.
            if x < across(end) && y < down(end) {
                context.set_stroke_style_str("rgba(0,0,0,0.75)");
                context.set_line_width(3.0 * unit);
                drop(context.stroke_text(name, x, y));
                context.set_fill_style_str("#ffffff");
                drop(context.fill_text(name, x, y));
            }
            start = end;
        }
    }
    if let Some((row, column)) = view.marked {
        let cell = size / (span * number);
        let room = cell.max(7.0 * unit);
        let middle = |pixel: f64| pixel + cell / 2.0 - room / 2.0;
        let (x, y) = (middle(across(column as f64 / number)), middle(down(row as f64 / number)));
        for (color, width) in [("#000000", 4.0), ("#ffffff", 2.0)] {
            context.set_stroke_style_str(color);
            context.set_line_width(width * unit);
            context.stroke_rect(x, y, room, room);
        }
    }
    Some(())
}

/// Position of a point of the plane in the square.
fn position(
    points: &[f32],
    at: usize,
    extent: f64,
    (left, top, span): (f64, f64, f64),
    size: f64,
) -> Option<(f64, f64)> {
    let (x, y) = (f64::from(*points.get(2 * at)?), f64::from(*points.get(2 * at + 1)?));
    let share = |x: f64| 0.5 + x / (2.0 * extent);
    Some(((share(x) - left) / span * size, (share(-y) - top) / span * size))
}

/// The sample whose point is nearest, within 20 pixels.
pub fn nearest(points: &[f32], viewport: (f64, f64, f64), size: f64, (x, y): (f64, f64)) -> Option<usize> {
    let extent = MAP.with_borrow(MapData::extent);
    let far = |at: usize| {
        let (to_x, to_y) = position(points, at, extent, viewport, size)?;
        Some((to_x - x) * (to_x - x) + (to_y - y) * (to_y - y))
    };
    let all = (0..points.len() / 2).filter_map(|at| Some((far(at)?, at)));
    all.min_by(|a, b| a.0.total_cmp(&b.0)).filter(|(far, _)| *far < 400.0).map(|(_, at)| at)
}

fn plane(
    context: &CanvasRenderingContext2d,
    map: &MapData,
    size: f64,
    view: MapView,
    points: &[f32],
    unit: f64,
) -> Option<()> {
    let frame = map.frames.get(&view.checkpoint)?;
    let extent = map.extent();
    let theme = if view.dark { figures::Theme::Dark } else { figures::Theme::Light };
    let (low, high) = map.losses();
    let radius = (if map.number() > 3000 { 1.8 } else { 2.8 }) * unit;
    context.set_global_alpha(0.8);
    for at in 0..map.number() {
        let Some((x, y)) = position(points, at, extent, view.viewport, size) else { continue };
        let color = match view.color {
            PointColor::Domain => {
                map.domains.get(at).map(|&domain| palette::domain(domain as usize, theme).color.to_owned())
            }
            PointColor::TStar => {
                map.t_star.get(at).filter(|step| **step >= 0.0).map(|&step| {
                    css(shade(f64::from(step) / view.checkpoints.saturating_sub(1).max(1) as f64))
                })
            }
            PointColor::Loss => frame
                .loss
                .get(at)
                .filter(|loss| loss.is_finite())
                .map(|&loss| css(shade((f64::from(loss) - low) / (high - low).max(1e-9)))),
        };
        context.set_fill_style_str(color.as_deref().unwrap_or("#8a94a1"));
        context.begin_path();
        drop(context.arc(x, y, radius, 0.0, std::f64::consts::TAU));
        context.fill();
    }
    context.set_global_alpha(1.0);
    if let Some((a, b)) = view.marked {
        context.set_stroke_style_str(if view.dark { "#e5e8ec" } else { "#1a1e24" });
        context.set_line_width(2.0 * unit);
        for at in [a, b] {
            if let Some((x, y)) = position(points, at, extent, view.viewport, size) {
                context.begin_path();
                drop(context.arc(x, y, 6.0 * unit, 0.0, std::f64::consts::TAU));
                context.stroke();
            }
        }
    }
    Some(())
}

/// Meaning of the colours.
#[derive(Clone, Debug, PartialEq)]
pub enum Legend {
    /// Lower and upper end of the scale.
    Scale(String, String),
    /// Names and colours of categories.
    Names(Vec<(String, &'static str)>),
}

/// An image to save: title, legend and map.
pub fn export_image(
    view: MapView,
    points: &[f32],
    title: &str,
    legend: &Legend,
) -> Option<HtmlCanvasElement> {
    const SIZE: f64 = 1200.0;
    const HEAD: f64 = 84.0;
    let (canvas, context) = canvas(SIZE as usize, (SIZE + HEAD) as usize)?;
    context.set_fill_style_str(if view.dark { "#15161a" } else { "#ffffff" });
    context.fill_rect(0.0, 0.0, SIZE, HEAD);
    let ink = if view.dark { "#e5e8ec" } else { "#1a1e24" };
    context.set_fill_style_str(ink);
    context.set_font("600 22px system-ui, sans-serif");
    drop(context.fill_text(title, 12.0, 30.0));
    context.set_font("18px system-ui, sans-serif");
    match legend {
        Legend::Scale(low, high) => {
            drop(context.fill_text(&format!("{low} … {high}"), 245.0, 64.0));
            for step in 0..220 {
                context.set_fill_style_str(&css(shade(f64::from(step) / 219.0)));
                context.fill_rect(12.0 + f64::from(step), 46.0, 1.5, 22.0);
            }
        }
        Legend::Names(names) => {
            for (place, (name, color)) in names.iter().enumerate() {
                context.set_fill_style_str(color);
                drop(context.fill_text(&format!("● {name}"), 12.0 + 140.0 * place as f64, 64.0));
            }
        }
    }
    draw(&canvas, (0.0, HEAD), SIZE, view, points, 1.5).then_some(canvas)
}
