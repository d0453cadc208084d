//! Consistent but unusual reports: gaps, empty lists, huge steps, names in any script, figures of
//! any size.

use std::collections::BTreeMap;

use report::{
    CausalSteps, Change, Checkpoint, CoactivationPair, Correlation, Course, Delays, Domain, ExpertSelections,
    FORMAT, GateKind, Generalization, Group, METRICS, Matched, Memorization, Note, NoteLevel, OnsetRule,
    Pair, PairBudget, Phase, Report, Run, Series, Settings, State, Unit, VERSION, Window, derive,
    metrics::Layers,
};

struct Any {
    state: u64,
    /// Size of the figures: each report has its own.
    size: f64,
    /// How often a figure is undefined, in eighths.
    gaps: u64,
}

const NAMES: [&str; 10] = [
    "math",
    "код",
    "数学",
    "a,b\"c\"",
    "=1+1",
    "<script>alert(1)</script>",
    "",
    "name\nof two lines",
    "👩‍🔬",
    "distance",
];

impl Any {
    fn bits(&mut self) -> u64 {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        self.state
    }

    fn below(&mut self, limit: u64) -> u64 {
        (self.bits() >> 16) % limit.max(1)
    }

    fn index(&mut self, limit: usize) -> usize {
        self.below(limit as u64) as usize
    }

    fn yes(&mut self) -> bool {
        self.below(2) == 1
    }

    fn figure(&mut self) -> f64 {
        let unit = (self.bits() >> 11) as f64 / 9_007_199_254_740_992.0;
        match self.below(12) {
            0 => 0.0,
            1 => self.size,
            2 => -self.size * unit,
            _ => self.size * unit,
        }
    }

    fn some(&mut self) -> Option<f64> {
        if self.below(8) < self.gaps { None } else { Some(self.figure()) }
    }

    fn series(&mut self, length: usize) -> Series {
        match self.below(8) {
            0 => vec![None; length],
            1 => vec![Some(self.figure()); length],
            _ => (0..length).map(|_| self.some()).collect(),
        }
    }

    fn figures(&mut self, length: usize) -> Vec<f64> {
        (0..length).map(|_| self.figure()).collect()
    }

    fn count(&mut self) -> usize {
        match self.below(4) {
            0 => 0,
            1 => self.index(10),
            2 => self.index(100_000),
            _ => (self.bits() >> 33) as usize,
        }
    }

    fn counts(&mut self, length: usize) -> Vec<usize> {
        (0..length).map(|_| self.count()).collect()
    }

    fn name(&mut self) -> String {
        let name = NAMES[self.index(NAMES.len())];
        if self.below(20) == 0 { "long ".repeat(800) } else { name.to_owned() }
    }

    fn group(&mut self) -> Group {
        if self.yes() { Group::All } else { Group::Memorized }
    }

    fn times<T>(&mut self, most: u64, mut make: impl FnMut(&mut Self) -> T) -> Vec<T> {
        (0..self.below(most + 1)).map(|_| make(self)).collect()
    }

    fn maybe<T>(&mut self, make: impl FnOnce(&mut Self) -> T) -> Option<T> {
        self.yes().then(|| make(self))
    }
}

/// A report for every seed.
pub fn report(seed: u64, checkpoints: usize, domains: usize) -> Report {
    let mut any = Any { state: seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1, size: 1.0, gaps: 0 };
    any.size = [1.0, 600.0, 1e-7, 1e12, 5e59, 1e-40, 0.0][any.index(7)];
    any.gaps = [0, 1, 4, 8][any.index(4)];
    let (layers, experts) = (any.index(5), any.index(6));
    let mut step = 0_u64;
    let checkpoints: Vec<Checkpoint> = (0..checkpoints)
        .map(|_| {
            step += 1 + if any.yes() { any.below(100_000) } else { any.below(u64::MAX >> 5) };
            Checkpoint { step, tokens: any.maybe(Any::bits) }
        })
        .collect();
    let domains: Vec<Domain> =
        (0..domains).map(|index| domain(&mut any, index, checkpoints.len(), layers, experts)).collect();
    let courses = courses(&mut any, &domains, checkpoints.len(), layers);
    let mut report = Report {
        format: FORMAT.to_owned(),
        version: VERSION,
        made_by: any.name(),
        title: any.name(),
        rounded_to_bits: None,
        shortened: None,
        run: Run {
            model: any.maybe(Any::name),
            samples: any.count(),
            items: any.count(),
            layers,
            experts,
            top_k: any.maybe(|any| any.index(9)),
            gate_kind: match any.index(3) {
                0 => GateKind::SoftmaxMean,
                1 => GateKind::SigmoidNormalizedMean,
                _ => GateKind::SelectionFrequency,
            },
            half_precision: any.yes(),
        },
        settings: if any.yes() { Settings::default() } else { settings(&mut any) },
        checkpoints,
        domains,
        courses,
        exchange: Vec::new(),
        claims: Vec::new(),
        notes: any.times(3, |any| Note {
            level: if any.yes() { NoteLevel::Info } else { NoteLevel::Warning },
            text: any.name(),
        }),
    };
    derive::states(&mut report);
    report
}

fn settings(any: &mut Any) -> Settings {
    let share = |any: &mut Any| 0.001 + 0.998 * (any.below(1_000_003) as f64 / 1_000_003.0);
    Settings {
        tau: share(any),
        sweep: any.times(5, share),
        unit: if any.yes() { Unit::Symbol } else { Unit::Character },
        pairs: if any.yes() {
            PairBudget::Exact
        } else {
            PairBudget::Sampled { per_checkpoint: any.bits() | 1 }
        },
        seed: any.bits(),
        onset_rule: if any.yes() { OnsetRule::Causal } else { OnsetRule::Paper },
        eps: any.times(3, |any| (any.name(), share(any))).into_iter().collect::<BTreeMap<_, _>>(),
        delta: share(any),
        window: any.maybe(|any| {
            let first = any.bits() >> 1;
            Window { first, last: first + any.below(1_000_000) }
        }),
        alpha: share(any),
        unconfirmed: any.yes(),
    }
}

fn domain(any: &mut Any, index: usize, checkpoints: usize, layers: usize, experts: usize) -> Domain {
    let c = checkpoints;
    Domain {
        name: format!("{}{index}", any.name()),
        samples: any.count(),
        items: any.count(),
        memorization: Memorization {
            eps: any.some(),
            eps_set_by_user: any.yes(),
            t_star: any.counts(c),
            memorized: any.count(),
            never: any.count(),
            causal_eps: any.some(),
            causal: causal_steps(any, c),
            fallen: any.count(),
        },
        generalization: any.maybe(|any| Generalization {
            t_sharp: any.counts(c),
            never: any.count(),
            causal: causal_steps(any, c),
        }),
        states: if any.yes() { Vec::new() } else { (0..c).map(|_| state(any)).collect() },
        expert_selections: if any.yes() {
            Vec::new()
        } else {
            (0..c).map(|_| any.maybe(|any| selections(any, layers, experts))).collect()
        },
        coactivation: if any.yes() || experts == 0 {
            Vec::new()
        } else {
            (0..layers)
                .map(|_| {
                    any.times(3, |any| CoactivationPair {
                        first: any.index(experts),
                        second: any.index(experts),
                        probability: any.figure(),
                    })
                })
                .collect()
        },
        delays: any.maybe(|any| delays(any, c)),
        correlations: any.times(4, |any| correlation(any, c)),
        clock: any.some(),
        changes: if c < 2 { Vec::new() } else { any.times(3, |any| change(any, c)) },
    }
}

fn change(any: &mut Any, checkpoints: usize) -> Change {
    let from = any.index(checkpoints - 1);
    Change {
        metric: "distance".to_owned(),
        group: any.group(),
        from,
        to: from + 1 + any.index(checkpoints - from - 1),
        ratio: any.figure().abs(),
        se_ratio: any.figure().abs(),
        half_width: any.figure().abs(),
        n: 3 + any.count(),
        requested: any.index(2) == 1,
    }
}

fn causal_steps(any: &mut Any, checkpoints: usize) -> CausalSteps {
    CausalSteps {
        first: any.counts(checkpoints),
        declared: any.counts(checkpoints),
        relapses: any.counts(checkpoints),
        ..CausalSteps::default()
    }
}

/// A state without what follows from other figures.
fn state(any: &mut Any) -> State {
    State {
        phase: [Phase::Learning, Phase::Memorized, Phase::Structuring, Phase::Diverging][any.index(4)],
        change: any.some(),
        se: any.some().map(f64::abs),
        ..State::default()
    }
}

fn selections(any: &mut Any, layers: usize, experts: usize) -> ExpertSelections {
    let mut layer = || (0..experts).map(|_| any.count() as u64).collect();
    (0..layers).map(|_| layer()).collect()
}

/// Courses of any metric in any order, each as its scope allows, and of a metric that is not known.
fn courses(any: &mut Any, domains: &[Domain], checkpoints: usize, layers: usize) -> Vec<Course> {
    let mut all: Vec<Course> = Vec::new();
    for _ in 0..if domains.is_empty() { 0 } else { any.below(60) } {
        let metric = METRICS.get(any.index(METRICS.len() + 1));
        let scope = metric.map(|metric| metric.scope);
        let of_run = scope.is_some_and(|scope| scope.whole_run);
        let index = any.index(domains.len());
        let domain = if of_run { String::new() } else { domains[index].name.clone() };
        let other = domains[any.index(domains.len())].name.clone();
        let may = |any: &mut Any, allowed: bool| allowed && any.below(3) == 0;
        let layered = match scope.map(|scope| scope.layers) {
            Some(Layers::Only) => true,
            Some(Layers::Never) => false,
            Some(Layers::Also) | None => any.yes(),
        };
        if layered && layers == 0 && scope.is_some_and(|scope| scope.layers == Layers::Only) {
            continue;
        }
        let course = Course {
            metric: metric.map_or("another", |metric| metric.id).to_owned(),
            domain,
            other_domain: may(any, scope.is_some_and(|scope| scope.domain_pairs)).then_some(other),
            group: if scope.is_none_or(|scope| scope.groups) { any.group() } else { Group::All },
            layer: (layered && layers > 0).then(|| any.index(layers)),
            tau: scope.is_some_and(|scope| scope.threshold).then(|| [0.5, 0.7, 0.123_456_789][any.index(3)]),
            t_star: (may(any, scope.is_some_and(|scope| scope.t_star)) && checkpoints > 0)
                .then(|| any.index(checkpoints)),
            n: any.maybe(|any| if any.yes() { any.below(100) } else { any.bits() }),
            pairs: any.maybe(Any::bits),
            values: any.series(checkpoints),
            se: any.maybe(|any| any.series(checkpoints)),
        };
        let key =
            |course: &Course| Course { n: None, pairs: None, values: Vec::new(), se: None, ..course.clone() };
        if !all.iter().any(|other| key(other) == key(&course)) {
            all.push(course);
        }
    }
    all
}

fn delays(any: &mut Any, checkpoints: usize) -> Delays {
    let most = if checkpoints > 0 { checkpoints.min(3) as u64 } else { 0 };
    let matched = |any: &mut Any| Matched { checkpoint: any.index(checkpoints), count: any.count() };
    let (train, test) = (any.times(most, matched), any.times(most, matched));
    let pairs = if train.is_empty() || test.is_empty() {
        Vec::new()
    } else {
        any.times(most, |any| Pair {
            train: any.index(train.len()),
            test: any.index(test.len()),
            delay: any.bits().cast_signed(),
            score: any.figure(),
        })
    };
    Delays {
        from_gates: any.yes(),
        scores: if any.yes() { Vec::new() } else { train.iter().map(|_| any.figures(test.len())).collect() },
        train,
        test,
        pairs,
        total: any.figure(),
        second_best_total: any.some(),
        null_share: any.some(),
        null_draws: any.bits(),
        null_exact: any.yes(),
    }
}

fn correlation(any: &mut Any, checkpoints: usize) -> Correlation {
    const METRICS: [&str; 5] = ["distance", "consistency", "loss", "entropy", "another"];
    Correlation {
        metric: METRICS[any.index(METRICS.len())].to_owned(),
        group: any.group(),
        n: any.index(checkpoints + 1),
        pearson: any.some(),
        spearman: any.some(),
        undefined: any.maybe(Any::name),
        increments_r: any.some(),
        increments_p: any.some(),
        increments_clock_p: any.some(),
        increments_orders: any.bits(),
        increments_exact: any.yes(),
        increments_undefined: any.maybe(Any::name),
        partial: any.some(),
        checkpoint_permutation_p: any.some(),
        checkpoint_permutation_p_spearman: any.some(),
        checkpoint_permutation_orders: any.bits(),
        checkpoint_permutation_exact: any.yes(),
    }
}
