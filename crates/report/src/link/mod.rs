//! A report as text that fits into an address: `#r=1d.` and some two thousand characters.
//!
//! 1. `walk` names everything in a report in one order; `pen` measures, writes or reads it on the way.
//! 2. `scale` turns figures into whole steps, `column` predicts them from what is known already.
//! 3. `numbers` and `range` turn what is left to say into bits.
//! 4. `frame` puts bits and names behind a length and a checksum, and makes text of them.

mod column;
mod domain;
mod frame;
mod numbers;
mod pen;
mod range;
mod role;
mod scale;
mod settings;
mod shape;
mod statements;
mod walk;

pub use frame::{FRAGMENT, fragment_of};

use serde::{Deserialize, Serialize};

use pen::{Measures, Pen};
use range::{Nowhere, Reader, Writer};

use crate::{Error, FORMAT, Note, NoteLevel, Report, VERSION};

/// Bits of a main figure in a link where there is room for them.
pub const BITS: u8 = 12;

/// Fewest bits of a main figure in a link: coarser would show as stairs.
pub const FEWEST_BITS: u8 = 6;

/// Most bits of a main figure in a link.
pub const MOST_BITS: u8 = 15;

/// Lengths that a link should not exceed, in characters, each with the bits below which it is given up: what a
/// message or a QR code takes, then what every browser and most programs take.
const TARGETS: [(usize, u8); 2] = [(2_000, 8), (8_000, FEWEST_BITS)];

/// Bits of a main figure where no target can be met.
const BITS_AT_LENGTH: u8 = 8;

/// Which parts of a report something is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "each is a box of its own that the user ticks")]
pub struct Parts {
    /// What the user calls the run.
    pub title: bool,
    /// What a reader must know, in sentences.
    pub notes: bool,
    /// Figures of single layers: distance, entropy, effective dimension, saturation; `[C][L]` each.
    pub per_layer: bool,
    /// Distances at the other thresholds.
    pub sweep: bool,
    /// Distances inside the groups of equal memorization step.
    pub t_star_groups: bool,
    /// Selections of every expert, `[C][L][E]`.
    pub load: bool,
    /// The strongest co-activations.
    pub coactivation: bool,
    /// The cosine of every memorization group with every generalization group.
    pub scores: bool,
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
    };

    /// The order of the parts in a link.
    fn all_mut(&mut self) -> [&mut bool; 8] {
        let Self { title, notes, per_layer, sweep, t_star_groups, load, coactivation, scores } = self;
        [title, notes, per_layer, sweep, t_star_groups, load, coactivation, scores]
    }

    /// What each part is called in a sentence, in the same order.
    const NAMES: [&str; 8] = [
        "the title",
        "the notes",
        "the figures of single layers",
        "the other thresholds",
        "the distances inside groups of equal memorization step",
        "the load of the experts",
        "the co-activations",
        "the scores of the pairing",
    ];
}

/// What a link carries beside the main courses, and how finely.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkOptions {
    /// What it carries.
    pub parts: Parts,
    /// Bits of a main figure, from [`FEWEST_BITS`] to [`MOST_BITS`]; where absent, the most up to [`BITS`] with
    /// which the link keeps to 2,000 characters (8 bits at least), else to 8,000.
    pub bits: Option<u8>,
}

impl Default for LinkOptions {
    /// The main courses and the notes, as finely as there is room.
    fn default() -> Self {
        Self { parts: Parts { notes: true, ..Parts::NONE }, bits: None }
    }
}

impl LinkOptions {
    /// Every part of a report, 12 bits a figure.
    pub const EVERYTHING: Self = Self { parts: Parts::ALL, bits: Some(BITS) };
}

/// A link and what became of the report in it.
#[derive(Clone, Debug)]
pub struct Link {
    /// `#r=1d.` and the data: only letters, digits, `-`, `_`.
    pub text: String,
    /// Bits of a figure.
    pub bits: u8,
    /// Parts that hold something in the report and are not in the link.
    pub left_out: Parts,
    /// What a reader of the link will see, equal to what [`decode`] makes of it.
    pub seen: Report,
}

/// Writes a report as `#r=1d.…`.
///
/// Counts, steps, tokens and settings are exact. Figures are rounded: all figures of one kind (all distances, all
/// losses, …) share one step of at most `(largest - smallest) / (2^b - 1)`, so that none is off by more than half of
/// it. `b` is [`LinkOptions::bits`] for the main figures: losses, accuracy, distance, null distance, median
/// consistency, smoothness, entropy, coefficients. What accompanies them (normalised distance, lengths, quartiles, mean
/// consistency, distances between domains and at other thresholds, effective dimension, saturation, single layers)
/// has two bits fewer, shares, cosines and p values four, standard errors five; never fewer than three. Of losses and
/// p values the square roots are rounded so, which keeps the digits of the small ones. An accuracy that is a whole
/// number of items stays exact where that costs no more. Figures that follow from others (moving average, structure,
/// interval, `mean_c`) are computed from the rounded ones.
///
/// # Errors
/// The report contradicts itself ([`Report::check`]), or has more than a link can carry.
pub fn encode(report: &Report, options: &LinkOptions) -> Result<String, Error> {
    Ok(write(report, options)?.text)
}

/// The same as [`encode`], with what became of the report in the link.
///
/// # Errors
/// As [`encode`].
pub fn write(report: &Report, options: &LinkOptions) -> Result<Link, Error> {
    report.check()?;
    let parts = options.parts;
    if let Some(bits) = options.bits {
        return write_with(report, parts, bits.clamp(FEWEST_BITS, MOST_BITS));
    }
    for (most, fewest) in TARGETS {
        let mut found = write_with(report, parts, fewest)?;
        if found.text.len() > most {
            continue;
        }
        // Fewer bits make shorter links, so the most that fit are found by halving.
        let (mut fits, mut too_many) = (fewest, BITS + 1);
        while too_many - fits > 1 {
            let middle = fits.midpoint(too_many);
            let link = write_with(report, parts, middle)?;
            if link.text.len() <= most {
                (fits, found) = (middle, link);
            } else {
                too_many = middle;
            }
        }
        return Ok(found);
    }
    write_with(report, parts, BITS_AT_LENGTH)
}

fn write_with(report: &Report, parts: Parts, bits: u8) -> Result<Link, Error> {
    let mut seen = report.clone();
    let said = take_notice(&mut seen);
    let mut pen = Pen::new(Nowhere, parts, bits, None, &[]);
    let mut left_out = walk::report(&mut pen, &mut seen.clone())?;
    // A report that came through a link says what that link left out; it is left out of this one too.
    for (left, said) in left_out.all_mut().into_iter().zip(said) {
        *left |= said;
    }
    let mut pen = Pen::new(Writer::new(), parts, bits, Some(pen.into_measures()), &[]);
    pen.left_out = left_out;
    let left_out = walk::report(&mut pen, &mut seen)?;
    let (writer, texts, _) = pen.into_parts();
    let text = frame::to_text(&texts, &writer.finish());
    finish(&mut seen, bits, left_out);
    Ok(Link { text, bits, left_out, seen })
}

/// Reads the report in a link: a whole address, its fragment, or the data alone.
///
/// # Errors
/// The text is no link, comes from a later version, is cut or damaged, or holds more than a link may.
pub fn decode(text: &str) -> Result<Report, Error> {
    let frame::Frame { texts, bits } = frame::from_text(text)?;
    let mut pen = Pen::new(Reader::new(bits.bytes()), Parts::NONE, 0, Some(Measures::none()), &texts);
    let mut report = blank();
    let left_out = walk::report(&mut pen, &mut report)?;
    let bits = pen.figure_bits;
    let (reader, _, texts) = pen.into_parts();
    if !reader.at_end() || !texts.is_empty() {
        return Err(Error::LinkDamaged { place: "it holds more than its report" });
    }
    finish(&mut report, bits, left_out);
    report.check()?;
    Ok(report)
}

/// A report with nothing in it.
fn blank() -> Report {
    Report {
        format: FORMAT.to_owned(),
        version: VERSION,
        made_by: String::new(),
        title: String::new(),
        rounded_to_bits: None,
        run: crate::Run {
            model: None,
            samples: 0,
            items: 0,
            layers: 0,
            experts: 0,
            top_k: None,
            gate_kind: crate::GateKind::SoftmaxMean,
            half_precision: false,
        },
        settings: crate::Settings::default(),
        checkpoints: Vec::new(),
        domains: Vec::new(),
        cross: Vec::new(),
        notes: Vec::new(),
    }
}

/// How the note on left-out parts begins.
const NOTICE: &str = "The link leaves out ";

/// Says in the report that it came through a link, and without what.
fn finish(report: &mut Report, bits: u8, mut left_out: Parts) {
    report.rounded_to_bits = Some(bits);
    let names: Vec<&str> = left_out
        .all_mut()
        .into_iter()
        .zip(Parts::NAMES)
        .filter_map(|(left, name)| left.then_some(name))
        .collect();
    if let Some((last, first)) = names.split_last() {
        let list =
            if first.is_empty() { (*last).to_owned() } else { format!("{} and {last}", first.join(", ")) };
        report.notes.push(Note {
            level: NoteLevel::Info,
            text: format!("{NOTICE}{list}; the JSON export of the page that made it has them."),
        });
    }
}

/// Takes the note on left-out parts back out of a report that came through a link.
fn take_notice(report: &mut Report) -> [bool; 8] {
    let mut said = [false; 8];
    report.notes.retain(|note| {
        let notice = note.text.starts_with(NOTICE);
        if notice {
            for (said, name) in said.iter_mut().zip(Parts::NAMES) {
                *said |= note.text.contains(name);
            }
        }
        !notice
    });
    said
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bytes that look like anything, from a small seeded generator.
    fn noise(seed: u64, length: usize) -> Vec<u8> {
        let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
        std::iter::repeat_with(|| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 32) as u8
        })
        .take(length)
        .collect()
    }

    #[test]
    fn figures_that_nobody_wrote_are_an_error() {
        for seed in 0..3_000 {
            let length = [0, 1, 5, 40, 400, 4_000][seed as usize % 6];
            let text = frame::to_text(&noise(seed + 1, 64), &noise(seed, length));
            assert!(decode(&text).is_err(), "seed {seed}");
        }
        for byte in [0x00, 0x55, 0xFF] {
            for length in [1, 1_000, 100_000] {
                assert!(decode(&frame::to_text(b"names", &vec![byte; length])).is_err());
            }
        }
    }

    #[test]
    fn a_hostile_link_costs_little() {
        let start = std::time::Instant::now();
        let rounds = 12;
        for seed in 0..rounds {
            let mut bits = noise(seed, 600_000);
            // Likely bits first, so that sizes become large before anything fails.
            bits[..(seed as usize) * 3].fill(if seed % 2 == 0 { 0x00 } else { 0xFF });
            assert!(decode(&frame::to_text(b"", &bits)).is_err());
        }
        // A release build needs some milliseconds a link; the bound is for unoptimised builds on a busy machine.
        assert!(start.elapsed().as_secs() < rounds, "{:?}", start.elapsed());
    }
}
