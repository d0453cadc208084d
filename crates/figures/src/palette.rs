//! Colours, markers and dashes of the domains: the same domain looks the same in every figure.
//!
//! The first four hues are those of Okabe and Ito, darkened or lightened to a contrast of at least 3:1 against
//! the background; the other four maximize the smallest difference from all others, with and without
//! protanopia, deuteranopia and tritanopia (Machado's simulation, CIELAB: 24 on light, 26 on dark). Colour is
//! never the only cue: markers and dashes differ too.

use crate::theme::Theme;

/// How one domain is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// Colour, `#rrggbb`.
    pub color: &'static str,
    /// Symbol name, as Vega and an SVG legend know it: `circle`, `square`, …
    pub shape: &'static str,
    /// Lengths of strokes and gaps in pixels; empty for a solid line.
    pub dash: &'static [u32],
}

const LIGHT: [&str; 8] =
    ["#0072b2", "#d55e00", "#008a63", "#b3478a", "#5a3c00", "#9678ff", "#4b0fa5", "#9600ff"];

const DARK: [&str; 8] =
    ["#4ba3dc", "#f0843c", "#2fc497", "#e08fc0", "#f0ff2d", "#8769f0", "#b4ffa5", "#f03c5a"];

const SHAPES: [&str; 8] = [
    "circle",
    "square",
    "diamond",
    "triangle-up",
    "triangle-down",
    "cross",
    "triangle-right",
    "triangle-left",
];

const DASHES: [&[u32]; 5] = [&[], &[7, 3], &[2, 2], &[8, 3, 2, 3], &[12, 3]];

/// The background that the colours are made for, `#rrggbb`; the page's background must be close to it.
#[must_use]
pub const fn ground(theme: Theme) -> &'static str {
    match theme {
        Theme::Light => "#ffffff",
        Theme::Dark => "#16161a",
    }
}

/// How the domain with that index in [`report::Report::domains`] is drawn.
///
/// Eight colours and markers and five dashes distinguish forty domains.
#[must_use]
pub fn domain(index: usize, theme: Theme) -> Mark {
    let colors = match theme {
        Theme::Light => &LIGHT,
        Theme::Dark => &DARK,
    };
    Mark {
        color: colors[index % colors.len()],
        shape: SHAPES[index % SHAPES.len()],
        dash: DASHES[index % DASHES.len()],
    }
}

/// The colour of marks that belong to no domain: the page's accent.
#[must_use]
pub const fn accent(theme: Theme) -> &'static str {
    match theme {
        Theme::Light => LIGHT[0],
        Theme::Dark => DARK[0],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Relative luminance after WCAG 2.
    fn luminance(color: &str) -> f64 {
        let channel = |at: usize| {
            let value = f64::from(u8::from_str_radix(&color[at..at + 2], 16).unwrap()) / 255.0;
            if value <= 0.04045 { value / 12.92 } else { libm::pow((value + 0.055) / 1.055, 2.4) }
        };
        0.2126 * channel(1) + 0.7152 * channel(3) + 0.0722 * channel(5)
    }

    fn contrast(first: &str, second: &str) -> f64 {
        let (first, second) = (luminance(first), luminance(second));
        (first.max(second) + 0.05) / (first.min(second) + 0.05)
    }

    #[test]
    fn every_colour_stands_out_from_its_ground() {
        for theme in [Theme::Light, Theme::Dark] {
            for index in 0..8 {
                let mark = domain(index, theme);
                let ratio = contrast(mark.color, ground(theme));
                assert!(ratio >= 3.0, "{} on {}: {ratio:.2}", mark.color, ground(theme));
            }
            assert!(contrast(theme.ink(), ground(theme)) >= 7.0);
            assert!(contrast(theme.quiet(), ground(theme)) >= 4.5);
        }
    }

    #[test]
    fn forty_domains_are_all_different() {
        let mut marks: Vec<_> =
            (0..40).map(|index| domain(index, Theme::Light)).map(|m| (m.color, m.shape, m.dash)).collect();
        marks.sort_unstable();
        marks.dedup();
        assert_eq!(marks.len(), 40);
    }
}
