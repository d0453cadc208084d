//! Light and dark chart themes.

use serde::{Deserialize, Serialize};
use wire::{Json, json};

/// Background of a chart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Theme {
    /// White background.
    #[default]
    Light,
    /// Near-black background.
    Dark,
}

/// Text scale while presenting.
const PRESENT_SCALE: f64 = 1.6;

impl Theme {
    /// Colour of titles and values.
    pub(crate) const fn ink(self) -> &'static str {
        match self {
            Self::Light => "#1a1a1a",
            Self::Dark => "#ececec",
        }
    }

    /// Colour of axis labels and notes.
    pub(crate) const fn quiet(self) -> &'static str {
        match self {
            Self::Light => "#595959",
            Self::Dark => "#a8a8a8",
        }
    }

    /// Colour of grid lines.
    const fn grid(self) -> &'static str {
        match self {
            Self::Light => "#e4e4e4",
            Self::Dark => "#333333",
        }
    }
}

/// Theme and type size of one chart.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Look {
    /// Theme.
    pub theme: Theme,
    /// Whether the page is presenting.
    pub present: bool,
}

impl Look {
    /// A length in pixels, scaled with the text.
    pub fn size(self, pixels: f64) -> f64 {
        if self.present { libm::round(pixels * PRESENT_SCALE) } else { pixels }
    }

    /// Pixels that labels and title of a vertical axis take, as the `config` has them.
    pub fn y_extent(self) -> f64 {
        [44.0, 8.0, 11.0].map(|pixels| self.size(pixels)).iter().sum()
    }

    /// The `config` of a specification.
    pub fn config(self) -> Json {
        let theme = self.theme;
        let (ink, quiet, grid) = (theme.ink(), theme.quiet(), theme.grid());
        let label = self.size(11.0);
        json!({
            "font": "system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', sans-serif",
            "background": "transparent",
            "view": { "stroke": null },
            "title": {
                "anchor": "start", "frame": "bounds", "offset": self.size(10.0), "color": ink, "fontSize": self.size(14.0),
                "fontWeight": 600, "subtitleColor": quiet, "subtitleFontSize": label, "subtitlePadding": self.size(4.0),
                "subtitleFontWeight": 400,
            },
            "axis": {
                "labelColor": quiet, "titleColor": quiet, "labelFontSize": label, "titleFontSize": label,
                "titleFontWeight": 400, "gridColor": grid, "domainColor": grid, "tickColor": grid, "tickSize": 4,
                "labelPadding": 4, "titlePadding": self.size(8.0), "labelLimit": self.size(160.0),
            },
            "axisX": { "grid": false, "domainColor": quiet, "tickColor": quiet },
            // Equal margins, so that stacked charts share their horizontal axis to the pixel.
            "axisY": { "domain": false, "ticks": false, "minExtent": self.size(44.0), "maxExtent": self.size(44.0) },
            "legend": {
                "labelColor": ink, "titleColor": quiet, "labelFontSize": label, "titleFontSize": label,
                "titleFontWeight": 400, "orient": "top", "direction": "horizontal", "offset": self.size(6.0),
                "symbolSize": self.size(70.0), "symbolStrokeWidth": 0, "symbolOpacity": 1, "titleLimit": 400, "labelLimit": self.size(220.0), "columnPadding": self.size(16.0),
            },
            "header": { "labelColor": ink, "labelFontSize": label, "labelFontWeight": 600, "title": null },
            "text": { "color": ink, "fontSize": label },
            "range": { "heatmap": { "scheme": "viridis" } },
        })
    }
}
