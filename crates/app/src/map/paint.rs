//! Pixels of the map: cells through a scale of colours, and points of a plane.

use figures::palette;
use js_sys::Uint16Array;
use wasm_bindgen::{Clamped, JsCast};
use web_sys::{CanvasRenderingContext2d, HtmlCanvasElement, ImageData};

use super::{SHEET, Sheet};
use crate::browser;

/// Viridis, at nine even steps.
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

/// What decides the colour of a point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Paint {
    /// Its domain.
    Domain,
    /// Its memorization step.
    TStar,
    /// Its loss at the checkpoint.
    Loss,
}

/// How the map is looked at.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Look {
    /// The checkpoint.
    pub checkpoint: usize,
    /// The plane instead of the matrix.
    pub plane: bool,
    /// What colours the plane.
    pub paint: Paint,
    /// Left, top and width of what is in sight, in shares of the whole.
    pub sight: (f64, f64, f64),
    /// Rows of the matrix that are marked, or places of samples in the plane.
    pub marked: Option<(usize, usize)>,
    /// Whether the ground is dark.
    pub dark: bool,
    /// Checkpoints of the run.
    pub checkpoints: usize,
}

/// A colour of the scale, for a share of it.
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

/// A canvas of that size outside the page.
pub fn canvas(width: usize, height: usize) -> Option<(HtmlCanvasElement, CanvasRenderingContext2d)> {
    let canvas: HtmlCanvasElement = browser::document().create_element("canvas").ok()?.dyn_into().ok()?;
    canvas.set_width(width as u32);
    canvas.set_height(height as u32);
    let pen = pen(&canvas)?;
    Some((canvas, pen))
}

fn pen(canvas: &HtmlCanvasElement) -> Option<CanvasRenderingContext2d> {
    canvas.get_context("2d").ok()??.dyn_into().ok()
}

/// A picture of cells, a pixel each; `order` says which row and column stands where.
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
    let (canvas, pen) = canvas(width, height)?;
    let data = ImageData::new_with_u8_clamped_array(Clamped(&pixels), width as u32).ok()?;
    pen.put_image_data(&data, 0.0, 0.0).ok()?;
    Some(canvas)
}

impl Sheet {
    /// The picture of a frame; made where it is not the one that was shown last.
    fn prepare(&mut self, checkpoint: usize) {
        let range = self.range();
        if self.picture.as_ref().is_some_and(|(at, known, _)| (*at, *known) == (checkpoint, range)) {
            return;
        }
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

/// Draws the map on a square of a canvas, `size` wide, with its left top corner at `at`; `points` are those of the plane.
pub fn draw(
    target: &HtmlCanvasElement,
    at: (f64, f64),
    size: f64,
    look: Look,
    points: &[f32],
    unit: f64,
) -> bool {
    let Some(pen) = pen(target) else { return false };
    SHEET.with_borrow_mut(|sheet| {
        pen.save();
        pen.set_fill_style_str(if look.dark { "#15161a" } else { "#ffffff" });
        pen.fill_rect(at.0, at.1, size, size);
        pen.begin_path();
        pen.rect(at.0, at.1, size, size);
        pen.clip();
        drop(pen.translate(at.0, at.1));
        let drawn = if look.plane {
            plane(&pen, sheet, size, look, points, unit)
        } else {
            matrix(&pen, sheet, size, look, unit)
        };
        pen.restore();
        drawn.is_some()
    })
}

fn matrix(pen: &CanvasRenderingContext2d, sheet: &mut Sheet, size: f64, look: Look, unit: f64) -> Option<()> {
    sheet.prepare(look.checkpoint);
    let (_, _, picture) = sheet.picture.as_ref()?;
    let (left, top, span) = look.sight;
    let side = f64::from(picture.width());
    let number = sheet.order.len().max(1) as f64;
    // Cells stay squares with sharp edges as soon as they are larger than a pixel.
    pen.set_image_smoothing_enabled(side * span > size);
    let source = (left * side, top * side, span * side);
    let put = |picture: &HtmlCanvasElement,
               (x, y, w, h): (f64, f64, f64, f64),
               (to_x, to_y, to_w, to_h): (f64, f64, f64, f64)| {
        drop(pen.draw_image_with_html_canvas_element_and_sw_and_sh_and_dx_and_dy_and_dw_and_dh(
            picture, x, y, w, h, to_x, to_y, to_w, to_h,
        ));
    };
    put(picture, (source.0, source.1, source.2, source.2), (0.0, 0.0, size, size));
    // From a share of the whole to a pixel.
    let across = |share: f64| (share - left) / span * size;
    let down = |share: f64| (share - top) / span * size;
    if let Some(part) = sheet.part.as_ref().filter(|part| part.checkpoint == look.checkpoint) {
        pen.set_image_smoothing_enabled(false);
        let (x, y) = (across(part.columns.0 as f64 / number), down(part.rows.0 as f64 / number));
        let (wide, high) = (part.columns.1 as f64, part.rows.1 as f64);
        let cell = size / (span * number);
        put(&part.picture, (0.0, 0.0, wide, high), (x, y, wide * cell, high * cell));
    }
    pen.set_stroke_style_str("#ffffff");
    pen.set_line_width(unit);
    pen.begin_path();
    for (_, end) in sheet.bounds.iter().take(sheet.bounds.len().saturating_sub(1)) {
        let share = *end as f64 / number;
        let (x, y) = (across(share).round(), down(share).round());
        pen.move_to(x, 0.0);
        pen.line_to(x, size);
        pen.move_to(0.0, y);
        pen.line_to(size, y);
    }
    pen.stroke();
    if sheet.bounds.len() > 1 {
        pen.set_font(&format!("600 {}px system-ui, sans-serif", 12.0 * unit));
        pen.set_text_baseline("top");
        let mut start = 0.0;
        for (name, end) in &sheet.bounds {
            let end = *end as f64 / number;
            let (x, y) = (across(start).max(0.0) + 5.0 * unit, down(start).max(0.0) + 5.0 * unit);
            // A name stands in its own block of the diagonal.
            if x < across(end) && y < down(end) {
                pen.set_stroke_style_str("rgba(0,0,0,0.75)");
                pen.set_line_width(3.0 * unit);
                drop(pen.stroke_text(name, x, y));
                pen.set_fill_style_str("#ffffff");
                drop(pen.fill_text(name, x, y));
            }
            start = end;
        }
    }
    if let Some((row, column)) = look.marked {
        let cell = size / (span * number);
        let room = cell.max(7.0 * unit);
        let middle = |pixel: f64| pixel + cell / 2.0 - room / 2.0;
        let (x, y) = (middle(across(column as f64 / number)), middle(down(row as f64 / number)));
        for (color, width) in [("#000000", 4.0), ("#ffffff", 2.0)] {
            pen.set_stroke_style_str(color);
            pen.set_line_width(width * unit);
            pen.stroke_rect(x, y, room, room);
        }
    }
    Some(())
}

/// Where a point of the plane is in the square.
fn spot(
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

/// The sample whose point is nearest, within some pixels.
pub fn nearest(points: &[f32], sight: (f64, f64, f64), size: f64, (x, y): (f64, f64)) -> Option<usize> {
    let extent = SHEET.with_borrow(Sheet::extent);
    let far = |at: usize| {
        let (to_x, to_y) = spot(points, at, extent, sight, size)?;
        Some((to_x - x) * (to_x - x) + (to_y - y) * (to_y - y))
    };
    let all = (0..points.len() / 2).filter_map(|at| Some((far(at)?, at)));
    all.min_by(|a, b| a.0.total_cmp(&b.0)).filter(|(far, _)| *far < 400.0).map(|(_, at)| at)
}

fn plane(
    pen: &CanvasRenderingContext2d,
    sheet: &Sheet,
    size: f64,
    look: Look,
    points: &[f32],
    unit: f64,
) -> Option<()> {
    let frame = sheet.frames.get(&look.checkpoint)?;
    let extent = sheet.extent();
    let theme = if look.dark { figures::Theme::Dark } else { figures::Theme::Light };
    let (low, high) = sheet.losses();
    let radius = (if sheet.number() > 3000 { 1.8 } else { 2.8 }) * unit;
    pen.set_global_alpha(0.8);
    for at in 0..sheet.number() {
        let Some((x, y)) = spot(points, at, extent, look.sight, size) else { continue };
        let color = match look.paint {
            Paint::Domain => {
                sheet.domains.get(at).map(|&domain| palette::domain(domain as usize, theme).color.to_owned())
            }
            Paint::TStar => {
                sheet.t_star.get(at).filter(|step| **step >= 0.0).map(|&step| {
                    css(shade(f64::from(step) / look.checkpoints.saturating_sub(1).max(1) as f64))
                })
            }
            Paint::Loss => frame
                .loss
                .get(at)
                .filter(|loss| loss.is_finite())
                .map(|&loss| css(shade((f64::from(loss) - low) / (high - low).max(1e-9)))),
        };
        pen.set_fill_style_str(color.as_deref().unwrap_or("#8a94a1"));
        pen.begin_path();
        drop(pen.arc(x, y, radius, 0.0, std::f64::consts::TAU));
        pen.fill();
    }
    pen.set_global_alpha(1.0);
    if let Some((a, b)) = look.marked {
        pen.set_stroke_style_str(if look.dark { "#e5e8ec" } else { "#1a1e24" });
        pen.set_line_width(2.0 * unit);
        for at in [a, b] {
            if let Some((x, y)) = spot(points, at, extent, look.sight, size) {
                pen.begin_path();
                drop(pen.arc(x, y, 6.0 * unit, 0.0, std::f64::consts::TAU));
                pen.stroke();
            }
        }
    }
    Some(())
}

/// What the colours of a picture mean.
#[derive(Clone, Debug, PartialEq)]
pub enum Legend {
    /// The ends of the scale.
    Ends(String, String),
    /// Names with their colours.
    Names(Vec<(String, &'static str)>),
}

/// A picture to take away: a title, the meaning of the colours, and the map.
pub fn poster(look: Look, points: &[f32], title: &str, legend: &Legend) -> Option<HtmlCanvasElement> {
    const SIZE: f64 = 1200.0;
    const HEAD: f64 = 84.0;
    let (canvas, pen) = canvas(SIZE as usize, (SIZE + HEAD) as usize)?;
    pen.set_fill_style_str(if look.dark { "#15161a" } else { "#ffffff" });
    pen.fill_rect(0.0, 0.0, SIZE, HEAD);
    let ink = if look.dark { "#e5e8ec" } else { "#1a1e24" };
    pen.set_fill_style_str(ink);
    pen.set_font("600 22px system-ui, sans-serif");
    drop(pen.fill_text(title, 12.0, 30.0));
    pen.set_font("18px system-ui, sans-serif");
    match legend {
        Legend::Ends(low, high) => {
            drop(pen.fill_text(&format!("{low} … {high}"), 245.0, 64.0));
            for step in 0..220 {
                pen.set_fill_style_str(&css(shade(f64::from(step) / 219.0)));
                pen.fill_rect(12.0 + f64::from(step), 46.0, 1.5, 22.0);
            }
        }
        Legend::Names(names) => {
            for (place, (name, color)) in names.iter().enumerate() {
                pen.set_fill_style_str(color);
                drop(pen.fill_text(&format!("● {name}"), 12.0 + 140.0 * place as f64, 64.0));
            }
        }
    }
    draw(&canvas, (0.0, HEAD), SIZE, look, points, 1.5).then_some(canvas)
}
