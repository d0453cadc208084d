//! The pen that walks over a report: what it passes is measured, written or read, by one and the same call.

use std::collections::VecDeque;

use super::{
    Parts,
    column::{self, Memory},
    numbers::Numbers,
    range::{Bits, Prob},
    role::{ROLES, Role, SLOTS, Slot},
    scale::{Extent, Kind, MOST, Scale},
};
use crate::{Error, Group};

/// Figures that one link may carry, so that no link costs more than about a tenth of a second and 4 MB.
pub(super) const MOST_FIGURES: u64 = 200_000;

/// Bytes of all names and notes together.
pub(super) const MOST_TEXT: usize = 1 << 20;

/// What is known of a slot from the numbers before.
struct Habit {
    usual: f64,
    sign: i64,
    odds: [Prob; 2],
    last: bool,
}

/// What the measuring walk finds out.
pub(super) struct Measures {
    /// Extents of the figures, by kind.
    pub(super) extents: Vec<Extent>,
    /// Which figures follow from others, in the order of the walk.
    pub(super) decisions: VecDeque<bool>,
    /// Factors between columns, likewise.
    pub(super) factors: VecDeque<f32>,
}

impl Measures {
    /// For a reader, who is told everything.
    pub(super) fn none() -> Self {
        let extents = vec![Extent::NONE; Kind::ALL.len()];
        Self { extents, decisions: VecDeque::new(), factors: VecDeque::new() }
    }
}

/// Walks over a report.
pub(super) struct Pen<'t, B> {
    bits: B,
    /// What is carried beside the main courses.
    pub(super) parts: Parts,
    /// Bits of a figure.
    pub(super) figure_bits: u8,
    /// Extents of the figures seen, by kind, while they are measured.
    extents: Vec<Extent>,
    /// Steps of each kind, once they are known.
    scales: Option<Vec<Option<Scale>>>,
    columns: Numbers,
    numbers: Numbers,
    /// By role and group, from its first column on.
    memories: Vec<Option<Memory>>,
    /// What the measuring walk found out from the exact figures, in the order of the walk.
    decisions: VecDeque<bool>,
    /// Factors that it found, likewise.
    factors: VecDeque<f32>,
    habits: Vec<Habit>,
    texts: Vec<u8>,
    texts_to_read: &'t [u8],
    figures_left: u64,
    /// Parts that the report holds and the link does not, as the measuring walk found them.
    pub(super) left_out: Parts,
}

fn place_of(role: Role, group: Group) -> usize {
    2 * role as usize + usize::from(group == Group::Memorized)
}

/// A course that may go the same way as another, and the role whose steps it is measured in.
pub(super) type Hint<'a> = (Role, &'a [Option<f64>]);

/// A course in steps, unrounded and without gaps.
fn in_steps(scale: Option<Scale>, course: &[Option<f64>]) -> Vec<f64> {
    let mut last = 0.0;
    course
        .iter()
        .map(|figure| {
            if let (Some(scale), Some(figure)) = (scale, figure) {
                last = scale.unrounded(*figure);
            }
            last
        })
        .collect()
}

impl<'t, B: Bits> Pen<'t, B> {
    /// A pen that only measures where `measures` are absent, and writes or reads otherwise.
    pub(super) fn new(
        bits: B,
        parts: Parts,
        figure_bits: u8,
        measures: Option<Measures>,
        texts_to_read: &'t [u8],
    ) -> Self {
        let measured = measures.is_none();
        let Measures { extents, decisions, factors } = measures.unwrap_or_else(Measures::none);
        Self {
            bits,
            parts,
            figure_bits,
            scales: (!measured).then(|| vec![None; Kind::ALL.len()]),
            extents,
            columns: Numbers::new(),
            numbers: Numbers::new(),
            memories: vec![None; 2 * ROLES],
            decisions,
            factors,
            habits: (0..SLOTS)
                .map(|_| Habit { usual: 4.0, sign: 0, odds: [Prob::EVEN; 2], last: false })
                .collect(),
            texts: Vec::new(),
            texts_to_read,
            figures_left: MOST_FIGURES,
            left_out: Parts::NONE,
        }
    }

    /// What was measured.
    pub(super) fn into_measures(self) -> Measures {
        Measures { extents: self.extents, decisions: self.decisions, factors: self.factors }
    }

    /// What was written: bits and texts; what is left to be read of the texts.
    pub(super) fn into_parts(self) -> (B, Vec<u8>, &'t [u8]) {
        (self.bits, self.texts, self.texts_to_read)
    }

    /// Fixes the steps of all kinds.
    pub(super) fn scales(&mut self) -> Result<(), Error> {
        let Some(scales) = &mut self.scales else { return Ok(()) };
        let mut exponent = -3;
        for (scale, (kind, extent)) in scales.iter_mut().zip(Kind::ALL.iter().zip(&self.extents)) {
            let chosen = if B::READS { None } else { Scale::new(*kind, self.figure_bits, *extent) };
            *scale = Scale::code(&mut self.bits, &mut self.numbers, &mut exponent, chosen)?;
        }
        Ok(())
    }

    /// Takes `amount` of what a link may carry.
    pub(super) fn spend(&mut self, amount: u64) -> Result<(), Error> {
        if amount > self.figures_left {
            return Err(Error::LinkTooLarge {
                what: "figures",
                found: MOST_FIGURES - self.figures_left + amount,
                most: MOST_FIGURES,
            });
        }
        self.figures_left -= amount;
        Ok(())
    }

    /// Yes or no.
    pub(super) fn flag(&mut self, slot: Slot, value: bool) -> Result<bool, Error> {
        let habit = &mut self.habits[slot as usize];
        let value = self.bits.bit(&mut habit.odds[usize::from(habit.last)], value)?;
        habit.last = value;
        Ok(value)
    }

    /// `count` bits as they are.
    pub(super) fn plain(&mut self, count: u32, value: u64) -> Result<u64, Error> {
        self.bits.plain(count, value)
    }

    /// A whole number that is likely to be near another.
    pub(super) fn number(&mut self, slot: Slot, near: u64, value: u64) -> Result<u64, Error> {
        let habit = &mut self.habits[slot as usize];
        let correction = value.wrapping_sub(near) as i64;
        let correction = self.numbers.signed(&mut self.bits, habit.usual, habit.sign, correction)?;
        habit.usual += 0.3 * (correction.unsigned_abs() as f64 - habit.usual);
        habit.sign = correction;
        Ok(near.wrapping_add_signed(correction))
    }

    /// The same for a size, which must be at most `most`.
    pub(super) fn size(
        &mut self,
        slot: Slot,
        what: &'static str,
        most: usize,
        near: usize,
        value: usize,
    ) -> Result<usize, Error> {
        let value = self.number(slot, near as u64, value as u64)?;
        if value > most as u64 {
            return Err(Error::LinkTooLarge { what, found: value, most: most as u64 });
        }
        Ok(value as usize)
    }

    /// Gives a list its length; each entry takes `weight` figures' worth of room.
    pub(super) fn length<T: Clone>(
        &mut self,
        (slot, what): (Slot, &'static str),
        most: usize,
        near: usize,
        weight: u64,
        list: &mut Vec<T>,
        empty: &T,
    ) -> Result<(), Error> {
        let length = self.size(slot, what, most, near, list.len())?;
        self.spend(weight * length as u64)?;
        list.resize(length, empty.clone());
        Ok(())
    }

    /// Makes a part present or absent.
    pub(super) fn part<T>(&mut self, part: &mut Option<T>, empty: impl FnOnce() -> T) -> Result<bool, Error> {
        let present = self.flag(Slot::Present, part.is_some())?;
        if !present {
            *part = None;
        } else if part.is_none() {
            *part = Some(empty());
        }
        Ok(present)
    }

    /// A figure that must not change, all of its 64 bits.
    pub(super) fn exact(&mut self, value: f64) -> Result<f64, Error> {
        let value = f64::from_bits(self.bits.plain(64, value.to_bits())?);
        if value.is_finite() {
            Ok(value)
        } else {
            Err(Error::LinkDamaged { place: "a figure is not a number" })
        }
    }

    /// The same in its place.
    pub(super) fn exact_in_place(&mut self, value: &mut f64) -> Result<(), Error> {
        *value = self.exact(*value)?;
        Ok(())
    }

    /// A factor that only the exact figures tell, so that the measuring walk finds it; `near` costs nothing.
    pub(super) fn factor(&mut self, near: f64, found: Option<f64>) -> Result<f64, Error> {
        let found = found.filter(|found| (*found as f32).is_finite()).unwrap_or(near);
        let expected = self.decide((found - near).abs() <= 1e-7 * near.abs())?;
        if expected {
            return Ok(near);
        }
        if self.scales.is_none() {
            self.factors.push_back(found as f32);
            return Ok(f64::from(found as f32));
        }
        let factor = self.factors.pop_front().unwrap_or(0.0);
        let factor = f32::from_bits(self.bits.plain(32, u64::from(factor.to_bits()))? as u32);
        if factor.is_finite() {
            Ok(f64::from(factor))
        } else {
            Err(Error::LinkDamaged { place: "a factor is not a number" })
        }
    }

    /// A name or a note.
    pub(super) fn text(&mut self, text: &mut String) -> Result<(), Error> {
        let length = self.size(Slot::TextLength, "bytes in a name or note", 4_096, 8, text.len())?;
        if B::READS {
            let damaged = Error::LinkDamaged { place: "its names end too early" };
            let Some((bytes, rest)) = self.texts_to_read.split_at_checked(length) else {
                return Err(damaged);
            };
            let Ok(read) = std::str::from_utf8(bytes) else {
                return Err(Error::LinkDamaged { place: "a name is not UTF-8" });
            };
            read.clone_into(text);
            self.texts_to_read = rest;
        } else if self.scales.is_some() {
            if self.texts.len() + length > MOST_TEXT {
                let found = (self.texts.len() + length) as u64;
                return Err(Error::LinkTooLarge {
                    what: "bytes of names and notes",
                    found,
                    most: MOST_TEXT as u64,
                });
            }
            self.texts.extend_from_slice(text.as_bytes());
        }
        Ok(())
    }

    /// One of the words that are known, or another.
    pub(super) fn word(
        &mut self,
        slot: Slot,
        known: &[&str],
        near: usize,
        word: &mut String,
    ) -> Result<usize, Error> {
        let index = known.iter().position(|known| word == known).unwrap_or(known.len());
        let index = self.size(slot, "known words", known.len(), near, index)?;
        match known.get(index) {
            Some(known) => (*known).clone_into(word),
            None => self.text(word)?,
        }
        Ok(index)
    }

    /// Rounded figures; `beside` are courses known already that may go the same way, at most three.
    pub(super) fn figures(
        &mut self,
        role: Role,
        group: Group,
        beside: &[Hint<'_>],
        figures: &mut [Option<f64>],
    ) -> Result<(), Error> {
        let kind = role.kind() as usize;
        let Some(scales) = &self.scales else {
            for figure in figures.iter().flatten() {
                if figure.is_nan() || figure.abs() > MOST {
                    return Err(Error::Inconsistent {
                        place: format!("a figure of {role:?}"),
                        expected: format!("a number of at most {MOST:e}"),
                    });
                }
                self.extents[kind].include(*figure);
            }
            return Ok(());
        };
        let scale = scales[kind];
        let mut steps: Vec<Option<i64>> = figures
            .iter()
            .map(|figure| figure.map(|figure| scale.map_or(0, |scale| scale.steps(figure))))
            .collect();
        let scale_of = |role: Role| scales[role.kind() as usize].or(scale);
        let hints: Vec<Vec<f64>> =
            beside.iter().map(|(role, course)| in_steps(scale_of(*role), course)).collect();
        self.presence(&mut steps)?;
        match scale {
            Some(Scale::Steps { .. }) => {
                let beside: Vec<&[f64]> = hints.iter().map(Vec::as_slice).collect();
                let memory = self.memories[place_of(role, group)].get_or_insert_with(|| role.memory());
                column::code(&mut self.bits, &mut self.columns, memory, &beside, &mut steps)?;
            }
            Some(Scale::Same(_)) => {}
            None if steps.iter().all(Option::is_none) => {}
            None => return Err(Error::LinkDamaged { place: "figures without a step" }),
        }
        for (figure, steps) in figures.iter_mut().zip(steps) {
            *figure = match (steps, scale) {
                (Some(steps), Some(scale)) => Some(scale.figure(steps)?),
                _ => None,
            };
        }
        Ok(())
    }

    /// Which entries of a column there are.
    fn presence(&mut self, steps: &mut [Option<i64>]) -> Result<(), Error> {
        let gaps = steps.iter().any(Option::is_none);
        if steps.is_empty() {
            return Ok(());
        }
        if !self.flag(Slot::Undefined, gaps)? {
            for entry in steps {
                entry.get_or_insert(0);
            }
            return Ok(());
        }
        let mut odds = [Prob::expecting(0.9, 4), Prob::expecting(0.1, 4)];
        let mut missing = true;
        for entry in steps {
            missing = self.bits.bit(&mut odds[usize::from(missing)], entry.is_none())?;
            if missing {
                *entry = None;
            } else {
                entry.get_or_insert(0);
            }
        }
        Ok(())
    }

    /// One figure.
    pub(super) fn figure(&mut self, role: Role, figure: &mut f64) -> Result<(), Error> {
        let mut one = [Some(*figure)];
        self.figures(role, Group::All, &[], &mut one)?;
        if let [Some(read)] = one {
            *figure = read;
            Ok(())
        } else {
            Err(Error::LinkDamaged { place: "a figure is missing" })
        }
    }

    /// One figure that is likely to be near another.
    pub(super) fn figure_near(
        &mut self,
        role: Role,
        near: Option<f64>,
        figure: &mut Option<f64>,
    ) -> Result<(), Error> {
        let kind = role.kind() as usize;
        let scale = self.scales.as_ref().and_then(|scales| scales[kind]);
        let (Some(near), Some(scale @ Scale::Steps { .. })) = (near, scale) else {
            return self.figures(role, Group::All, &[], std::slice::from_mut(figure));
        };
        let present = self.flag(Slot::Gap, figure.is_some())?;
        if !present {
            *figure = None;
            return Ok(());
        }
        let near = scale.steps(near);
        let mut difference = [Some(scale.steps(figure.unwrap_or(0.0)).wrapping_sub(near))];
        let memory = self.memories[place_of(role, Group::Memorized)].get_or_insert_with(|| role.memory());
        column::code(&mut self.bits, &mut self.columns, memory, &[], &mut difference)?;
        let steps = near.wrapping_add(difference[0].unwrap_or(0));
        *figure = Some(scale.figure(steps)?);
        Ok(())
    }

    /// Whole numbers as a column, exactly.
    pub(super) fn counts<N: Copy + TryInto<i64> + TryFrom<i64>>(
        &mut self,
        role: Role,
        beside: &[&[f64]],
        counts: &mut [N],
    ) -> Result<(), Error> {
        if self.scales.is_none() {
            return Ok(());
        }
        let mut steps = Vec::with_capacity(counts.len());
        for count in counts.iter() {
            let count: Option<i64> = (*count).try_into().ok();
            let too_large =
                Error::LinkTooLarge { what: "in one count", found: u64::MAX, most: i64::MAX as u64 };
            steps.push(Some(count.ok_or(too_large)?));
        }
        let memory = self.memories[place_of(role, Group::All)].get_or_insert_with(|| role.memory());
        column::code(&mut self.bits, &mut self.columns, memory, beside, &mut steps)?;
        for (count, steps) in counts.iter_mut().zip(steps) {
            let Ok(read) = N::try_from(steps.unwrap_or(0)) else {
                return Err(Error::LinkDamaged { place: "a count is out of range" });
            };
            *count = read;
        }
        Ok(())
    }

    /// Shares of `whole` things: exact where every one is a whole number of them, else rounded figures.
    pub(super) fn shares(
        &mut self,
        role: Role,
        group: Group,
        whole: usize,
        shares: &mut [Option<f64>],
    ) -> Result<(), Error> {
        let parts = |share: f64| (share * whole as f64).round();
        // Counting must not cost more than rounding would.
        let bits = role.kind().bits(self.figure_bits);
        let countable = (1..1 << bits).contains(&whole)
            && shares.iter().flatten().all(|share| {
                share.abs() <= 2.0 && (parts(*share) / whole as f64 - share).abs() <= 1e-9 * share.abs()
            });
        if !self.decide(countable)? {
            return self.figures(role, group, &[], shares);
        }
        if self.scales.is_none() {
            return Ok(());
        }
        let mut steps: Vec<Option<i64>> =
            shares.iter().map(|share| share.map(|share| parts(share) as i64)).collect();
        self.presence(&mut steps)?;
        let memory = self.memories[place_of(role, group)].get_or_insert_with(|| role.memory());
        column::code(&mut self.bits, &mut self.columns, memory, &[], &mut steps)?;
        for (share, steps) in shares.iter_mut().zip(steps) {
            *share = steps.map(|steps| steps as f64 / whole.max(1) as f64);
        }
        Ok(())
    }

    /// A statement about exact figures: the measuring walk makes it, the others hear it.
    fn decide(&mut self, statement: bool) -> Result<bool, Error> {
        if self.scales.is_none() {
            self.decisions.push_back(statement);
            return Ok(statement);
        }
        let statement = self.decisions.pop_front().unwrap_or(false);
        self.flag(Slot::Derived, statement)
    }

    /// Figures that may follow from others: nothing where `derived` gives them, else rounded figures.
    pub(super) fn follows(
        &mut self,
        role: Role,
        group: Group,
        derived: Vec<Option<f64>>,
        figures: &mut Vec<Option<f64>>,
    ) -> Result<(), Error> {
        // As many digits as a factor is carried with, of the largest figure of the column.
        let largest = figures.iter().flatten().fold(0.0_f64, |largest, figure| largest.max(figure.abs()));
        let same = derived.len() == figures.len()
            && derived.iter().zip(figures.iter()).all(|pair| match pair {
                (Some(a), Some(b)) => (a - b).abs() <= 2e-7 * largest,
                (None, None) => true,
                _ => false,
            });
        if self.decide(same)? {
            *figures = derived;
            return Ok(());
        }
        self.figures(role, group, &[], figures)
    }
}
