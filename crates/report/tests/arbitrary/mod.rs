//! Reports that fit together and are otherwise as odd as can be: gaps, nothing at all, huge steps, names in any
//! script, figures of any size.

use std::collections::BTreeMap;

use report::{
    Checkpoint, Consistency, Correlation, CrossDomain, Delays, Distance, Domain, FORMAT, GateKind,
    Generalization, Group, LayerLoad, Load, Matched, Memorization, Note, NoteLevel, Pair, PairBudget, Report,
    Run, Saturation, Series, Settings, Spectrum, Sweep, TStarDistance, TopCoactivation, Unit, VERSION,
    Window,
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

    fn matrix(&mut self, rows: usize, columns: usize) -> Vec<Vec<Option<f64>>> {
        if self.yes() { Vec::new() } else { (0..rows).map(|_| self.series(columns)).collect() }
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
    let cross = any.times(if domains.is_empty() { 0 } else { 6 }, |any| CrossDomain {
        first: domains[any.index(domains.len())].name.clone(),
        second: domains[any.index(domains.len())].name.clone(),
        group: any.group(),
        pairs: any.bits(),
        mean: any.series(checkpoints.len()),
        se: any.series(checkpoints.len()),
    });
    Report {
        format: FORMAT.to_owned(),
        version: VERSION,
        made_by: any.name(),
        title: any.name(),
        rounded_to_bits: None,
        run: Run {
            model: any.maybe(Any::name),
            samples: any.count(),
            items: any.count(),
            layers,
            experts,
            top_k: any.maybe(|any| any.index(9)),
            gate_kind: if any.yes() { GateKind::SoftmaxMean } else { GateKind::SelectionFrequency },
            half_precision: any.yes(),
        },
        settings: if any.yes() { Settings::default() } else { settings(&mut any) },
        checkpoints,
        domains,
        cross,
        notes: any.times(3, |any| Note {
            level: if any.yes() { NoteLevel::Info } else { NoteLevel::Warning },
            text: any.name(),
        }),
    }
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
        },
        loss: any.series(c),
        loss_moving_average: any.series(c),
        validation_loss: any.maybe(|any| any.series(c)),
        accuracy: any.maybe(|any| any.series(c)),
        generalization: any.maybe(|any| Generalization { t_sharp: any.counts(c), never: any.count() }),
        distance: any.times(2, |any| {
            // Intervals are what the standard errors make of them, or they would share the step of these.
            let se: Series = any.series(c).into_iter().map(|se| se.map(f64::abs)).collect();
            let ci = se.iter().map(|se| se.map(|se| 1.75 * se)).collect();
            Distance {
                group: any.group(),
                samples: any.count(),
                pairs: any.bits(),
                all_pairs: any.bits(),
                mean: any.series(c),
                se,
                ci,
                normalised: any.series(c),
                normalised_se: any.series(c),
                length: any.series(c),
            }
        }),
        null_distance: any.series(c),
        structure: any.series(c),
        sweep: any.times(3, |any| Sweep {
            tau: if any.yes() { 0.5 } else { any.figure() },
            group: any.group(),
            pairs: any.bits(),
            mean: any.series(c),
            se: any.series(c),
        }),
        distance_by_layer: any.matrix(c, layers),
        distance_by_t_star: any.times(c.min(3) as u64, |any| TStarDistance {
            checkpoint: any.index(c),
            samples: any.count(),
            mean: any.series(c),
        }),
        consistency: any.times(2, |any| Consistency {
            group: any.group(),
            median: any.series(c),
            lower: any.series(c),
            upper: any.series(c),
            mean: any.series(c),
            mean_c: any.series(c),
            smoothness: any.series(c),
            undefined: any.series(c),
        }),
        spectrum: any.times(2, |any| Spectrum {
            group: any.group(),
            samples: any.count(),
            mean: any.series(c),
            by_layer: any.matrix(c, layers),
        }),
        entropy: any.series(c),
        entropy_by_layer: any.matrix(c, layers),
        token_entropy: any.series(c),
        load: if any.yes() {
            Vec::new()
        } else {
            (0..c).map(|_| any.maybe(|any| load(any, layers, experts))).collect()
        },
        saturation: if any.yes() {
            Vec::new()
        } else {
            (0..c).map(|_| any.maybe(|any| saturation(any, layers))).collect()
        },
        coactivation: if any.yes() || experts == 0 {
            Vec::new()
        } else {
            (0..layers)
                .map(|_| {
                    any.times(3, |any| TopCoactivation {
                        first: any.index(experts),
                        second: any.index(experts),
                        probability: any.figure(),
                    })
                })
                .collect()
        },
        delays: any.maybe(|any| delays(any, c)),
        correlations: any.times(4, |any| correlation(any, c)),
    }
}

fn load(any: &mut Any, layers: usize, experts: usize) -> Load {
    let layer = |any: &mut Any| LayerLoad {
        counts: (0..experts).map(|_| any.count() as u64).collect(),
        max_over_mean: any.some(),
        cv: any.some(),
        never_used: any.index(experts + 1),
    };
    Load { layers: (0..layers).map(|_| layer(any)).collect() }
}

fn saturation(any: &mut Any, layers: usize) -> Saturation {
    Saturation {
        k: any.figure(),
        k_by_layer: if any.yes() { Vec::new() } else { any.figures(layers) },
        top1: any.some(),
        top1_by_layer: any.maybe(|any| any.figures(layers)),
    }
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
    }
}

fn correlation(any: &mut Any, checkpoints: usize) -> Correlation {
    const METRICS: [&str; 5] = ["distance", "consistency", "loss", "entropy", "another"];
    Correlation {
        metric: METRICS[any.index(METRICS.len())].to_owned(),
        group: any.group(),
        n: any.index(checkpoints + 1),
        pearson: any.some(),
        pearson_p: any.some(),
        spearman: any.some(),
        spearman_p: any.some(),
        orders: any.bits(),
        exact: any.yes(),
        undefined: any.maybe(Any::name),
    }
}
