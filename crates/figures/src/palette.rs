//! Colours, markers and dashes of the domains: the same domain looks the same in every figure.
//!
//! The first four hues are those of Okabe and Ito, darkened or lightened to a contrast of at least 3:1 against
//! the background; the other four maximize the smallest difference from all others, with and without
//! protanopia, deuteranopia and tritanopia (Machado's simulation, CIELAB: 24 on light, 26 on dark; among
//! the first four it is 12). Colour is never the only cue: markers and dashes differ too.

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

/// The colour of an expert, `#rrggbb`, light or dark enough for [`Theme`]'s text on it. Ids that follow each other are
/// far apart in hue. Many experts have similar colours, so the id must be written beside.
#[must_use]
pub fn expert(id: u16, theme: Theme) -> String {
    let (saturation, lightness) = match theme {
        Theme::Light => (0.65, 0.8),
        Theme::Dark => (0.5, 0.28),
    };
    // The golden angle, in twelfths of a turn.
    let hue = f64::from(id) * 137.508 / 30.0;
    let reach: f64 = saturation * f64::min(lightness, 1.0 - lightness);
    let channel = |offset: f64| {
        let turn = (offset + hue) % 12.0;
        let value = lightness - reach * (turn - 3.0).min(9.0 - turn).clamp(-1.0, 1.0);
        (value * 255.0 + 0.5) as u8
    };
    format!("#{:02x}{:02x}{:02x}", channel(0.0), channel(8.0), channel(4.0))
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
        0.2126 * linear(color, 1) + 0.7152 * linear(color, 3) + 0.0722 * linear(color, 5)
    }

    /// The channel that starts at a character of `#rrggbb`, linear.
    fn linear(color: &str, at: usize) -> f64 {
        let value = f64::from(u8::from_str_radix(&color[at..at + 2], 16).unwrap()) / 255.0;
        if value <= 0.04045 { value / 12.92 } else { libm::pow((value + 0.055) / 1.055, 2.4) }
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
    fn text_is_legible_on_the_colour_of_every_expert() {
        for theme in [Theme::Light, Theme::Dark] {
            for id in 0..512 {
                let ratio = contrast(theme.ink(), &expert(id, theme));
                assert!(ratio >= 4.5, "{id} in {theme:?}: {ratio:.2}");
            }
            assert_ne!(expert(0, theme), expert(1, theme));
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

    /// Matrices of Machado, Oliveira and Fernandes (2009) at severity 1, for linear RGB.
    const DICHROMACIES: [(&str, [[f64; 3]; 3]); 3] = [
        (
            "protanopia",
            [
                [0.152_286, 1.052_583, -0.204_868],
                [0.114_503, 0.786_281, 0.099_216],
                [-0.003_882, -0.048_116, 1.051_998],
            ],
        ),
        (
            "deuteranopia",
            [
                [0.367_322, 0.860_646, -0.227_968],
                [0.280_085, 0.672_501, 0.047_413],
                [-0.011_820, 0.042_940, 0.968_881],
            ],
        ),
        (
            "tritanopia",
            [
                [1.255_528, -0.076_749, -0.178_779],
                [-0.078_411, 0.930_809, 0.147_602],
                [0.004_733, 0.691_367, 0.303_900],
            ],
        ),
    ];

    const NORMAL: [[f64; 3]; 3] = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];

    /// CIELAB coordinates of a colour as seen through a matrix, for the white point D65.
    fn lab(color: &str, seen: &[[f64; 3]; 3]) -> [f64; 3] {
        let times = |matrix: &[[f64; 3]; 3], of: [f64; 3]| {
            matrix.map(|row| row.iter().zip(of).map(|(factor, value)| factor * value).sum::<f64>())
        };
        let linear = [1, 3, 5].map(|at| linear(color, at));
        let linear = times(seen, linear).map(|value| value.clamp(0.0, 1.0));
        let xyz = times(
            &[
                [0.412_456_4, 0.357_576_1, 0.180_437_5],
                [0.212_672_9, 0.715_152_2, 0.072_175_0],
                [0.019_333_9, 0.119_192_0, 0.950_304_1],
            ],
            linear,
        );
        let root = |value: f64| {
            if value > 216.0 / 24389.0 { libm::cbrt(value) } else { (24389.0 / 27.0 * value + 16.0) / 116.0 }
        };
        let [x, y, z] = [root(xyz[0] / 0.950_47), root(xyz[1]), root(xyz[2] / 1.088_83)];
        [116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)]
    }

    #[test]
    fn eight_domains_differ_without_colour_and_in_colour_for_everyone() {
        for (theme, of_four, of_others) in [(Theme::Light, 12.0, 24.0), (Theme::Dark, 12.0, 26.0)] {
            for second in 0..8 {
                let least = if second < 4 { of_four } else { of_others };
                for first in 0..second {
                    let (one, other) = (domain(first, theme), domain(second, theme));
                    assert!(one.shape != other.shape || one.dash != other.dash, "{first} and {second}");
                    for (name, seen) in DICHROMACIES.iter().copied().chain([("full colour", NORMAL)]) {
                        let (a, b) = (lab(one.color, &seen), lab(other.color, &seen));
                        let distance = a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum::<f64>().sqrt();
                        assert!(
                            distance >= least,
                            "{first} and {second} with {name}, {theme:?}: {distance:.1}"
                        );
                    }
                }
            }
        }
    }
}
