//! Numbers outside courses that usually follow from others: a link stores their difference from the
//! expected value, usually 0.

use crate::{Domain, Error, Group, Matched, Report, metrics::Need};

/// Largest count in a link: 32 bits, the word size of the page.
const MOST: usize = u32::MAX as usize;

/// Default group for an empty list.
const NONE: Matched = Matched { checkpoint: MOST, count: 0 };

/// Values expected from the counts of a domain.
struct Expected {
    memorized: usize,
    /// Memorized samples by the rule of the settings.
    group: usize,
    never_memorized: usize,
    never_generalized: usize,
    train: Vec<Matched>,
    test: Vec<Matched>,
}

impl Expected {
    fn of(report: &Report, domain: usize) -> Self {
        let domain = &report.domains[domain];
        let t_star = &domain.memorization.t_star[..];
        let t_sharp = domain.generalization.as_ref().map_or(&[][..], |found| &found.t_sharp);
        let confirmed = t_star.get(..t_star.len().saturating_sub(1)).unwrap_or_default();
        // Truncated to 32 bits, so that it is the same on every machine.
        let sum =
            |counts: &[usize]| counts.iter().fold(0, |sum: usize, count| sum.wrapping_add(*count) & MOST);
        let steps = report.sample_steps(domain);
        let memorized = report.memorized_steps(domain);
        let groups = |counts: &[usize]| -> Vec<Matched> {
            let groups = counts.iter().enumerate().filter(|(_, count)| **count > 0);
            groups.map(|(checkpoint, count)| Matched { checkpoint, count: *count }).collect()
        };
        Self {
            memorized: sum(confirmed),
            group: sum(memorized),
            // Without steps, a link has left them out.
            never_memorized: if t_star.is_empty() { 0 } else { domain.samples.wrapping_sub(sum(t_star)) },
            never_generalized: if t_sharp.is_empty() { 0 } else { domain.items.wrapping_sub(sum(t_sharp)) },
            train: groups(if report.settings.unconfirmed { steps } else { memorized }),
            test: groups(report.item_steps(domain)),
        }
    }

    /// Expected number of samples or items of each course.
    fn n(report: &Report) -> Vec<usize> {
        let expected: Vec<Self> = (0..report.domains.len()).map(|at| Self::of(report, at)).collect();
        let n = report.courses.iter().map(|course| {
            if course.definition().is_some_and(|metric| metric.scope.whole_run) {
                return Some(report.domains.iter().map(|domain| domain.samples).fold(0, usize::wrapping_add));
            }
            let at = report.domains.iter().position(|domain| domain.name == course.domain)?;
            let domain = report.domains.get(at)?;
            let of_items = course.definition().is_some_and(|metric| metric.needs.contains(&Need::Results));
            Some(match (course.t_star, course.group) {
                (Some(checkpoint), _) => *report.sample_steps(domain).get(checkpoint)?,
                (None, Group::Memorized) => expected.get(at)?.group,
                (None, Group::All) if of_items => domain.items,
                (None, Group::All) => domain.samples,
            })
        });
        n.map(|n| n.unwrap_or(0)).collect()
    }
}

/// Replaces numbers by their differences from the expected values.
///
/// # Errors
/// A count is too large.
pub(super) fn subtract(report: &mut Report) -> Result<(), Error> {
    for domain in &report.domains {
        let counts = [
            report.run.samples,
            report.run.items,
            domain.samples,
            domain.items,
            domain.memorization.memorized,
            domain.memorization.never,
        ];
        let of_changes = domain.changes.iter().map(|change| change.n);
        if let Some(found) = counts.into_iter().chain(of_changes).find(|count| u32::try_from(*count).is_err())
        {
            return Err(Error::LinkTooLarge { what: "samples", found: found as u64, most: MOST as u64 });
        }
    }
    for at in 0..report.domains.len() {
        let expected = Expected::of(report, at);
        if let Some(delays) = &mut report.domains[at].delays {
            for (list, expected) in [(&mut delays.train, expected.train), (&mut delays.test, expected.test)] {
                if *list == expected {
                    list.clear();
                } else if list.is_empty() {
                    list.push(NONE);
                }
            }
        }
    }
    combine(report, u64::wrapping_sub);
    pairs_in_order(report, u64::wrapping_sub);
    declared(report, Direction::Subtract);
    tokens(report, Direction::Subtract);
    Ok(())
}

/// Replaces differences by the numbers.
pub(super) fn add(report: &mut Report) {
    tokens(report, Direction::Add);
    declared(report, Direction::Add);
    pairs_in_order(report, u64::wrapping_add);
    combine(report, u64::wrapping_add);
    for at in 0..report.domains.len() {
        let expected = Expected::of(report, at);
        if let Some(delays) = &mut report.domains[at].delays {
            for (list, expected) in [(&mut delays.train, expected.train), (&mut delays.test, expected.test)] {
                if list.is_empty() {
                    *list = expected;
                } else if list[..] == [NONE] {
                    list.clear();
                }
            }
        }
    }
}

/// Applies an operation in 32 bits, so that differences are the same on every machine.
fn count(operation: fn(u64, u64) -> u64, count: &mut usize, expected: usize) {
    *count = operation(*count as u64, expected as u64) as u32 as usize;
}

#[derive(Clone, Copy, PartialEq)]
enum Direction {
    Subtract,
    Add,
}

/// Expects that, from the first declaration on, members are declared two checkpoints after their
/// causal step, and at the first declaration all of them whose step is that far back.
fn declared(report: &mut Report, direction: Direction) {
    for domain in &mut report.domains {
        let found = domain.generalization.iter_mut().map(|found| &mut found.causal);
        for steps in found.chain([&mut domain.memorization.causal]) {
            let (mut reached, mut known) = (0_usize, 0_usize);
            for (at, declared) in steps.declared.iter_mut().enumerate() {
                let step = at.checked_sub(2).and_then(|at| steps.first.get(at));
                reached = reached.wrapping_add(step.copied().unwrap_or(0)) & MOST;
                let expected = reached.wrapping_sub(known) & MOST;
                let before = *declared;
                *declared = match (known, direction) {
                    (0, Direction::Subtract) => rank_first(before, expected),
                    (0, Direction::Add) => first_of_rank(before, expected),
                    (_, Direction::Subtract) => before.wrapping_sub(expected) & MOST,
                    (_, Direction::Add) => before.wrapping_add(expected) & MOST,
                };
                let exact = if direction == Direction::Subtract { before } else { *declared };
                known = known.wrapping_add(exact) & MOST;
            }
        }
    }
}

/// Rank of a count that is most likely 0, else `expected`, else another.
fn rank_first(count: usize, expected: usize) -> usize {
    match count {
        0 => 0,
        count if count == expected => 1,
        count if count < expected => count + 1,
        count => count,
    }
}

/// The count with that rank.
fn first_of_rank(rank: usize, expected: usize) -> usize {
    match rank {
        1 if expected > 0 => expected,
        rank if rank > 1 && rank <= expected => rank - 1,
        rank => rank,
    }
}

/// Expects tokens in proportion to steps.
fn tokens(report: &mut Report, direction: Direction) {
    let mut before: Option<(u64, u64)> = None;
    for checkpoint in &mut report.checkpoints {
        let Some(tokens) = &mut checkpoint.tokens else { continue };
        let expected = match before {
            Some((step, tokens)) if step > 0 => {
                (u128::from(tokens) * u128::from(checkpoint.step) / u128::from(step)) as u64
            }
            _ => 0,
        };
        let exact = match direction {
            Direction::Subtract => *tokens,
            Direction::Add => tokens.wrapping_add(expected),
        };
        *tokens = if direction == Direction::Add { exact } else { tokens.wrapping_sub(expected) };
        before = Some((checkpoint.step, exact));
    }
}

/// Expects pairs to have groups of equal rank.
fn pairs_in_order(report: &mut Report, operation: fn(u64, u64) -> u64) {
    for delays in report.domains.iter_mut().filter_map(|domain| domain.delays.as_mut()) {
        for (place, pair) in delays.pairs.iter_mut().enumerate() {
            count(operation, &mut pair.train, place);
            count(operation, &mut pair.test, place);
        }
    }
}

fn combine(report: &mut Report, operation: fn(u64, u64) -> u64) {
    let sum = |of: fn(&Domain) -> usize| report.domains.iter().map(of).fold(0, usize::wrapping_add);
    let (samples, items) = (sum(|domain| domain.samples), sum(|domain| domain.items));
    count(operation, &mut report.run.samples, samples);
    count(operation, &mut report.run.items, items);
    let n = Expected::n(report);
    for (course, expected) in report.courses.iter_mut().zip(n) {
        if let Some(n) = &mut course.n {
            *n = operation(*n, expected as u64);
        }
    }
    for at in 0..report.domains.len() {
        let expected = Expected::of(report, at);
        // A change usually spans all checkpoints from the onset on.
        let half = pathway::half_by(report.memorized_steps(&report.domains[at])).unwrap_or(0);
        let domain = &mut report.domains[at];
        count(operation, &mut domain.memorization.memorized, expected.memorized);
        count(operation, &mut domain.memorization.never, expected.never_memorized);
        if let Some(found) = &mut domain.generalization {
            count(operation, &mut found.never, expected.never_generalized);
        }
        for change in &mut domain.changes {
            let (from, n) = match change.group {
                Group::All => (0, domain.samples),
                Group::Memorized => (half, expected.group),
            };
            count(operation, &mut change.from, from);
            count(operation, &mut change.to, report.checkpoints.len().wrapping_sub(1));
            count(operation, &mut change.n, n);
        }
        let Some(delays) = &mut domain.delays else { continue };
        let steps = &report.checkpoints;
        let step = |list: &[Matched], expected: &[Matched], at: usize| -> i64 {
            let group = if list.is_empty() { expected.get(at) } else { list.get(at) };
            let checkpoint = group.and_then(|group| steps.get(group.checkpoint));
            checkpoint.map_or(0, |checkpoint| checkpoint.step.cast_signed())
        };
        for pair in &mut delays.pairs {
            let delay = step(&delays.test, &expected.test, pair.test).wrapping_sub(step(
                &delays.train,
                &expected.train,
                pair.train,
            ));
            pair.delay = operation(pair.delay.cast_unsigned(), delay.cast_unsigned()).cast_signed();
        }
    }
}
