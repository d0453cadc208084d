//! Plan of the samples and pairs to measure: the groups of docs/metrics.md#pathway-distance and the
//! budget of pairs in the settings. Samples and pairs are the same at all checkpoints.

use std::{collections::BTreeMap, sync::Arc};

use super::{
    draw::{Draw, MOST_PAIRS, PairSet},
    fingerprint::Fingerprint,
    looks::{LOOKS_SEED, Look, looks},
    memorization::MemorizationPlan,
    run::Run,
};
use crate::{
    model::Group,
    settings::{PairBudget, Settings},
};

/// Each side measure (null, other thresholds, layers, `t*` groups, pairs of domains) takes this
/// fraction of the main budget: its intervals are wider, and its cost is small.
const SIDE_PART: u64 = 20;

/// Least number of pairs measured per group, if it has as many.
const LEAST_PAIRS: u64 = 300;

/// Measures of a run.
#[derive(Debug)]
pub struct Plan {
    /// One plan per domain, in the order of the run.
    pub domains: Vec<DomainPlan>,
    /// Pairs of domains.
    pub cross: Vec<CrossPlan>,
}

/// Measures of one domain.
#[derive(Debug)]
pub struct DomainPlan {
    /// Memorization of its samples.
    pub memorization: MemorizationPlan,
    /// All samples, then the memorized ones.
    pub groups: Vec<Members>,
    /// Groups of equal memorization step with two samples or more.
    pub by_t_star: SmallGroups,
    /// Tests of the distance of the samples declared so far.
    pub looks: Vec<Look>,
}

/// Many small groups that are measured in one call, because separate calls would cost more than the
/// distances.
#[derive(Clone, Debug)]
pub struct SmallGroups {
    /// Index of a checkpoint and number of samples of each group, ascending.
    pub groups: Vec<(usize, usize)>,
    /// Samples of the first group, then of the second, and so on.
    pub samples: Arc<[u32]>,
    /// Pairs within the groups, in the same order, as indices into `samples`.
    pub pairs: PairSet,
    /// End of each group's pairs.
    pub ends: Arc<[usize]>,
}

/// Samples and their pairs to measure.
#[derive(Clone, Debug)]
pub struct Members {
    /// Group of the domain.
    pub group: Group,
    /// Samples of the run, ascending.
    pub samples: Arc<[u32]>,
    /// Pairs for the main figure, as indices into `samples`.
    pub main: PairSet,
    /// Pairs for side figures, a fraction of the budget.
    pub side: PairSet,
}

/// Two groups of two domains.
#[derive(Clone, Debug)]
pub struct CrossPlan {
    /// Index of the first domain.
    pub first: usize,
    /// Index of the second domain.
    pub second: usize,
    /// Group of both sides.
    pub group: Group,
    /// Samples of the first, then of the second.
    pub samples: Arc<[u32]>,
    /// Number of samples of the first.
    pub rows: usize,
    /// Pairs of a sample of the first and one of the second.
    pub pairs: PairSet,
}

impl DomainPlan {
    /// Samples of a main group.
    pub fn group(&self, group: Group) -> Option<&Members> {
        self.groups.iter().find(|members| members.group == group)
    }
}

/// Plans the measures of a run.
pub fn plan(run: &Run, settings: &Settings) -> Plan {
    let domains: Vec<DomainPlan> =
        (0..run.domains.len()).map(|index| domain_plan(run, settings, index)).collect();
    let cross = cross_plans(&domains, settings);
    Plan { domains, cross }
}

fn domain_plan(run: &Run, settings: &Settings, index: usize) -> DomainPlan {
    let domain = &run.domains[index];
    let losses: Vec<Vec<f32>> = run
        .checkpoints
        .iter()
        .map(|checkpoint| domain.samples.iter().map(|&sample| checkpoint.loss[sample as usize]).collect())
        .collect();
    let user_eps = settings.eps.get(&domain.name).copied();
    let memorization = MemorizationPlan::new(&losses, domain.samples.len(), user_eps, settings);
    let memorized = domain.samples.iter().zip(&memorization.memorized);
    let memorized: Arc<[u32]> =
        memorized.filter(|(_, memorized)| **memorized).map(|(&sample, _)| sample).collect();
    let with_step = |at: usize| -> Arc<[u32]> {
        let steps = domain.samples.iter().zip(&memorization.steps);
        steps.filter(|(_, step)| **step == Some(at)).map(|(&sample, _)| sample).collect()
    };
    let budget = Budget::new(settings, run.domains.len());
    let seed = settings.seed.wrapping_add(1000 * index as u64);
    // Half of a domain's pairs are for its memorized samples; pairs that these cannot use go to all
    // samples.
    let of_memorized = draw(memorized.len(), budget.main.map(|main| main / 2), seed);
    let of_all =
        draw(domain.samples.len(), budget.main.map(|main| main - of_memorized.pairs.len() as u64), seed + 1);
    let groups = vec![
        Members {
            group: Group::All,
            side: draw(domain.samples.len(), budget.side, seed + 2),
            samples: Arc::clone(&domain.samples),
            main: of_all,
        },
        Members {
            group: Group::Memorized,
            side: draw(memorized.len(), budget.side, seed + 3),
            samples: memorized,
            main: of_memorized,
        },
    ];
    let mut sizes: BTreeMap<usize, usize> = BTreeMap::new();
    for at in memorization.steps.iter().flatten() {
        *sizes.entry(*at).or_default() += 1;
    }
    sizes.retain(|_, size| *size >= 2);
    let share = budget.side.map(|side| (side / sizes.len().max(1) as u64).max(LEAST_PAIRS));
    let equal = sizes.keys().map(|&at| (at, with_step(at)));
    let by_t_star = small_groups(equal, |at, samples| draw(samples, share, seed + 4 + at as u64));
    let looks = looks(&memorization, &domain.samples, |samples| {
        Draw::new(samples, budget.side, seed.wrapping_add(LOOKS_SEED))
    });
    DomainPlan { memorization, groups, by_t_star, looks }
}

/// Concatenates groups, with the pairs that `draw` chooses for a checkpoint and a number of
/// samples.
fn small_groups(
    of: impl Iterator<Item = (usize, Arc<[u32]>)>,
    draw: impl Fn(usize, usize) -> PairSet,
) -> SmallGroups {
    let (mut groups, mut samples, mut pairs, mut ends) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let mut mix = Fingerprint::new();
    for (at, members) in of {
        let first = samples.len() as u32;
        let drawn = draw(at, members.len());
        mix.add(members.len() as u64);
        mix.add(drawn.print);
        pairs.extend(drawn.pairs.iter().map(|&(a, b)| (first + a, first + b)));
        groups.push((at, members.len()));
        samples.extend_from_slice(&members);
        ends.push(pairs.len());
    }
    SmallGroups {
        groups,
        samples: samples.into(),
        pairs: PairSet { pairs: pairs.into(), print: mix.value() },
        ends: ends.into(),
    }
}

/// Pairs per domain; `None` means all pairs.
struct Budget {
    main: Option<u64>,
    side: Option<u64>,
}

impl Budget {
    fn new(settings: &Settings, domains: usize) -> Self {
        match settings.pairs {
            PairBudget::Exact => Self { main: None, side: None },
            PairBudget::Sampled { per_checkpoint } => {
                let main = (per_checkpoint / domains.max(1) as u64).max(LEAST_PAIRS);
                Self { main: Some(main), side: Some((main / SIDE_PART).max(LEAST_PAIRS)) }
            }
        }
    }
}

fn draw(samples: usize, count: Option<u64>, seed: u64) -> PairSet {
    Draw::new(samples, count, seed).pairs()
}

fn cross_plans(domains: &[DomainPlan], settings: &Settings) -> Vec<CrossPlan> {
    let combinations = domains.len() * domains.len().saturating_sub(1) / 2;
    // All pairs of domains share the budget that the domains have for their side figures.
    let side = Budget::new(settings, domains.len()).side.map(|side| side * domains.len() as u64);
    let share = side.map_or(MOST_PAIRS, |side| (side / combinations.max(1) as u64).max(LEAST_PAIRS));
    let mut plans = Vec::new();
    for first in 0..domains.len() {
        for second in first + 1..domains.len() {
            for group in [Group::All, Group::Memorized] {
                let (Some(a), Some(b)) = (domains[first].group(group), domains[second].group(group)) else {
                    continue;
                };
                let (rows, columns) = (a.samples.len(), b.samples.len());
                let seed = settings.seed.wrapping_add(7919 * (first * domains.len() + second) as u64);
                let mut mix = Fingerprint::new();
                for number in [rows as u64, columns as u64, share, seed] {
                    mix.add(number);
                }
                plans.push(CrossPlan {
                    first,
                    second,
                    group,
                    samples: a.samples.iter().chain(b.samples.iter()).copied().collect(),
                    rows,
                    pairs: PairSet {
                        pairs: pathway::sample_cross_pairs(rows, columns, share, seed).into(),
                        print: mix.value(),
                    },
                });
            }
        }
    }
    plans
}
