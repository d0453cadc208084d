//! Ordering of samples so that similar ones are adjacent: average linkage with every branch flipped
//! so that neighbours are close (Gruvaeus and Wainer, 1972).

use kodama::{Method, linkage};

use crate::draw::pair_count;
use crate::error::{Error, check_len};

/// Orders samples so that similar ones are adjacent (docs/metrics.md#distance-matrix).
///
/// `distances` are condensed: (0, 1), (0, 2), …, (1, 2), …. The same distances give the same order
/// on every machine. Takes quadratic time and 4 bytes per pair.
///
/// # Errors
///
/// [`Error::Shape`] unless there are `S (S - 1) / 2` distances.
pub fn cluster_order(samples: usize, distances: &[u16]) -> Result<Vec<u32>, Error> {
    check_len("distances of all pairs", pair_count(samples) as usize, distances.len())?;
    if samples < 3 {
        return Ok((0..samples as u32).collect());
    }
    let between = |a: u32, b: u32| {
        let (a, b) = (a.min(b) as usize, a.max(b) as usize);
        // All pairs whose first member is before `a` precede those of `a`.
        distances.get(a * (2 * samples - a - 1) / 2 + b - a - 1).copied().unwrap_or(0)
    };
    let mut matrix: Vec<f32> = distances.iter().map(|&distance| f32::from(distance)).collect();
    let tree = linkage(&mut matrix, samples, Method::Average);
    let mut branches: Vec<Vec<u32>> = (0..samples as u32).map(|sample| vec![sample]).collect();
    for step in tree.steps() {
        let take = |branches: &mut Vec<Vec<u32>>, at: usize| branches.get_mut(at).map(std::mem::take);
        let first = take(&mut branches, step.cluster1).unwrap_or_default();
        let second = take(&mut branches, step.cluster2).unwrap_or_default();
        branches.push(join(first, second, &between));
    }
    let mut order = branches.pop().unwrap_or_default();
    // Of the two directions, always choose the same one.
    if order.first() > order.last() {
        order.reverse();
    }
    Ok(order)
}

/// Concatenates two branches, each flipped if needed, so that the two leaves that meet are as close
/// as possible.
fn join(mut first: Vec<u32>, mut second: Vec<u32>, between: &impl Fn(u32, u32) -> u16) -> Vec<u32> {
    let (Some(&a), Some(&b)) = (first.first(), first.last()) else { return second };
    let (Some(&c), Some(&d)) = (second.first(), second.last()) else { return first };
    // Ties take the first: no branch is flipped without need.
    let ways = [
        (between(b, c), false, false),
        (between(a, c), true, false),
        (between(b, d), false, true),
        (between(a, d), true, true),
    ];
    let best = ways.into_iter().min_by_key(|&(distance, ..)| distance);
    if let Some((_, turn_first, turn_second)) = best {
        if turn_first {
            first.reverse();
        }
        if turn_second {
            second.reverse();
        }
    }
    first.append(&mut second);
    first
}
