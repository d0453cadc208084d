//! How often other statements are made: of accuracy, of the sign of a change, of a domain's phase,
//! and of a pairing.

use pathway::{PairingSide, PhaseFold, UnitSum};
use report::{CausalSteps, ClaimKind, Course, Delays, Matched, Pair, derive};

use super::{bare, courses::Random, points::Points};

/// A statement that is simulated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Statement {
    /// `rises` or `falls` of accuracy.
    Accuracy,
    /// `sign-depends-on-start`.
    SignDependsOnStart,
    /// The phase structuring or diverging.
    Phase,
    /// `distinctive-pairing`.
    Pairing,
}

/// Benchmark items of a simulated domain.
const ITEMS: usize = 200;

/// Samples of a simulated domain, and the pairs drawn of them.
const SAMPLES: usize = 100;
const PAIRS: Option<u64> = Some(1_000);

/// Groups on each side of a simulated pairing, of ten members each.
const GROUPS: usize = 4;
const MEMBERS: usize = 10;

/// Coordinates of simulated embeddings.
const WIDTH: usize = 32;

impl Statement {
    /// All statements.
    pub const ALL: [Self; 4] = [Self::Accuracy, Self::SignDependsOnStart, Self::Phase, Self::Pairing];

    /// The claim, what its null is, and what is simulated where it is true.
    pub fn words(self) -> [&'static str; 3] {
        match self {
            Self::Accuracy => [
                "`rises` or `falls` of accuracy",
                "200 items, each right with probability .5 throughout",
                "probability .5, then .65",
            ],
            Self::SignDependsOnStart => [
                "`sign-depends-on-start`",
                "100 samples that move without any trend",
                "up by 40 % until the middle, back to 20 %",
            ],
            Self::Phase => [
                "phase *structuring* or *diverging*",
                "100 samples that move without any trend",
                "down by 15 % after the middle",
            ],
            Self::Pairing => [
                "`distinctive-pairing`",
                "4 groups of 10 samples and of 10 items, random embeddings",
                "a common part of each pair of groups",
            ],
        }
    }

    /// Share of `runs` simulated domains of `n` checkpoints about which the statement is made.
    pub fn rate(self, n: usize, is_true: bool, runs: usize) -> f64 {
        let mut random = Random::new(2 << 40 | (n as u64) << 16 | (self as u64) << 8 | u64::from(is_true));
        let made = (0..runs).filter(|&run| match self {
            Self::Accuracy => accuracy(n, is_true, &mut random),
            Self::SignDependsOnStart => sign(n, is_true, run as u64, &mut random),
            Self::Phase => phase(n, is_true, run as u64, &mut random),
            Self::Pairing => pairing(is_true, run as u64, &mut random),
        });
        made.count() as f64 / runs as f64
    }
}

fn accuracy(n: usize, is_true: bool, random: &mut Random) -> bool {
    let mut report = bare::report(n, 1);
    let share = |at: usize, random: &mut Random| {
        let probability = if is_true && 2 * at >= n { 0.65 } else { 0.5 };
        (0..ITEMS).filter(|_| random.unit() < probability).count() as f64 / ITEMS as f64
    };
    let values = (0..n).map(|at| share(at, random)).collect();
    report.courses.push(bare::course("accuracy", "a", values));
    let mut domain = bare::domain("a", n);
    domain.items = ITEMS;
    report.domains.push(domain);
    [ClaimKind::Rises, ClaimKind::Falls].into_iter().any(|kind| bare::holds(&report, kind, "accuracy"))
}

fn sign(n: usize, is_true: bool, seed: u64, random: &mut Random) -> bool {
    let mut points = Points::new(SAMPLES, PAIRS, seed, random);
    let mut report = bare::report(n, seed);
    let (mut values, mut errors) = (Vec::new(), Vec::new());
    for at in 0..n {
        let up = at as f64 / (n - 1) as f64;
        let trend = if up < 0.5 { 0.8 * up } else { 0.6 - 0.4 * up };
        let found = points.group(&points.distances(if is_true { 1.0 + trend } else { 1.0 }));
        values.push(found.mean.unwrap_or_default());
        errors.push(found.se);
        points.step(random);
    }
    let course = bare::course("distance", "a", values);
    report.courses.push(Course { n: Some(SAMPLES as u64), se: Some(errors), ..course });
    let mut domain = bare::domain("a", n);
    // Every sample is memorized from the first checkpoint on.
    let mut first = vec![0; n];
    first[0] = SAMPLES;
    domain.memorization.causal = CausalSteps { first, ..CausalSteps::default() };
    report.domains.push(domain);
    derive::complete(&mut report);
    bare::holds(&report, ClaimKind::SignDependsOnStart, "distance")
}

fn phase(n: usize, is_true: bool, seed: u64, random: &mut Random) -> bool {
    let mut points = Points::new(SAMPLES, PAIRS, seed, random);
    let reference = points.sums(&points.distances(1.0));
    let mut fold = PhaseFold::default();
    for at in 1..n {
        points.step(random);
        let factor = if is_true && 2 * at >= n { 0.85 } else { 1.0 };
        let now = points.sums(&points.distances(factor));
        let (phase, _) = fold.push(true, Some(pathway::distance_change(&reference, &now)));
        if phase != pathway::Phase::Memorized {
            return true;
        }
    }
    false
}

fn pairing(is_true: bool, seed: u64, random: &mut Random) -> bool {
    let vector = |random: &mut Random| -> Vec<f32> { (0..WIDTH).map(|_| random.normal() as f32).collect() };
    let common: Vec<Vec<f32>> = (0..GROUPS).map(|_| vector(random)).collect();
    let mut side = || -> Vec<Vec<f32>> {
        let groups = common.iter().flat_map(|common| std::iter::repeat_n(common, MEMBERS));
        groups
            .map(|common| {
                let own = vector(random);
                let share = if is_true { 0.5 } else { 0.0 };
                own.iter().zip(common).map(|(own, common)| own + share * common).collect()
            })
            .collect()
    };
    let (samples, items) = (side(), side());
    let sums = |members: &[Vec<f32>]| -> Vec<UnitSum> {
        let groups = members.chunks(MEMBERS);
        groups.map(|group| UnitSum::of(group.iter().map(|one| &one[..])).expect("finite")).collect()
    };
    let (of_samples, of_items) = (sums(&samples), sums(&items));
    let scores = pathway::score_matrix(&of_samples, &of_items);
    let assignment = pathway::assign(&scores).expect("finite scores");
    let share = |members: &[Vec<f32>], others: &[UnitSum]| {
        let alone: Vec<UnitSum> =
            members.iter().map(|one| UnitSum::of([&one[..]]).expect("finite")).collect();
        let cosines: Vec<f64> = pathway::score_matrix(&alone, others).into_iter().flatten().collect();
        let side = PairingSide { sizes: &[MEMBERS; GROUPS], others: GROUPS, cosines: &cosines };
        pathway::pairing_null(side, seed).expect("finite cosines").share
    };
    let null_share = share(&samples, &of_items).max(share(&items, &of_samples));
    let groups: Vec<Matched> = (0..GROUPS).map(|checkpoint| Matched { checkpoint, count: MEMBERS }).collect();
    let pairs = assignment.pairs.iter();
    let mut domain = bare::domain("a", GROUPS);
    domain.delays = Some(Delays {
        from_gates: false,
        train: groups.clone(),
        test: groups,
        pairs: pairs
            .map(|&(train, test)| Pair { train, test, delay: 0, score: scores[train][test] })
            .collect(),
        scores,
        total: assignment.total,
        second_best_total: assignment.second_best_total,
        null_share: Some(null_share),
        null_draws: 999,
        null_exact: false,
    });
    let mut report = bare::report(GROUPS, seed);
    report.domains.push(domain);
    bare::holds(&report, ClaimKind::DistinctivePairing, "")
}
