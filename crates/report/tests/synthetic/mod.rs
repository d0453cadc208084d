//! Realistic synthetic reports: smooth courses with noise that domains, groups and figures partly
//! share.

use report::{
    CausalSteps, Change, Checkpoint, CoactivationPair, Course, Delays, Domain, ExpertSelections, FORMAT,
    GateKind, Generalization, Group, Matched, Memorization, Note, NoteLevel, Pair, Phase, Report, Run,
    Series, Settings, State, VERSION, derive,
};

/// Small seeded generator.
pub struct Draw {
    state: u64,
    noise: f64,
}

impl Draw {
    pub fn new(seed: u64, noise: f64) -> Self {
        Self { state: seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1, noise }
    }

    /// In `[0, 1)`.
    pub fn unit(&mut self) -> f64 {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        (self.state >> 11) as f64 / 9_007_199_254_740_992.0
    }

    /// About normal, mean 0, deviation `noise`.
    pub fn normal(&mut self) -> f64 {
        ((0..12).map(|_| self.unit()).sum::<f64>() - 6.0) * self.noise
    }

    pub fn below(&mut self, limit: usize) -> usize {
        (self.unit() * limit as f64) as usize
    }
}

/// Size of a run.
#[derive(Clone, Copy)]
pub struct Size {
    /// How noisy the courses are: 1 for checkpoints far apart, less for those that follow closely.
    pub noise: f64,
    pub samples: usize,
    pub items: usize,
    pub layers: usize,
    pub experts: usize,
}

pub const OLMOE: Size = Size { samples: 10_000, items: 1_000, layers: 16, experts: 64, noise: 1.0 };
/// The same, followed closely.
pub const OLMOE_CLOSELY: Size = Size { noise: 0.5, ..OLMOE };

pub const SMALL: Size = Size { samples: 370, items: 159, layers: 4, experts: 8, noise: 1.0 };

pub const PAPER_STEPS: [u64; 10] =
    [5_000, 125_000, 245_000, 370_000, 490_000, 615_000, 735_000, 855_000, 980_000, 1_100_000];

pub const DEMO_STEPS: [u64; 33] = [
    0, 25, 50, 100, 150, 200, 300, 400, 500, 750, 1_000, 1_500, 2_000, 2_500, 3_000, 3_500, 4_000, 4_500,
    5_000, 5_500, 6_000, 6_500, 7_000, 7_500, 8_000, 8_500, 9_000, 9_500, 10_000, 10_500, 11_000, 11_500,
    12_000,
];

pub const DOMAINS: [&str; 4] = ["math", "code", "commonsense", "domain"];

/// Every 5,000 steps.
pub fn many_steps(count: u64) -> Vec<u64> {
    (1..=count).map(|index| 5_000 * index).collect()
}

fn course(checkpoints: usize, mut figure: impl FnMut(usize) -> f64) -> Series {
    (0..checkpoints).map(|place| Some(figure(place))).collect()
}

/// How far the training has come, and noise that all figures of a checkpoint share.
struct Training {
    done: Vec<f64>,
    shared: Vec<f64>,
}

/// A report of that size; `full` adds everything that is not in every link.
pub fn report(steps: &[u64], size: Size, domains: &[&str], seed: u64, full: bool) -> Report {
    let mut draw = Draw::new(seed, size.noise);
    let last = steps.last().copied().unwrap_or(1).max(1) as f64;
    let training = Training {
        done: steps.iter().map(|step| *step as f64 / last).collect(),
        shared: steps.iter().map(|_| draw.normal()).collect(),
    };
    let (domains, courses): (Vec<Domain>, Vec<Vec<Course>>) =
        domains.iter().map(|name| domain(name, steps, &training, size, &mut draw, full)).unzip();
    let mut courses: Vec<Course> = courses.into_iter().flatten().collect();
    courses.extend(pairs_of_domains(&domains, &courses, steps.len(), &mut draw));
    let mut report = Report {
        format: FORMAT.to_owned(),
        version: VERSION,
        made_by: "grokscope 0.1.0".to_owned(),
        title: "OLMoE, the paper's ten checkpoints".to_owned(),
        rounded_to_bits: None,
        shortened: None,
        run: Run {
            model: Some("OLMoE-1B-7B-0924".to_owned()),
            samples: size.samples * domains.len(),
            items: size.items * domains.len(),
            layers: size.layers,
            experts: size.experts,
            top_k: Some(8),
            gate_kind: GateKind::SoftmaxMean,
            half_precision: true,
        },
        settings: Settings::default(),
        checkpoints: steps
            .iter()
            .map(|step| Checkpoint { step: *step, tokens: Some(step * 4_194_304) })
            .collect(),
        domains,
        courses,
        exchange: Vec::new(),
        claims: Vec::new(),
        notes: vec![Note {
            level: NoteLevel::Warning,
            text:
                "Samples whose loss only settles at the last checkpoint are unconfirmed (their drift is 0 by \
                   construction) and take no part in the pairing."
                    .to_owned(),
        }],
    };
    derive::states(&mut report);
    derive::complete(&mut report);
    derive::relate(&mut report, derive::CheckpointPermutations::Tried);
    report.claims = report::claims(&report);
    report
}

fn counts(total: usize, places: usize, draw: &mut Draw, early: f64) -> Vec<usize> {
    let mut counts = vec![0; places];
    for _ in 0..total {
        let place = draw.unit() * draw.unit() * early;
        let place = (place * places as f64) as usize;
        if let Some(count) = counts.get_mut(place) {
            *count += 1;
        }
    }
    counts
}

/// Causal steps like the paper's: declared two checkpoints later, the first ones together; a third
/// of the members relapse once.
fn causal_steps(steps: &[usize], draw: &mut Draw) -> CausalSteps {
    let places = steps.len();
    let mut found = CausalSteps {
        first: vec![0; places],
        declared: vec![0; places],
        relapses: vec![0; places],
        ..CausalSteps::default()
    };
    let fixed = (places / 8).max(3);
    for (at, &count) in steps.iter().enumerate().take(places.saturating_sub(2)) {
        let known = (at + 2).max(fixed);
        if known >= places {
            continue;
        }
        found.first[at] = count;
        found.declared[known] += count;
        for _ in 0..count / 3 {
            let later = known + draw.below(places - known);
            found.relapses[later] += 1;
        }
    }
    found
}

/// States whose changes fall slowly; what follows from others is added by `derive::states`.
fn states(causal: &CausalSteps, samples: usize, done: &[f64], draw: &mut Draw) -> Vec<State> {
    let mut declared = 0;
    let mut states = Vec::new();
    let mut phase = Phase::Learning;
    for (at, count) in causal.declared.iter().enumerate() {
        let before = declared;
        declared += count;
        if 5 * declared >= samples {
            phase = if done[at] > 0.4 { Phase::Structuring } else { Phase::Memorized };
        }
        let tested = before > 0 && 5 * declared >= samples && 2 * before >= declared;
        states.push(State {
            phase,
            change: tested.then(|| 0.01 - 0.15 * done[at] + 0.004 * draw.normal()),
            se: tested.then(|| 0.012 + 0.002 * draw.unit()),
            ..State::default()
        });
    }
    states
}

#[expect(clippy::too_many_lines, reason = "one metric after the other, as the table lists them")]
fn domain(
    name: &str,
    steps: &[u64],
    training: &Training,
    size: Size,
    draw: &mut Draw,
    full: bool,
) -> (Domain, Vec<Course>) {
    let checkpoints = steps.len();
    let Size { samples, items, layers, experts, noise: _ } = size;
    let Training { done, shared } = training;
    let of = |metric: &str, group: Group, values: Series| Course {
        metric: metric.to_owned(),
        domain: name.to_owned(),
        group,
        values,
        ..Course::default()
    };
    let mut courses = Vec::new();
    let level = draw.unit();
    let loss = course(checkpoints, |c| {
        1.6 + level + 8.0 / (1.0 + 60.0 * done[c]) + 0.012 * shared[c] + 0.006 * draw.normal()
    });
    let validation_loss =
        course(checkpoints, |c| loss[c].unwrap_or(0.0) + 0.05 + 0.2 * done[c] + 0.008 * draw.normal());
    let accuracy: Series = course(checkpoints, |c| {
        let sure = 0.25 + 0.5 * done[c] / (done[c] + 0.3);
        let right =
            (sure * items as f64 + (sure * (1.0 - sure) * items as f64).sqrt() * draw.normal()).round();
        (right.clamp(0.0, items as f64)) / items as f64
    });
    let t_star = counts(samples / 4, checkpoints, draw, 1.3);
    let t_sharp = counts(items / 2, checkpoints, draw, 1.5);
    let memorized = t_star.iter().rev().skip(1).sum::<usize>();
    // The causal figures draw from a source of their own.
    let mut own = Draw::new(draw.state ^ 0x5DEE_CE66, draw.noise);
    let (causal, causal_items) = (causal_steps(&t_star, &mut own), causal_steps(&t_sharp, &mut own));
    let states = states(&causal, samples, done, &mut own);
    let declared = causal.first.iter().sum::<usize>();
    let generalization = Generalization {
        never: items - t_sharp.iter().sum::<usize>(),
        t_sharp: t_sharp.clone(),
        causal: causal_items.clone(),
    };
    let n_of = |group: Group| Some(if group == Group::All { samples } else { declared } as u64);
    courses.push(Course { n: n_of(Group::All), ..of("loss", Group::All, loss) });
    courses.push(of("validation_loss", Group::All, validation_loss));
    courses.push(Course { n: Some(items as u64), ..of("accuracy", Group::All, accuracy) });

    let scale = (layers * experts) as f64 / 1_024.0;
    let length = course(checkpoints, |c| {
        scale
            * (590.0 + 20.0 * level - 30.0 * done[c]
                + 15.0 / (1.0 + 90.0 * done[c])
                + 0.8 * shared[c]
                + 0.6 * draw.normal())
    });
    let mean = course(checkpoints, |c| {
        let rise = 60.0 * done[c] / (done[c] + 0.05) - 75.0 * done[c] / (done[c] + 0.5);
        scale * (500.0 + 25.0 * level + rise + 1.1 * shared[c] + 0.9 * draw.normal())
    });
    let null = course(checkpoints, |c| 0.955 * length[c].unwrap_or(0.0) + 0.05 * draw.normal());
    let tau = Some(0.7);
    courses.push(Course { tau, n: n_of(Group::All), ..of("null_distance", Group::All, null) });
    for group in [Group::All, Group::Memorized] {
        let n = n_of(group);
        let error = 60.0 * scale / (n.unwrap_or(0).max(3) as f64).sqrt();
        let shift = if group == Group::All { 0.0 } else { 1.0 };
        let mean = course(checkpoints, |c| {
            mean[c].unwrap_or(0.0) - shift * scale * (9.0 + 6.0 * done[c] + 0.8 * draw.normal())
        });
        let length =
            course(checkpoints, |c| length[c].unwrap_or(0.0) - shift * scale * (5.0 + 0.5 * draw.normal()));
        let se = course(checkpoints, |c| error * (1.0 + 0.2 * done[c] + 0.02 * draw.normal()));
        let normalised = course(checkpoints, |c| {
            0.965 * mean[c].unwrap_or(0.0) / length[c].unwrap_or(1.0) + 0.000_4 * draw.normal()
        });
        let normalised_se = course(checkpoints, |c| {
            1.08 * se[c].unwrap_or(0.0) / length[c].unwrap_or(1.0) * (1.0 + 0.01 * draw.normal())
        });
        let pairs = Some(12_500);
        for tau in [0.5, 0.6, 0.8].into_iter().filter(|_| full) {
            let factor = tau / 0.7;
            let values =
                mean.iter().map(|mean| mean.map(|mean| mean * factor + 0.4 * draw.normal())).collect();
            let se = se.iter().map(|se| se.map(|se| se * factor * (1.0 + 0.01 * draw.normal()))).collect();
            let tau = Some(tau);
            courses.push(Course { tau, n, pairs, se: Some(se), ..of("distance", group, values) });
        }
        courses.push(Course { tau, n, pairs, se: Some(se), ..of("distance", group, mean) });
        let se = Some(normalised_se);
        courses.push(Course { tau, n, pairs, se, ..of("distance_normalised", group, normalised) });
        courses.push(Course { tau, n, ..of("pathway_length", group, length) });
    }

    let base = course(checkpoints, |c| {
        0.62 + 0.1 * done[c] / (done[c] + 0.2) + 0.003 * shared[c] + 0.002 * draw.normal()
    });
    for group in [Group::All, Group::Memorized] {
        let shift = if group == Group::All { 0.0 } else { 0.01 };
        let median = course(checkpoints, |c| base[c].unwrap_or(0.0) + shift + 0.001 * draw.normal());
        let around = |offset: f64, draw: &mut Draw| {
            course(checkpoints, |c| {
                median[c].unwrap_or(0.0) + offset * (1.0 - 0.2 * done[c]) + 0.001 * draw.normal()
            })
        };
        let (mean, lower, upper) = (around(-0.006, draw), around(-0.05, draw), around(0.05, draw));
        let smoothness =
            course(checkpoints, |c| 0.9 * median[c].unwrap_or(0.0) - 0.2 + 0.001 * draw.normal());
        for (metric, values) in [
            ("consistency", median),
            ("consistency_lower", lower),
            ("consistency_upper", upper),
            ("consistency_mean", mean),
            ("smoothness", smoothness),
            ("consistency_undefined", course(checkpoints, |_| 0.0)),
        ] {
            courses.push(Course { n: n_of(group), ..of(metric, group, values) });
        }
    }

    for group in [Group::All, Group::Memorized] {
        let dimension = course(checkpoints, |c| {
            18.0 + 14.0 * done[c] / (done[c] + 0.1) + 0.1 * shared[c] + 0.06 * draw.normal()
        });
        courses.push(Course { n: n_of(group), ..of("effective_dimension", group, dimension) });
    }
    let entropy = course(checkpoints, |c| 3.9 - 0.3 * done[c] + 0.001_5 * shared[c] + 0.001 * draw.normal());
    if full {
        let token_entropy = course(checkpoints, |c| entropy[c].unwrap_or(0.0) - 0.8 + 0.002 * draw.normal());
        courses.push(of("token_entropy", Group::All, token_entropy));
        courses.extend(by_layer(name, layers, training, draw));
        courses.extend(by_t_star(name, &causal.first, checkpoints, draw));
    }
    courses.push(Course { n: n_of(Group::All), ..of("entropy", Group::All, entropy) });

    let domain = Domain {
        name: name.to_owned(),
        samples,
        items,
        memorization: Memorization {
            eps: Some(((2.2 + level) * 10.0).round() / 10.0),
            eps_set_by_user: false,
            never: samples - t_star.iter().sum::<usize>(),
            memorized,
            t_star: t_star.clone(),
            causal_eps: Some(((2.3 + level) * 10.0).round() / 10.0),
            fallen: causal.first.iter().sum(),
            causal: causal.clone(),
        },
        generalization: Some(generalization),
        states,
        expert_selections: if full {
            (0..checkpoints).map(|_| Some(selections(size, draw))).collect()
        } else {
            Vec::new()
        },
        coactivation: if full {
            (0..layers).map(|_| coactivation(experts, draw)).collect()
        } else {
            Vec::new()
        },
        delays: Some(delays(steps, &causal.first, &causal_items.first, draw)),
        correlations: Vec::new(),
        clock: None,
        changes: Vec::new(),
    };
    let changes = changes(steps.len() - 1, &domain, &courses, level);
    (Domain { changes, ..domain }, courses)
}

/// Changes from the onset to the last checkpoint, which take no random numbers.
fn changes(to: usize, domain: &Domain, courses: &[Course], level: f64) -> Vec<Change> {
    let change = |group: Group, from: usize, n: usize| {
        let distance = courses
            .iter()
            .find(|course| course.tau == Some(0.7) && course.is(&domain.name, "distance", group));
        let at = |place: usize| distance.and_then(|course| course.values[place]).unwrap_or(1.0);
        let ratio = at(to) / at(from);
        let se_ratio = 0.11 * (1.3 + level) / (n as f64).sqrt();
        let metric = "distance".to_owned();
        let change = Change { metric, group, from, to, ratio, se_ratio, n, ..Change::default() };
        (from < to && n >= 3).then(|| Change { half_width: derive::half_width(&change), ..change })
    };
    let from = pathway::half_by(&domain.memorization.causal.first).unwrap_or(0);
    let both = [
        change(Group::Memorized, from, domain.memorization.causal.first.iter().sum()),
        change(Group::All, 0, domain.samples),
    ];
    both.into_iter().flatten().collect()
}

/// Courses of single layers.
fn by_layer(name: &str, layers: usize, training: &Training, draw: &mut Draw) -> Vec<Course> {
    let Training { done, shared } = training;
    let mut all = Vec::new();
    for (metric, group, from, spread) in [
        ("layer_distance", Group::All, 32.0, 0.1),
        ("effective_dimension", Group::All, 24.0, 0.1),
        ("effective_dimension", Group::Memorized, 23.0, 0.1),
        ("entropy", Group::All, 3.8, 0.002),
        ("saturation_k", Group::All, 0.95, 0.01),
        ("saturation_top1", Group::All, 0.9, 0.01),
    ] {
        let saturation = metric.starts_with("saturation");
        let whole = saturation.then_some(None);
        for layer in (0..layers).map(Some).chain(whole) {
            let values = course(done.len(), |c| {
                let noise = spread * (shared[c] + draw.normal());
                if saturation {
                    (from * done[c] / (done[c] + 0.05) + noise).clamp(0.0, 1.0)
                } else {
                    from * (1.0 + 0.02 * layer.unwrap_or(0) as f64 - 0.1 * done[c]) + noise
                }
            });
            let tau = (metric == "layer_distance").then_some(0.7);
            let (metric, domain) = (metric.to_owned(), name.to_owned());
            all.push(Course { metric, domain, group, layer, tau, values, ..Course::default() });
        }
    }
    all
}

/// Distances inside the groups of equal memorization step.
fn by_t_star(name: &str, t_star: &[usize], checkpoints: usize, draw: &mut Draw) -> Vec<Course> {
    let groups = t_star.iter().enumerate().filter(|(_, count)| **count > 0);
    groups
        .map(|(checkpoint, count)| Course {
            metric: "distance".to_owned(),
            domain: name.to_owned(),
            tau: Some(0.7),
            t_star: Some(checkpoint),
            n: Some(*count as u64),
            values: if *count > 1 {
                course(checkpoints, |_| 500.0 + 3.0 * draw.normal())
            } else {
                vec![None; checkpoints]
            },
            ..Course::default()
        })
        .collect()
}

fn selections(size: Size, draw: &mut Draw) -> ExpertSelections {
    let mut layer = || (0..size.experts).map(|_| 1_000 + draw.below(500) as u64).collect();
    (0..size.layers).map(|_| layer()).collect()
}

fn coactivation(experts: usize, draw: &mut Draw) -> Vec<CoactivationPair> {
    (0..8.min(experts))
        .map(|_| CoactivationPair {
            first: draw.below(experts),
            second: draw.below(experts),
            probability: 0.3 + 0.4 * draw.unit(),
        })
        .collect()
}

fn delays(steps: &[u64], t_star: &[usize], t_sharp: &[usize], draw: &mut Draw) -> Delays {
    let groups = |counts: &[usize], used: usize| -> Vec<Matched> {
        let used = counts.iter().take(used).enumerate().filter(|(_, count)| **count > 0);
        used.map(|(checkpoint, count)| Matched { checkpoint, count: *count }).collect()
    };
    let (train, test) = (groups(t_star, t_star.len()), groups(t_sharp, t_sharp.len()));
    let scores: Vec<Vec<f64>> =
        train.iter().map(|_| test.iter().map(|_| 0.3 + 0.2 * draw.unit()).collect()).collect();
    let pairs: Vec<Pair> = (0..train.len().min(test.len()))
        .map(|index| Pair {
            train: index,
            test: index,
            delay: steps[test[index].checkpoint].cast_signed() - steps[train[index].checkpoint].cast_signed(),
            score: scores[index][index],
        })
        .collect();
    let total = pairs.iter().map(|pair| pair.score).sum();
    Delays {
        from_gates: true,
        train,
        test,
        scores,
        pairs,
        total,
        second_best_total: Some(total - 0.01 * draw.unit()),
        null_share: Some(((draw.unit() * 1_000.0).floor() + 1.0) / 1_000.0),
        null_draws: 999,
        null_exact: false,
    }
}

fn pairs_of_domains(
    domains: &[Domain],
    courses: &[Course],
    checkpoints: usize,
    draw: &mut Draw,
) -> Vec<Course> {
    let distance = |domain: &Domain| {
        let at =
            |course: &&Course| course.tau == Some(0.7) && course.is(&domain.name, "distance", Group::All);
        courses.iter().find(at)
    };
    let mut all = Vec::new();
    for (index, first) in domains.iter().enumerate() {
        for second in domains.iter().skip(index + 1) {
            let (Some(a), Some(b)) = (distance(first), distance(second)) else { continue };
            all.push(Course {
                metric: "distance".to_owned(),
                domain: first.name.clone(),
                other_domain: Some(second.name.clone()),
                tau: Some(0.7),
                pairs: Some(8_333),
                values: course(checkpoints, |c| {
                    let middle = 0.5 * (a.values[c].unwrap_or(0.0) + b.values[c].unwrap_or(0.0));
                    middle + 14.0 + 0.7 * draw.normal()
                }),
                se: Some(course(checkpoints, |_| 0.9 * (1.0 + 0.02 * draw.normal()))),
                ..Course::default()
            });
        }
    }
    all
}
