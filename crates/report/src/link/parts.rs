//! Optional parts of a report in a link.

use serde::{Deserialize, Serialize};

use super::shorten;
use crate::{CausalSteps, Domain, Note, NoteLevel, OnsetRule, Report};

/// Bits of a main figure in a link, if they fit.
pub const BITS: u8 = 12;

/// Fewest bits of a main figure in a link: fewer would be visible as steps.
pub const FEWEST_BITS: u8 = 6;

/// Most bits of a main figure in a link.
pub const MOST_BITS: u8 = 15;

/// Optional parts of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "each is a separate checkbox")]
pub struct Parts {
    /// The title.
    pub title: bool,
    /// The notes.
    pub notes: bool,
    /// Courses of single layers.
    pub per_layer: bool,
    /// Courses at other thresholds.
    pub sweep: bool,
    /// Distances within groups of equal memorization step.
    pub t_star_groups: bool,
    /// Selections of every expert, `[C,L,E]`, and the load of single layers, which follows from them.
    pub load: bool,
    /// The strongest co-activations.
    pub coactivation: bool,
    /// The cosine of every memorization group with every generalization group.
    pub scores: bool,
    /// Steps of the onset rule that is not in use, relapses and states.
    pub onsets: bool,
    /// Courses of further metrics: controls by load, comparisons of domains and of tokens.
    pub further: bool,
}

impl Parts {
    /// No part.
    pub const NONE: Self = Self {
        title: false,
        notes: false,
        per_layer: false,
        sweep: false,
        t_star_groups: false,
        load: false,
        coactivation: false,
        scores: false,
        onsets: false,
        further: false,
    };

    /// Every part.
    pub const ALL: Self = Self {
        title: true,
        notes: true,
        per_layer: true,
        sweep: true,
        t_star_groups: true,
        load: true,
        coactivation: true,
        scores: true,
        onsets: true,
        further: true,
    };

    /// All parts in the order of [`Parts::NAMES`], which is also the order in a link.
    pub(super) fn all_mut(&mut self) -> [&mut bool; 10] {
        let Self {
            title,
            notes,
            per_layer,
            sweep,
            t_star_groups,
            load,
            coactivation,
            scores,
            onsets,
            further,
        } = self;
        [title, notes, per_layer, sweep, t_star_groups, load, coactivation, scores, onsets, further]
    }

    /// Name of each part in a sentence.
    const NAMES: [&str; 10] = [
        "the title",
        "the notes",
        "the figures of single layers",
        "the other thresholds",
        "the distances inside groups of equal memorization step",
        "the load of the experts",
        "the co-activations",
        "the scores of the pairing",
        "the steps of the other onset rule, relapses and states",
        "the controls by load and the comparisons of domains and of tokens",
    ];
}

/// Parts and precision of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkOptions {
    /// Parts of the link besides the main courses.
    pub parts: Parts,
    /// Bits of a main figure, from [`FEWEST_BITS`] to [`MOST_BITS`]. If absent, the largest number
    /// up to [`BITS`] with which the link has at most 2,000 characters (at least 8 bits), else
    /// 8,000.
    pub bits: Option<u8>,
}

impl Default for LinkOptions {
    /// The main courses and the notes, as precise as fits the target length.
    fn default() -> Self {
        Self { parts: Parts { notes: true, ..Parts::NONE }, bits: None }
    }
}

impl LinkOptions {
    /// Every part of a report, 12 bits per figure.
    pub const EVERYTHING: Self = Self { parts: Parts::ALL, bits: Some(BITS) };
}

/// Start of the note on parts that were left out.
const NOTICE: &str = "The link leaves out ";

/// Clears a list; returns whether it had elements.
fn drop_all<T>(list: &mut Vec<T>) -> bool {
    !std::mem::take(list).is_empty()
}

/// Removes the parts that are left out, and returns the non-empty ones.
pub(super) fn leave_out(report: &mut Report, parts: Parts) -> Parts {
    let mut left_out = Parts::NONE;
    // A report from a link has a note on the parts that the link left out; this link leaves them
    // out too.
    report.notes.retain(|note| {
        let notice = note.text.starts_with(NOTICE);
        for (left, name) in left_out.all_mut().into_iter().zip(Parts::NAMES) {
            *left |= notice && note.text.contains(name);
        }
        !notice
    });
    if !parts.title {
        left_out.title |= !std::mem::take(&mut report.title).is_empty();
    }
    if !parts.notes {
        left_out.notes |= drop_all(&mut report.notes);
    }
    let tau = report.settings.tau;
    report.courses.retain(|course| {
        let layer = course.layer.is_some() && !parts.per_layer;
        let t_star = course.t_star.is_some() && !parts.t_star_groups;
        let sweep = course.tau.is_some_and(|at| at.to_bits() != tau.to_bits()) && !parts.sweep;
        let further =
            course.definition().is_some_and(|metric| metric.link.further) && !layer && !parts.further;
        left_out.further |= further;
        left_out.per_layer |= layer;
        left_out.t_star_groups |= t_star;
        left_out.sweep |= sweep;
        !(layer || t_star || sweep || further)
    });
    let rule = report.settings.onset_rule;
    for domain in &mut report.domains {
        if !parts.onsets {
            left_out.onsets |= leave_out_onsets(domain, rule);
        }
        if !parts.load {
            left_out.load |= drop_all(&mut domain.expert_selections);
        }
        if !parts.coactivation {
            left_out.coactivation |= drop_all(&mut domain.coactivation);
        }
        if let Some(delays) = domain.delays.as_mut().filter(|_| !parts.scores) {
            left_out.scores |= drop_all(&mut delays.scores);
        }
    }
    left_out
}

/// Removes the steps of the rule that is not in use, relapses and states; returns whether there were
/// any.
fn leave_out_onsets(domain: &mut Domain, rule: OnsetRule) -> bool {
    let (samples, mut items) = (&mut domain.memorization, domain.generalization.as_mut());
    let mut left = drop_all(&mut domain.states) | drop_all(&mut samples.causal.relapses);
    left |= items.as_mut().is_some_and(|items| drop_all(&mut items.causal.relapses));
    match rule {
        OnsetRule::Causal => {
            left |= drop_all(&mut samples.t_star);
            (samples.eps, samples.memorized, samples.never) = (None, 0, 0);
            if let Some(items) = items {
                left |= drop_all(&mut items.t_sharp);
                items.never = 0;
            }
        }
        OnsetRule::Paper => {
            left |= drop_all(&mut samples.causal.first);
            (samples.causal_eps, samples.causal, samples.fallen) = (None, CausalSteps::default(), 0);
            if let Some(items) = items {
                left |= drop_all(&mut items.causal.first);
                items.causal = CausalSteps::default();
            }
        }
    }
    left
}

/// Adds a note on the parts that the link left out.
pub(super) fn add_notice(report: &mut Report, mut left_out: Parts) {
    if let Some(parts) = shorten::notice(report) {
        let text = format!("{NOTICE}{parts}: it is shortened for a QR code.");
        report.notes.push(Note { level: NoteLevel::Info, text });
    }
    let parts = left_out.all_mut().into_iter().zip(Parts::NAMES);
    let names: Vec<&str> = parts.filter_map(|(left, name)| left.then_some(name)).collect();
    let list = match names.split_last() {
        None => return,
        Some((last, [])) => (*last).to_owned(),
        Some((last, first)) => format!("{} and {last}", first.join(", ")),
    };
    report.notes.push(Note {
        level: NoteLevel::Info,
        text: format!("{NOTICE}{list}; the JSON export of the page that made it has them."),
    });
}
