//! Reports to draw: a small one built by hand, and ragged ones that no analysis would make.

use report::*;

/// Names that a page or a specification might act on.
pub const NASTY: [&str; 8] = [
    "<script>alert(1)</script>",
    "a.b[0]",
    "it's \"quoted\"",
    "image",
    "title",
    "",
    "datum['x']",
    "{\"signal\":\"1\"}",
];

fn some(values: &[f64]) -> Series {
    values.iter().copied().map(Some).collect()
}

/// The courses of a domain of [`small`].
fn courses(domain: &str, shift: f64) -> Vec<Course> {
    let course = |metric: &str, group: Group, values: Series| Course {
        metric: metric.into(),
        domain: domain.into(),
        group,
        n: Some(if group == Group::All { 200 } else { 50 }),
        values,
        ..Course::default()
    };
    let (all, memorized) = (Group::All, Group::Memorized);
    let tau = Some(0.7);
    let mut courses = vec![
        course("loss", all, some(&[3.2, 1.5 + shift, 1.1, 1.0, 1.0])),
        course("accuracy", all, some(&[0.2, 0.21, 0.4, 0.8, 0.93])),
        Course { tau, ..course("null_distance", all, some(&[15.0; 5])) },
        course("consistency", memorized, vec![Some(0.5), Some(0.6), None, Some(0.7), Some(0.8)]),
        course("consistency_lower", memorized, vec![Some(0.48), Some(0.55), None, Some(0.65), Some(0.75)]),
        course("consistency_upper", memorized, vec![Some(0.52), Some(0.65), None, Some(0.75), Some(0.85)]),
        course("consistency_mean", memorized, some(&[0.5, 0.6, 0.6, 0.7, 0.8])),
        course("smoothness", memorized, some(&[0.1, 0.2, 0.3, 0.35, 0.4])),
        course("consistency_undefined", memorized, some(&[0.0; 5])),
        course("effective_dimension", memorized, some(&[3.5, 3.0, 2.9, 2.5, 2.2])),
        course("entropy", all, some(&[1.38, 1.3, 1.2, 1.1, 1.0])),
        course("token_entropy", all, vec![None; 5]),
        course("saturation_k", all, some(&[0.7; 5])),
        course("saturation_top1", all, some(&[0.5; 5])),
        Course {
            tau,
            t_star: Some(1),
            n: Some(30),
            ..course("distance", all, some(&[10.0, 12.0, 11.0, 10.5, 10.0]))
        },
    ];
    for group in [all, memorized] {
        let mean = some(&[10.0, 12.0, 11.0, 10.5 + shift, 10.0 + shift]);
        let (pairs, se) = (Some(1225), Some(some(&[0.1; 5])));
        courses.push(Course { tau, pairs, se: se.clone(), ..course("distance", group, mean) });
        let half = some(&[0.2; 5]);
        courses.push(Course { tau, ..course("distance_ci", group, half) });
        let normalised = course("distance_normalised", group, some(&[0.5, 0.6, 0.55, 0.52, 0.5]));
        courses.push(Course { tau, pairs, se: Some(some(&[0.01; 5])), ..normalised });
        courses.push(Course { tau, ..course("pathway_length", group, some(&[20.0; 5])) });
        let other = course("distance", group, some(&[10.0, 12.0, 11.0, 10.5, 10.0]));
        courses.push(Course { tau: Some(0.5), pairs, se, ..other });
    }
    for layer in [0, 1] {
        let distance = (0..5).map(|at| Some(if layer == 0 { 4.0 - 0.25 * f64::from(at) } else { 5.0 }));
        courses.push(Course { tau, ..course("layer_distance", all, distance.collect()) });
        courses.push(course("effective_dimension", memorized, some(&[3.5; 5])));
        courses.push(course("entropy", all, vec![(layer == 0).then_some(1.3); 5]));
        courses.push(course("saturation_k", all, vec![Some([0.6, 0.8][layer]); 5]));
        courses.push(course("saturation_top1", all, vec![Some([0.4, 0.6][layer]); 5]));
        courses.iter_mut().rev().take(5).for_each(|course| course.layer = Some(layer));
    }
    courses
}

/// States of a domain of [`small`]: the distance is tested once.
fn states() -> Vec<State> {
    let tested = State {
        phase: Phase::Memorized,
        reference: Some(3),
        look: Some(1),
        level: Some(0.030_396),
        change: Some(-0.05),
        se: Some(0.02),
        lower: Some(-0.088),
        upper: Some(-0.012),
    };
    let mut states = vec![State::default(); 5];
    (states[3].reference, states[4]) = (Some(3), tested);
    states
}

/// Two domains, five checkpoints, two layers of four experts, three values missing, a pairing in the first domain.
pub fn small() -> Report {
    let steps = [0_u64, 1000, 2000, 3000, 4000];
    let domain = |name: &str, shift: f64| Domain {
        name: name.into(),
        samples: 200,
        items: 100,
        memorization: Memorization {
            eps: Some(1.1),
            eps_set_by_user: false,
            t_star: vec![0, 30, 16, 4, 2],
            memorized: 50,
            never: 148,
            causal_eps: Some(1.1),
            causal: CausalSteps {
                first: vec![0, 30, 20, 0, 0],
                declared: vec![0, 0, 0, 30, 20],
                relapses: vec![0, 0, 0, 0, 3],
                never: 150,
                half: Some(1),
            },
            fallen: 45,
        },
        generalization: Some(Generalization {
            t_sharp: vec![0, 1, 10, 50, 12],
            never: 27,
            causal: CausalSteps {
                first: vec![0, 1, 10, 0, 0],
                declared: vec![0, 0, 0, 1, 10],
                relapses: vec![0; 5],
                never: 89,
                half: Some(2),
            },
        }),
        states: states(),
        expert_selections: vec![Some(vec![vec![1, 2, 0, 5]; 2]); 5],
        coactivation: vec![vec![CoactivationPair { first: 3, second: 1, probability: 0.8 }], Vec::new()],
        delays: (shift == 0.0).then(|| Delays {
            from_gates: true,
            train: vec![Matched { checkpoint: 1, count: 30 }, Matched { checkpoint: 2, count: 16 }],
            test: vec![
                Matched { checkpoint: 2, count: 10 },
                Matched { checkpoint: 3, count: 50 },
                Matched { checkpoint: 4, count: 12 },
            ],
            scores: vec![vec![0.91, 0.95, 0.9], vec![0.9, 0.92, 0.94]],
            pairs: vec![
                Pair { train: 0, test: 1, delay: 2000, score: 0.95 },
                Pair { train: 1, test: 2, delay: 2000, score: 0.94 },
            ],
            total: 1.89,
            second_best_total: Some(1.83),
            null_share: Some(0.34),
            null_draws: 999,
            null_exact: false,
        }),
        correlations: vec![
            correlation("distance", if shift == 0.0 { -0.9 } else { 0.1 }),
            correlation("consistency", 0.95),
        ],
        clock: Some(0.9),
        changes: vec![Change {
            metric: "distance".into(),
            group: Group::Memorized,
            from: 2,
            to: 4,
            ratio: if shift == 0.0 { 0.8 } else { 1.01 },
            se_ratio: 0.02,
            half_width: 0.04,
            n: 100,
            requested: false,
        }],
    };
    let between = Course {
        metric: "distance".into(),
        domain: "math".into(),
        other_domain: Some("code".into()),
        tau: Some(0.7),
        pairs: Some(400),
        values: some(&[14.0; 5]),
        se: Some(some(&[0.1; 5])),
        ..Course::default()
    };
    let mut report = Report {
        format: FORMAT.into(),
        version: VERSION,
        made_by: "a test".into(),
        title: "Small".into(),
        rounded_to_bits: None,
        shortened: None,
        run: Run {
            model: Some("small".into()),
            samples: 400,
            items: 200,
            layers: 2,
            experts: 4,
            top_k: Some(2),
            gate_kind: GateKind::SoftmaxMean,
            half_precision: false,
        },
        settings: Settings::default(),
        checkpoints: steps.map(|step| Checkpoint { step, tokens: Some(step * 4_194_304) }).to_vec(),
        domains: vec![domain("math", 0.0), domain("code", 2.0)],
        courses: [courses("math", 0.0), courses("code", 2.0), vec![between]].concat(),
        exchange: Vec::new(),
        claims: Vec::new(),
        notes: Vec::new(),
    };
    derive::complete(&mut report);
    report.claims = claims(&report);
    report
}

fn correlation(metric: &str, r: f64) -> Correlation {
    Correlation {
        metric: metric.into(),
        group: Group::Memorized,
        n: 5,
        pearson: Some(r),
        spearman: Some(r),
        increments_r: Some(r),
        increments_p: Some(if r.abs() > 0.5 { 1.0 / 24.0 } else { 0.8 }),
        increments_clock_p: Some(if r.abs() > 0.5 { 1.0 / 24.0 } else { 0.7 }),
        increments_orders: 24,
        increments_exact: true,
        partial: Some(0.8 * r),
        checkpoint_permutation_p: Some(if r.abs() > 0.5 { 0.025 } else { 0.8 }),
        checkpoint_permutation_p_spearman: Some(if r.abs() > 0.5 { 0.033 } else { 0.8 }),
        checkpoint_permutation_orders: 120,
        checkpoint_permutation_exact: true,
        ..Correlation::default()
    }
}

/// A source of small decisions.
pub struct Dice(pub u64);

impl Dice {
    /// A number below `sides`.
    pub fn roll(&mut self, sides: u64) -> u64 {
        // The finaliser of splitmix64.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (word ^ (word >> 31)) % sides.max(1)
    }

    fn number(&mut self) -> f64 {
        match self.roll(16) {
            0 => f64::NAN,
            1 => f64::INFINITY,
            2 => -f64::MAX,
            3 => f64::MIN_POSITIVE,
            4 => 0.0,
            5 => f64::MAX,
            _ => self.roll(2000) as f64 / 100.0 - 5.0,
        }
    }

    fn option<T>(&mut self, make: impl FnOnce(&mut Self) -> T) -> Option<T> {
        (self.roll(4) > 0).then(|| make(self))
    }

    fn list<T>(&mut self, most: u64, make: impl Fn(&mut Self) -> T) -> Vec<T> {
        (0..self.roll(most + 1)).map(|_| make(self)).collect()
    }

    fn series(&mut self) -> Series {
        self.list(9, |dice| dice.option(Self::number))
    }

    fn index(&mut self) -> usize {
        if self.roll(12) == 0 { usize::MAX } else { self.roll(9) as usize }
    }

    fn big(&mut self) -> u64 {
        if self.roll(6) == 0 { u64::MAX } else { self.roll(5000) }
    }

    fn group(&mut self) -> Group {
        if self.roll(2) == 0 { Group::All } else { Group::Memorized }
    }

    fn text(&mut self) -> String {
        NASTY[self.roll(NASTY.len() as u64) as usize].to_owned()
    }

    fn causal_steps(&mut self) -> CausalSteps {
        CausalSteps {
            first: self.list(9, Self::index),
            declared: self.list(9, Self::index),
            relapses: self.list(9, Self::index),
            never: self.index(),
            half: self.option(Self::index),
        }
    }

    fn state(&mut self) -> State {
        State {
            phase: [Phase::Learning, Phase::Memorized, Phase::Structuring, Phase::Diverging]
                [self.roll(4) as usize],
            reference: self.option(Self::index),
            look: self.option(Self::big),
            level: self.option(Self::number),
            change: self.option(Self::number),
            se: self.option(Self::number),
            lower: self.option(Self::number),
            upper: self.option(Self::number),
        }
    }

    fn domain(&mut self) -> Domain {
        Domain {
            name: self.text(),
            samples: self.index(),
            items: self.index(),
            memorization: Memorization {
                eps: self.option(Self::number),
                eps_set_by_user: self.roll(2) == 0,
                t_star: self.list(9, Self::index),
                memorized: self.index(),
                never: self.index(),
                causal_eps: self.option(Self::number),
                causal: self.causal_steps(),
                fallen: self.index(),
            },
            generalization: self.option(|dice| Generalization {
                t_sharp: dice.list(9, Self::index),
                never: dice.index(),
                causal: dice.causal_steps(),
            }),
            states: self.list(9, Self::state),
            expert_selections: self
                .list(9, |dice| dice.option(|dice| dice.list(3, |dice| dice.list(5, Self::big)))),
            coactivation: self.list(3, |dice| {
                dice.list(3, |dice| CoactivationPair {
                    first: dice.index(),
                    second: dice.index(),
                    probability: dice.number(),
                })
            }),
            delays: self.option(|dice| Delays {
                from_gates: dice.roll(2) == 0,
                train: dice.list(4, |dice| Matched { checkpoint: dice.index(), count: dice.index() }),
                test: dice.list(4, |dice| Matched { checkpoint: dice.index(), count: dice.index() }),
                scores: dice.list(4, |dice| dice.list(4, Self::number)),
                pairs: dice.list(4, |dice| Pair {
                    train: dice.index(),
                    test: dice.index(),
                    delay: if dice.roll(5) == 0 { i64::MIN } else { dice.roll(9000).cast_signed() - 3000 },
                    score: dice.number(),
                }),
                total: dice.number(),
                second_best_total: dice.option(Self::number),
                null_share: dice.option(Self::number),
                null_draws: dice.big(),
                null_exact: dice.roll(2) == 0,
            }),
            correlations: self.list(6, |dice| Correlation {
                metric: ["distance", "consistency", "loss", "<b>"][dice.roll(4) as usize].into(),
                group: dice.group(),
                n: dice.index(),
                pearson: dice.option(Self::number),
                spearman: dice.option(Self::number),
                undefined: dice.option(Self::text),
                increments_r: dice.option(Self::number),
                increments_p: dice.option(Self::number),
                increments_clock_p: dice.option(Self::number),
                increments_orders: dice.big(),
                increments_exact: dice.roll(2) == 0,
                increments_undefined: dice.option(Self::text),
                partial: dice.option(Self::number),
                checkpoint_permutation_p: dice.option(Self::number),
                checkpoint_permutation_p_spearman: dice.option(Self::number),
                checkpoint_permutation_orders: dice.big(),
                checkpoint_permutation_exact: dice.roll(2) == 0,
            }),
            clock: self.option(Self::number),
            changes: self.list(3, |dice| Change {
                metric: ["distance", "<b>"][dice.roll(2) as usize].into(),
                group: dice.group(),
                from: dice.index(),
                to: dice.index(),
                ratio: dice.number(),
                se_ratio: dice.number(),
                half_width: dice.number(),
                n: dice.index(),
                requested: dice.roll(2) == 0,
            }),
        }
    }

    fn course(&mut self, names: &[String]) -> Course {
        let names = if self.roll(12) == 0 { &[] } else { names };
        let name = |dice: &mut Self| match names.len() {
            0 => dice.text(),
            known => names[dice.roll(known as u64) as usize].clone(),
        };
        let metric = METRICS[self.roll(METRICS.len() as u64) as usize].id;
        Course {
            metric: if self.roll(20) == 0 { self.text() } else { metric.into() },
            domain: name(self),
            other_domain: (self.roll(12) == 0).then(|| name(self)),
            group: self.group(),
            layer: (self.roll(2) == 0).then(|| self.index()),
            tau: (self.roll(2) == 0).then(|| [0.5, 0.7, f64::NAN, -1.0][self.roll(4) as usize]),
            t_star: (self.roll(12) == 0).then(|| self.index()),
            n: self.option(Self::big),
            pairs: self.option(Self::big),
            values: self.series(),
            se: self.option(Self::series),
        }
    }

    /// A report in which nothing fits anything.
    pub fn report(&mut self) -> Report {
        let mut report = small();
        let told = self.roll(2) == 0;
        report.checkpoints =
            self.list(8, |dice| Checkpoint { step: dice.big(), tokens: told.then(|| dice.big()) });
        if self.roll(2) == 0 {
            report.checkpoints.sort_by_key(|checkpoint| checkpoint.step);
        }
        report.domains = self.list(10, Self::domain);
        report.run.layers = self.index();
        report.run.experts = self.index();
        report.run.gate_kind = match self.roll(3) {
            0 => GateKind::SoftmaxMean,
            1 => GateKind::SigmoidNormalizedMean,
            _ => GateKind::SelectionFrequency,
        };
        report.settings.tau = self.number();
        report.settings.window = self.option(|dice| Window { first: dice.big(), last: dice.big() });
        let names: Vec<String> = report.domains.iter().map(|domain| domain.name.clone()).collect();
        report.courses = self.list(300, |dice| dice.course(&names));
        report.exchange = self.list(4, |dice| Exchange {
            metric: ["distance", "<b>"][dice.roll(2) as usize].into(),
            group: dice.group(),
            statistic: dice.option(Self::number),
            p: dice.option(Self::number),
            assignments: dice.big(),
            exact: dice.roll(2) == 0,
            domains: dice.index(),
            undefined: dice.option(Self::text),
        });
        report.claims = claims(&report);
        report
    }
}
