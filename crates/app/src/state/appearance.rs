//! How the page looks: its theme and the horizontal axis of charts.

/// Light, dark or the system's preference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Theme {
    /// The system's preference.
    System,
    /// Light background.
    Light,
    /// Dark background.
    Dark,
}

impl Theme {
    /// Name in URLs and in the page's markup.
    pub fn slug(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }

    /// The theme with this name.
    pub fn from_slug(slug: &str) -> Option<Self> {
        [Self::System, Self::Light, Self::Dark].into_iter().find(|theme| theme.slug() == slug)
    }
}

/// The horizontal axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Axis {
    /// Training steps.
    Steps,
    /// Training tokens.
    Tokens,
    /// Training steps, logarithmic.
    Log,
}

impl Axis {
    /// Name in URLs.
    pub fn slug(self) -> &'static str {
        match self {
            Self::Steps => "steps",
            Self::Tokens => "tokens",
            Self::Log => "log",
        }
    }

    /// The axis with this name in URLs.
    pub fn from_slug(slug: &str) -> Option<Self> {
        [Self::Steps, Self::Tokens, Self::Log].into_iter().find(|axis| axis.slug() == slug)
    }
}
