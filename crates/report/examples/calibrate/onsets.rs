//! How often a domain is called memorized, and its items generalized later, by the onsets of
//! docs/metrics.md#causal-memorization-step and docs/metrics.md#memorization-step.

use pathway::{CausalGeneralization, CausalMemorization, CausalStep};
use report::{CausalSteps, ClaimKind, Generalization, OnsetRule, Report, derive};

use super::{answers::Answers, bare, courses::Random, losses::Losses};

/// Samples and items of a simulated domain.
const SAMPLES: usize = 100;
const ITEMS: usize = 100;

/// Shares of simulated domains.
#[derive(Clone, Copy, Debug)]
pub struct Memorized {
    /// Share of domains with the claim `memorized` by the causal rule.
    pub causal: f64,
    /// Share of domains whose state at the last checkpoint is not *learning*: enough samples have a
    /// causal step, fallen or not.
    pub state: f64,
    /// Share of domains with the claim by the paper's rule.
    pub paper: f64,
    /// Mean share of the samples with a causal step, over the domains with the claim.
    pub samples: f64,
    /// Mean share of these samples that relapse.
    pub relapsed: f64,
}

/// Shares of simulated domains whose samples are memorized.
#[derive(Clone, Copy, Debug)]
pub struct Generalized {
    /// Share of domains with the claim `generalized-after` by the causal rule.
    pub causal: f64,
    /// Share of domains with the claim by the paper's rule.
    pub paper: f64,
    /// Mean share of items with a causal step.
    pub items: f64,
}

/// Simulates `runs` domains of `n` checkpoints with these losses.
pub fn memorized(losses: Losses, n: usize, runs: usize) -> Memorized {
    let mut random = Random::new(3 << 40 | (n as u64) << 16 | losses as u64);
    let (mut causal, mut state, mut paper, mut samples, mut relapsed) = (0, 0, 0, 0.0, 0.0);
    for run in 0..runs {
        let mut report = simulated(losses, n, run as u64, &mut random);
        derive::states(&mut report);
        let steps = &report.domains[0].memorization.causal;
        let holds = bare::holds(&report, ClaimKind::Memorized, "");
        let looks = pathway::plan_looks(&steps.declared, SAMPLES);
        state += usize::from(looks.last().is_some_and(|look| look.enough));
        if holds {
            causal += 1;
            let with_step = sum(&steps.first);
            samples += with_step / SAMPLES as f64;
            relapsed += sum(&steps.relapses) / with_step;
        }
        report.settings.onset_rule = OnsetRule::Paper;
        paper += usize::from(bare::holds(&report, ClaimKind::Memorized, ""));
    }
    let (of_runs, of_claims) = (1.0 / runs as f64, 1.0 / f64::from(causal.max(1)));
    Memorized {
        causal: f64::from(causal) * of_runs,
        state: state as f64 * of_runs,
        paper: paper as f64 * of_runs,
        samples: samples * of_claims,
        relapsed: relapsed * of_claims,
    }
}

/// Simulates `runs` domains of `n` checkpoints, half of whose samples are memorized, with these
/// answers to items.
pub fn generalized(answers: Answers, n: usize, runs: usize) -> Generalized {
    let mut random = Random::new(4 << 40 | (n as u64) << 16 | answers as u64);
    let (mut causal, mut paper, mut items) = (0, 0, 0.0);
    for run in 0..runs {
        let mut report = simulated(Losses::Memorized, n, run as u64, &mut random);
        let correct = answers.draw(ITEMS, n, &mut random);
        let at = |c: usize| correct.iter().filter(|item| item[c] == Some(true)).count() as f64 / ITEMS as f64;
        report.courses.push(bare::course("accuracy", "a", (0..n).map(at).collect()));
        report.domains[0].items = ITEMS;
        report.domains[0].generalization = Some(generalization(&correct, n));
        derive::states(&mut report);
        let found = report.domains[0].generalization.as_ref();
        items += found.map_or(0.0, |found| sum(&found.causal.first)) / ITEMS as f64;
        causal += usize::from(bare::holds(&report, ClaimKind::GeneralizedAfter, ""));
        report.settings.onset_rule = OnsetRule::Paper;
        paper += usize::from(bare::holds(&report, ClaimKind::GeneralizedAfter, ""));
    }
    let share = |of: f64| of / runs as f64;
    Generalized { causal: share(causal as f64), paper: share(paper as f64), items: share(items) }
}

/// A report of one domain with these losses.
fn simulated(losses: Losses, n: usize, seed: u64, random: &mut Random) -> Report {
    let mut report = bare::report(n, seed);
    let delta = report.settings.delta;
    let drawn = losses.draw(SAMPLES, n, random);
    let mut fold = CausalMemorization::new(SAMPLES, losses.eps(), delta);
    for row in &drawn {
        fold.push(row);
    }
    let mut domain = bare::domain("a", n);
    domain.samples = SAMPLES;
    let eps = losses.eps().or_else(|| pathway::search_eps(&drawn, delta).eps);
    let t_star = counts(pathway::t_stars(&drawn, eps, delta).into_iter().flatten(), n);
    let found = &mut domain.memorization;
    found.memorized = t_star.iter().take(n - 1).sum();
    (found.eps, found.t_star) = (eps, t_star);
    (found.causal_eps, found.causal) = (fold.eps(), causal_steps(fold.steps(), n));
    found.fallen = pathway::fallen(&drawn, fold.steps());
    report.domains.push(domain);
    report
}

fn generalization(correct: &[Vec<Option<bool>>], n: usize) -> Generalization {
    let mut fold = CausalGeneralization::new(correct.len());
    for c in 0..n {
        fold.push(correct.iter().map(|item| item[c]));
    }
    let steps: Vec<Option<CausalStep>> = fold.steps().collect();
    let sharp: Vec<Option<usize>> = correct.iter().map(|item| pathway::t_sharp(item)).collect();
    Generalization {
        never: sharp.iter().filter(|at| at.is_none()).count(),
        t_sharp: counts(sharp.into_iter().flatten(), n),
        causal: causal_steps(&steps, n),
    }
}

/// Counts of steps; [`derive::states`] adds what follows from them.
fn causal_steps(steps: &[Option<CausalStep>], n: usize) -> CausalSteps {
    let known = || steps.iter().flatten();
    CausalSteps {
        first: counts(known().map(|step| step.first), n),
        declared: counts(known().map(|step| step.declared), n),
        relapses: counts(known().filter_map(|step| step.relapse), n),
        ..CausalSteps::default()
    }
}

fn counts(of: impl Iterator<Item = usize>, n: usize) -> Vec<usize> {
    let mut counts = vec![0; n];
    of.for_each(|at| counts[at] += 1);
    counts
}

fn sum(counts: &[usize]) -> f64 {
    counts.iter().sum::<usize>() as f64
}
