//! Experts of one run matched to those of another of the same shape, by their load
//! (docs/metrics.md#experts-of-two-runs).

use crate::model::Report;

/// Most experts per layer that are matched; the method takes `E^3` steps per layer.
const MOST_EXPERTS: usize = 256;

/// The experts of two runs, matched layer by layer.
#[derive(Clone, Debug, PartialEq)]
pub struct ExpertMatching {
    /// Domains whose selections were compared: those that both runs have.
    pub domains: Vec<String>,
    /// Training steps of the last checkpoints with selections, of the first and the second run.
    pub steps: [u64; 2],
    /// One per layer.
    pub layers: Vec<LayerMatching>,
}

/// The experts of one layer, matched. A difference is the share of selections that would have to
/// move to other experts to make both loads equal, as the mean over domains, from 0 to 1.
#[derive(Clone, Debug, PartialEq)]
pub struct LayerMatching {
    /// Expert of the second run for each expert of the first, `[E]`.
    pub partner: Vec<usize>,
    /// Difference between experts with the same id.
    pub same_ids: f64,
    /// Difference between matched experts.
    pub matched: f64,
    /// Difference after matching with the next layer of the second run, which says what matching
    /// alone achieves; `None` with a single layer.
    pub next_layer: Option<f64>,
}

/// Shares of a layer's selections, `[domains][E]`.
type Load = Vec<Vec<f64>>;

/// Matches experts by their shares of the selections in the common domains at the last checkpoint
/// of each run. `None` if the runs differ in shape, have more than 256 experts per layer, or lack
/// common domains with selections.
#[must_use]
pub fn match_experts(a: &Report, b: &Report) -> Option<ExpertMatching> {
    let shape = |report: &Report| (report.run.layers, report.run.experts);
    let (layers, experts) = shape(a);
    if shape(b) != (layers, experts) || !(1..=MOST_EXPERTS).contains(&experts) {
        return None;
    }
    let domains: Vec<String> = a
        .domains
        .iter()
        .filter(|domain| b.domain(&domain.name).is_some())
        .map(|domain| domain.name.clone())
        .collect();
    let (at_a, at_b) = (last_with_load(a, &domains)?, last_with_load(b, &domains)?);
    let loads = |report: &Report, at: usize| {
        (0..layers).map(|layer| load(report, &domains, at, layer, experts)).collect::<Option<Vec<Load>>>()
    };
    let (of_a, of_b) = (loads(a, at_a)?, loads(b, at_b)?);
    let matched = of_a.iter().enumerate().map(|(layer, load)| {
        let costs = costs(load, of_b.get(layer)?);
        let (partner, matched) = pair(&costs)?;
        let same_ids = costs.iter().enumerate().filter_map(|(at, row)| row.get(at)).sum();
        let next = of_b.get((layer + 1) % layers).filter(|_| layers > 1);
        let next_layer = next.and_then(|next| pair(&self::costs(load, next))).map(|(_, total)| total);
        Some(LayerMatching { partner, same_ids, matched, next_layer })
    });
    let layers = matched.collect::<Option<Vec<LayerMatching>>>()?;
    let step = |report: &Report, at: usize| report.checkpoints.get(at).map_or(0, |found| found.step);
    Some(ExpertMatching { domains, steps: [step(a, at_a), step(b, at_b)], layers })
}

/// Index of the last checkpoint at which all these domains have selections.
fn last_with_load(report: &Report, domains: &[String]) -> Option<usize> {
    let known = |at: usize| {
        domains.iter().all(|name| {
            let found = report.domain(name).and_then(|domain| domain.expert_selections.get(at));
            found.is_some_and(Option::is_some)
        })
    };
    (0..report.checkpoints.len()).rev().find(|&at| !domains.is_empty() && known(at))
}

/// The load of one layer; `None` if a domain has no selections there.
fn load(report: &Report, domains: &[String], at: usize, layer: usize, experts: usize) -> Option<Load> {
    let shares = |name: &String| {
        let counts = report.domain(name)?.expert_selections.get(at)?.as_ref()?.get(layer)?;
        let all: u64 = counts.iter().sum();
        let sound = all > 0 && counts.len() == experts;
        sound.then(|| counts.iter().map(|&count| count as f64 / all as f64).collect())
    };
    domains.iter().map(shares).collect()
}

/// What each pair of experts adds to the difference, `[E][E]`.
fn costs(a: &Load, b: &Load) -> Vec<Vec<f64>> {
    let experts = a.first().map_or(0, Vec::len);
    let cost = |first: usize, second: usize| {
        let sum: f64 = a.iter().zip(b).map(|(a, b)| (a[first] - b[second]).abs()).sum();
        // Half, as every share that moves leaves one expert and reaches another.
        0.5 * sum / a.len().max(1) as f64
    };
    (0..experts).map(|first| (0..experts).map(|second| cost(first, second)).collect()).collect()
}

/// The cheapest partners and their total.
fn pair(costs: &[Vec<f64>]) -> Option<(Vec<usize>, f64)> {
    let scores: Vec<Vec<f64>> = costs.iter().map(|row| row.iter().map(|cost| -cost).collect()).collect();
    let pairs = pathway::best_pairs(&scores).ok()?;
    let total = pairs.iter().filter_map(|&(first, second)| costs.get(first)?.get(second)).sum();
    Some((pairs.into_iter().map(|(_, second)| second).collect(), total))
}
