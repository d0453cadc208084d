//! The views of the report, and which of them the page can show.

use leptos::prelude::*;
use report::Report;

use super::{App, Origin};

/// A view of the report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum View {
    /// Metrics over training on one step axis.
    Timeline,
    /// A metric by layer and checkpoint.
    Layers,
    /// Two samples' pathways aligned.
    Pathways,
    /// The distance matrix of a group.
    Map,
    /// Gate mass that passes between layers.
    Flow,
    /// Experts of single tokens.
    Tokens,
    /// Memorization groups matched with generalization groups.
    Delays,
    /// All figures as tables.
    Table,
    /// The run beside a second one.
    Compare,
}

impl View {
    /// All views in the order of the view switcher. `Compare` needs a second run.
    pub const ALL: [Self; 9] = [
        Self::Timeline,
        Self::Layers,
        Self::Pathways,
        Self::Map,
        Self::Flow,
        Self::Tokens,
        Self::Delays,
        Self::Table,
        Self::Compare,
    ];

    /// Keyboard shortcut.
    pub fn key(self) -> &'static str {
        match self {
            Self::Timeline => "1",
            Self::Layers => "2",
            Self::Pathways => "3",
            Self::Map => "4",
            Self::Flow => "f",
            Self::Tokens => "w",
            Self::Delays => "5",
            Self::Table => "6",
            Self::Compare => "7",
        }
    }

    /// Name in URLs.
    pub fn slug(self) -> &'static str {
        match self {
            Self::Timeline => "timeline",
            Self::Layers => "layers",
            Self::Pathways => "pathways",
            Self::Map => "map",
            Self::Flow => "flow",
            Self::Tokens => "tokens",
            Self::Delays => "delays",
            Self::Table => "table",
            Self::Compare => "compare",
        }
    }

    /// Name in the view switcher.
    pub fn title(self) -> &'static str {
        match self {
            Self::Timeline => "Timeline",
            Self::Layers => "Layers",
            Self::Pathways => "Pathways",
            Self::Map => "Map",
            Self::Flow => "Flow",
            Self::Tokens => "Tokens",
            Self::Delays => "Delays",
            Self::Table => "Table",
            Self::Compare => "Compare",
        }
    }

    /// The view with this name in URLs.
    pub fn from_slug(slug: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|view| view.slug() == slug)
    }

    /// The next or previous view that is offered, without wrapping around.
    pub fn adjacent(self, forward: bool, app: App) -> Self {
        let here = Self::ALL.into_iter().position(|view| view == self).unwrap_or(0);
        let (before, after) = Self::ALL.split_at(here);
        let offered = |view: &&Self| app.offers(**view);
        let found =
            if forward { after.iter().skip(1).find(offered) } else { before.iter().rev().find(offered) };
        found.copied().unwrap_or(self)
    }
}

impl App {
    /// Whether the page has what a view shows: figures, traces or a second run. Links carry no
    /// samples, and figures of layers only on request.
    pub fn offers(self, view: View) -> bool {
        let traces = self.origin.get() == Origin::Files;
        let any = |find: fn(&Report) -> bool| self.with_report(find).unwrap_or(false);
        match view {
            View::Timeline | View::Table => true,
            View::Pathways | View::Map | View::Flow => traces,
            View::Tokens => traces && any(has_experts),
            View::Compare => self.other.with(Option::is_some),
            View::Delays => {
                traces || any(|report| report.domains.iter().any(|domain| domain.delays.is_some()))
            }
            View::Layers => any(|report| {
                report.courses.iter().any(|course| course.layer.is_some()) || has_experts(report)
            }),
        }
    }

    /// Opens a view if it is offered; returns whether it is.
    pub fn open(self, view: View) -> bool {
        let offered = untrack(|| self.offers(view));
        if offered {
            self.view.set(view);
        }
        offered
    }
}

/// Whether a report counts the experts that single tokens selected.
fn has_experts(report: &Report) -> bool {
    report.domains.iter().any(|domain| !domain.expert_selections.is_empty())
}

/// What the view Tokens shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TokenChoice {
    /// Index of the sample; the first one of the domain if absent.
    pub sample: Option<usize>,
    /// The first token.
    pub token: usize,
    /// The expert; the one selected most if absent.
    pub expert: Option<usize>,
}
